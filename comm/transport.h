// Transport: moves floats between the processes of a team. It knows no workers and no tree: averaging is written once,
// above every transport (exchange.h). The only sum here is the library's own, for who asks for it by name.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "kernels/device.h"

namespace drift {

// What was started together.
class Transfer {
 public:
  virtual ~Transfer() = default;
  // Work enqueued later on the transfer's stream sees what arrived and may change what was sent. Throws kComm, naming
  // the processes that were waited for, when the transport fails, is aborted or waits too long; the memory is then of
  // no use, and must live as long as the transport.
  virtual void wait() = 0;
};

class Transport {
 public:
  // channel: 0 or 1; messages of one do not wait for those of the other.
  struct Send {
    std::span<const float> values;
    int to = 0;
    int channel = 0;
  };
  struct Receive {
    std::span<float> values;
    int from = 0;
    int channel = 0;
  };

  virtual ~Transport() = default;

  virtual int process() const = 0;
  virtual int processes() const = 0;

  // Where all memory that it is given must come from; nullptr: from anywhere.
  virtual std::shared_ptr<MemorySource> memory() { return nullptr; }
  // Starts all of them behind the work of the stream. Between two processes, what one sends on a channel is what the
  // other receives there, in the order of the calls and of the lists: with the same lengths, never empty. Where it only
  // enqueues, all processes must start the same in the same order.
  virtual std::unique_ptr<Transfer> start(std::span<const Send> sends, std::span<const Receive> receives,
                                          Stream& stream) = 0;
  // values <- their sum over the processes, by the library's all-reduce: in an order that is its own, and may differ
  // with version, length and number of processes.
  virtual std::unique_ptr<Transfer> start_sum(std::span<float> values, Stream& stream) = 0;
  // "MPI_Allreduce of Open MPI v4.1.4"
  virtual std::string sum_name() const = 0;
  // Whether start(), start_sum() and wait() only enqueue, so that a captured step can hold them.
  virtual bool only_enqueues() const { return false; }
  // Returns when every process has called it.
  virtual void barrier() = 0;
  // Whoever waits here, or calls anything later, throws kComm with this reason. Callable from any thread.
  virtual void abort(std::string_view reason) noexcept = 0;

  virtual std::int64_t bytes_sent() const = 0;
};

}  // namespace drift
