// The transport between processes that each have a GPU of their own: NCCL 2.18 or newer, on device memory. What it
// moves is enqueued on the stream, so nobody waits on the host, and a step may capture it. It sends and
// receives in groups.
#pragma once

#include <memory>
#include <string>

#include "comm/transport.h"
#include "kernels/device.h"

namespace drift {

bool have_nccl();  // in this build

struct NcclOptions {
  int process = 0, processes = 1;
  Device device;                 // a GPU that no other process has
  double timeout_seconds = 300;  // for all to come
  int multiprocessors = 0;       // that its kernels may use; 0: as many as it likes
  std::string id;                // make_nccl_id() of one process, told to all
};

// Bytes, not text. Throws kComm in a build without NCCL.
std::string make_nccl_id();
// Returns when all processes have come. Throws kComm in a build without NCCL, after the time-out, and when NCCL fails.
// A failure of NCCL later, or abort(), ends what it has under way on the device, so that whoever waits for the stream
// goes on, with memory that is of no use; the next call throws.
std::shared_ptr<Transport> make_nccl_transport(const NcclOptions& options);

}  // namespace drift
