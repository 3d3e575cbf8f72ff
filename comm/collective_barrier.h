// CollectiveBarrier: where the workers of one process wait for each other; a reusable barrier that checks that all came
// for the same collective, and that can be aborted. A collective is agree() [work on each other's memory] leave():
// memory published by agree() is in use by other threads until leave() returns, so leave() waits for everybody even
// after a failure, while agree() throws at once. Nobody waits for ever: between the two nothing waits.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "comm/collective.h"
#include "comm/team.h"
#include "kernels/device.h"

namespace drift {

class CollectiveBarrier {
 public:
  // What a worker asks for. All workers must ask for the same, but for `values`.
  struct Request {
    Collective call = Collective::kBarrier;
    std::int64_t elements = 0;
    int root = 0;
    float* values = nullptr;
    // Recorded on the worker's stream: its values may be read and written, and its work on those of others is enqueued.
    std::shared_ptr<const Event> ready, done;
  };

  explicit CollectiveBarrier(const Team& team);

  // Publishes the request and returns when every worker has asked for the same. Throws kComm, on all workers, when they
  // ask for different things or when a worker has failed.
  void agree(int place, const Request& request);
  // What a worker published: readable between agree() and leave().
  const Request& request(int place) const { return requests_[static_cast<std::size_t>(place)]; }
  // After agree(): returns when every worker has come here; the reason, if one of them failed before it came.
  std::optional<std::string> leave();
  // Every worker that waits in agree(), or comes there later, throws with the first reason given. Callable from any
  // thread.
  void fail(std::string reason) noexcept;

 private:
  // Both with the lock held.
  void complete();
  void set_failed(std::string reason) noexcept;

  const Team team_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Request> requests_;
  int arrived_ = 0;
  std::uint64_t passes_ = 0;  // completed ones: each agree() and each leave() of all workers is one
  // The pass under way at the first failure; those completed before stay valid.
  std::optional<std::uint64_t> failed_pass_;
  std::string reason_;
};

}  // namespace drift
