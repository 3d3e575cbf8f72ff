#include "comm/recording.h"

#include <utility>

namespace drift {

RecordingCommunicator::RecordingCommunicator(Communicator& inner, std::function<void(const CommRecord&)> on_record,
                                             const Clock& clock)
    : inner_(inner), on_record_(std::move(on_record)), clock_(clock) {}

template <class Call>
void RecordingCommunicator::record(Collective call, CommStage stage, std::size_t elements, const Call& make_call) {
  const double start = clock_.seconds();
  const std::int64_t bytes_before = inner_.bytes_sent();
  make_call();
  const double seconds = clock_.seconds() - start;
  on_record_({.call = call,
              .stage = stage,
              .elements = static_cast<std::int64_t>(elements),
              .bytes = inner_.bytes_sent() - bytes_before,
              .begin = start,
              .seconds = seconds,
              .means = stage == CommStage::kWait ? inner_.times_of_means() : std::span<const MeanTimes>()});
}

void RecordingCommunicator::all_reduce_mean(std::span<float> values, Backend& backend, DType wire) {
  record(Collective::kAllReduceMean, CommStage::kWhole, values.size(),
         [&] { inner_.all_reduce_mean(values, backend, wire); });
}

void RecordingCommunicator::node_mean(std::span<float> values, int count, Backend& backend) {
  record(Collective::kAllReduceMean, CommStage::kWhole, values.size(),
         [&] { inner_.node_mean(values, count, backend); });
}

void RecordingCommunicator::start_mean(std::span<float> values, Backend& backend, DType wire) {
  record(Collective::kAllReduceMean, CommStage::kOffer, values.size(),
         [&] { inner_.start_mean(values, backend, wire); });
}

void RecordingCommunicator::wait_for_means(Backend& backend) {
  record(Collective::kAllReduceMean, CommStage::kWait, 0, [&] { inner_.wait_for_means(backend); });
}

void RecordingCommunicator::mean_was_made(std::int64_t elements, DType wire) {
  record(Collective::kAllReduceMean, CommStage::kCount, static_cast<std::size_t>(elements),
         [&] { inner_.mean_was_made(elements, wire); });
}

void RecordingCommunicator::broadcast(std::span<float> values, int root, Backend& backend) {
  record(Collective::kBroadcast, CommStage::kWhole, values.size(), [&] { inner_.broadcast(values, root, backend); });
}

void RecordingCommunicator::barrier() {
  record(Collective::kBarrier, CommStage::kWhole, 0, [&] { inner_.barrier(); });
}

}  // namespace drift
