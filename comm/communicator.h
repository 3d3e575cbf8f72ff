// Communicator: one worker's end of a fixed set of workers. Every worker makes the same calls in the same order; if one
// worker fails, all fail with an Error that names it, and nobody hangs. Work is enqueued on the backend's stream: later
// work there sees the result.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "kernels/backend.h"

namespace drift {

// When a mean in the background was under way, by steady_clock(): from the moment that all workers of the process had
// offered their spans, or that the one before it was done. (They travel together; so no time is counted twice.)
struct MeanTimes {
  double begin = 0, end = 0;
};

class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int worker() const = 0;
  virtual int workers() const = 0;

  // values <- the mean over workers, the same bits on every worker: summed in a fixed balanced tree over workers
  // (Backend::average), so the result does not depend on which worker arrives first. The spans have the same length on
  // all workers. wire: as what values and sums travel, and to what they are rounded therefore, those of workers of one
  // process too: the same bits in any number of processes (Average::rounded).
  virtual void all_reduce_mean(std::span<float> values, Backend& backend, DType wire = DType::kFloat32) = 0;
  // The same over the workers of a node: `count` with neighbouring numbers, from a multiple of it on, all of them in
  // this process. All workers of the process make this call.
  virtual void node_mean(std::span<float> values, int count, Backend& backend) = 0;
  // The mean over all for spans that are offered one after the other, while this worker goes on: values must not be
  // touched, on a GPU by what is enqueued, until wait_for_means(), which waits for all of them. Every worker offers the
  // same number of spans in between. Before the first, and while nobody waits for anybody: prepare_means().
  virtual void prepare_means(Backend& backend) = 0;
  virtual void start_mean(std::span<float> values, Backend& backend, DType wire = DType::kFloat32) = 0;
  virtual void wait_for_means(Backend& backend) = 0;
  // Of those that the last call of it waited for, where they were taken by a thread.
  virtual std::span<const MeanTimes> times_of_means() const { return {}; }
  // Whether all_reduce_mean() of workers on a GPU enqueues the same work each time and waits for nothing but the
  // threads of this process, so that a step captured by all of them can hold it. Whoever replays that step says so, for
  // the bytes that are sent again.
  virtual bool mean_can_be_captured() const { return false; }
  virtual void mean_was_made(std::int64_t /*elements*/, DType /*wire*/ = DType::kFloat32) {}
  // values <- root's values.
  virtual void broadcast(std::span<float> values, int root, Backend& backend) = 0;
  virtual void barrier() = 0;
  // Waits for the threads of the other workers of this process, and for nothing else.
  virtual void meet() = 0;
  // This worker gives up: every worker that waits, or calls anything later, throws kComm with this reason. Callable at
  // any time. On a CPU nothing touches the spans of a worker any more once this has returned, or another call has
  // thrown.
  virtual void abort(std::string_view reason) noexcept = 0;

  // Bytes this worker has sent so far: the sum of bytes_on_wire() (collective.h) over its calls.
  virtual std::int64_t bytes_sent() const = 0;
};

}  // namespace drift
