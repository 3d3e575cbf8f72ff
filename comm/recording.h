// RecordingCommunicator: passes every call on and reports it with its cost, for metrics and tests. It keeps nothing
// itself, so a long run costs no memory.
#pragma once

#include <functional>

#include "comm/collective.h"
#include "comm/communicator.h"
#include "core/clock.h"

namespace drift {

// One call that succeeded.
struct CommRecord {
  Collective call = Collective::kBarrier;
  std::int64_t elements = 0;
  std::int64_t bytes = 0;  // that this worker sent for it
  double seconds = 0;      // in the call, waiting for other workers included
};

class RecordingCommunicator final : public Communicator {
 public:
  // `inner` and `clock` must outlive it. `on_record` runs on the thread that made the call.
  RecordingCommunicator(Communicator& inner, std::function<void(const CommRecord&)> on_record,
                        const Clock& clock = steady_clock());

  int worker() const override { return inner_.worker(); }
  int workers() const override { return inner_.workers(); }
  bool mean_can_be_captured() const override { return inner_.mean_can_be_captured(); }
  void mean_was_made(std::int64_t elements) override;
  void all_reduce_mean(std::span<float> values, Backend& backend) override;
  void prepare_means(Backend& backend) override { inner_.prepare_means(backend); }
  void start_mean(std::span<float> values, Backend& backend) override;
  void wait_for_means(Backend& backend) override;
  void broadcast(std::span<float> values, int root, Backend& backend) override;
  void barrier() override;
  void meet() override { inner_.meet(); }
  void abort(std::string_view reason) noexcept override { inner_.abort(reason); }
  std::int64_t bytes_sent() const override { return inner_.bytes_sent(); }

 private:
  template <class Call>
  void record(Collective call, std::size_t elements, const Call& make_call);

  Communicator& inner_;
  std::function<void(const CommRecord&)> on_record_;
  const Clock& clock_;
};

}  // namespace drift
