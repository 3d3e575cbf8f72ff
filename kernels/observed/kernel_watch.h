// KernelWatch: which kernels a device runs for the operations of one backend, and how long each takes: an operation is
// one kernel of our own, and some of the vendor's, with copies and sums between them. Of what was captured and is
// replayed: there an operation is known by the nodes that it made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/device.h"

namespace drift {

class KernelWatch {
 public:
  struct Kernel {
    std::size_t identity = 0;  // of its operation, as operation_begins() was told
    std::string name = {};     // "void drift::packets<true, drift::SgdStep>(...)"
    std::int64_t launches = 0, nanoseconds = 0;
  };

  virtual ~KernelWatch() = default;

  // What this thread captures in between belongs to this operation.
  virtual void operation_begins(std::size_t identity) = 0;
  virtual void operation_ends() = 0;
  // What is enqueued in between is counted. stop(): once it has run.
  virtual void start() = 0;
  virtual void stop() = 0;
  // What was counted since the last call, by operation and name.
  virtual std::vector<Kernel> take() = 0;
};

// Throws kDevice where nothing tells which kernels run: on a CPU, and where there is no CUPTI that this program may
// use.
std::unique_ptr<KernelWatch> make_kernel_watch(Device device);

}  // namespace drift
