// RecordingCommunicator: passes every call on and reports it with its cost, for metrics and tests. It keeps nothing
// itself, so a long run costs no memory.
#pragma once

#include <functional>

#include "comm/collective.h"
#include "comm/communicator.h"
#include "core/clock.h"

namespace drift {

// What a call did: all of a collective; the offer of a span whose mean is taken in the background; the wait for all
// that were offered; or nothing but the count of what was done elsewhere.
enum class CommStage : std::uint8_t { kWhole, kOffer, kWait, kCount };

// One call that succeeded.
struct CommRecord {
  Collective call = Collective::kBarrier;
  CommStage stage = CommStage::kWhole;
  std::int64_t elements = 0;
  std::int64_t bytes = 0;                 // that this worker sent for it
  double begin = 0;                       // of the call, by the clock
  double seconds = 0;                     // in it, waiting for other workers included
  std::span<const MeanTimes> means = {};  // of kWait: what it waited for; valid until the next wait
};

class RecordingCommunicator final : public Communicator {
 public:
  // `inner` and `clock` must outlive it. `on_record` runs on the thread that made the call.
  RecordingCommunicator(Communicator& inner, std::function<void(const CommRecord&)> on_record,
                        const Clock& clock = steady_clock());

  int worker() const override { return inner_.worker(); }
  int workers() const override { return inner_.workers(); }
  bool mean_can_be_captured() const override { return inner_.mean_can_be_captured(); }
  void mean_was_made(std::int64_t elements, DType wire = DType::kFloat32) override;
  void all_reduce_mean(std::span<float> values, Backend& backend, DType wire = DType::kFloat32) override;
  void node_mean(std::span<float> values, int count, Backend& backend) override;
  void prepare_means(Backend& backend) override { inner_.prepare_means(backend); }
  void start_mean(std::span<float> values, Backend& backend, DType wire = DType::kFloat32) override;
  void wait_for_means(Backend& backend) override;
  std::span<const MeanTimes> times_of_means() const override { return inner_.times_of_means(); }
  void broadcast(std::span<float> values, int root, Backend& backend) override;
  void barrier() override;
  void meet() override { inner_.meet(); }
  void abort(std::string_view reason) noexcept override { inner_.abort(reason); }
  std::int64_t bytes_sent() const override { return inner_.bytes_sent(); }

 private:
  template <class Call>
  void record(Collective call, CommStage stage, std::size_t elements, const Call& make_call);

  Communicator& inner_;
  std::function<void(const CommRecord&)> on_record_;
  const Clock& clock_;
};

}  // namespace drift
