#include "comm/in_process.h"

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

#include "comm/collective.h"
#include "comm/collective_barrier.h"
#include "core/check.h"

namespace drift {
namespace {

// Where rank's share of n elements begins: r n / K rounded down to a cache line, so that no two ranks write to one.
std::int64_t share_begin(std::int64_t n, int rank, int ranks) {
  constexpr std::int64_t kLine = 64 / sizeof(float);
  return rank == ranks ? n : n * rank / ranks / kLine * kLine;
}

std::string current_reason() {
  try {
    throw;
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "unknown exception";
  }
}

class InProcessCommunicator final : public Communicator {
 public:
  InProcessCommunicator(int rank, std::shared_ptr<CollectiveBarrier> barrier)
      : rank_(rank), barrier_(std::move(barrier)) {}
  ~InProcessCommunicator() override { barrier_->fail(fmt::format("rank {} has left", rank_)); }

  int rank() const override { return rank_; }
  int size() const override { return barrier_->ranks(); }
  std::int64_t bytes_sent() const override { return bytes_sent_; }
  void abort(std::string_view reason) noexcept override {
    barrier_->fail(fmt::format("rank {} gave up: {}", rank_, reason));
  }

  void all_reduce_mean(std::span<float> values, Backend& backend) override {
    const auto elements = static_cast<std::int64_t>(values.size());
    const bool on_cpu = backend.stream().device().type == DeviceType::kCpu;
    const int sharers = on_cpu ? size() : 1;
    const Part part{.touches = rank_ < sharers ? others(size()) : std::vector<int>{}, .touched_by = others(sharers)};
    together({Collective::kAllReduceMean, elements, 0, values.data(), {}, {}}, backend, part, [&] {
      const std::int64_t begin = rank_ < sharers ? share_begin(elements, rank_, sharers) : elements;
      const std::int64_t end = rank_ < sharers ? share_begin(elements, rank_ + 1, sharers) : elements;
      if (size() == 1 || begin == end) return;
      replicas_.clear();
      for (int k = 0; k < size(); ++k) replicas_.push_back(barrier_->request(k).values + begin);
      backend.average(std::span<float* const>(replicas_), replicas_, end - begin);
    });
  }

  void broadcast(std::span<float> values, int root, Backend& backend) override {
    const auto elements = static_cast<std::int64_t>(values.size());
    const Part part =
        rank_ == root ? Part{.touches = {}, .touched_by = others(size())} : Part{.touches = {root}, .touched_by = {}};
    together({Collective::kBroadcast, elements, root, values.data(), {}, {}}, backend, part, [&] {
      if (rank_ == root || elements == 0) return;
      backend.copy({barrier_->request(root).values, {elements}}, {values.data(), {elements}});
    });
  }

  void barrier() override { barrier_->agree(rank_, {}); }

 private:
  // Whose memory this rank's work touches, and whose work touches its memory.
  struct Part {
    std::vector<int> touches, touched_by;
  };

  std::vector<int> others(int end) const {
    std::vector<int> ranks;
    for (int k = 0; k < end; ++k) {
      if (k != rank_) ranks.push_back(k);
    }
    return ranks;
  }

  // Enqueues `work`, which may touch the spans of other ranks, between what they enqueued before and what they enqueue
  // afterwards. Whoever fails takes all with it.
  template <class Work>
  void together(CollectiveBarrier::Request request, Backend& backend, const Part& part, const Work& work) {
    Stream& stream = backend.stream();
    stop_all_on_error([&] {
      if (!ready_) ready_ = std::make_shared<Event>(stream.device());
      if (!done_) done_ = std::make_shared<Event>(stream.device());
      ready_->record(stream);
    });
    request.ready = ready_;
    request.done = done_;
    barrier_->agree(rank_, request);
    std::vector<std::shared_ptr<const Event>> done;  // theirs, who may be gone once they have left
    try {
      stop_all_on_error([&] {
        for (const int k : part.touches) barrier_->request(k).ready->wait(stream);
        work();
        done_->record(stream);
        for (const int k : part.touched_by) done.push_back(barrier_->request(k).done);
      });
    } catch (...) {
      barrier_->leave();
      throw;
    }
    const auto reason = barrier_->leave();
    DRIFT_CHECK(kComm, !reason, "rank {} of {}, {}: {}", rank_, size(), name_of(request.call), *reason);
    stop_all_on_error([&] {
      for (const auto& event : done) event->wait(stream);
    });
    bytes_sent_ += bytes_on_wire(request.call, request.elements, size());
  }

  template <class Work>
  void stop_all_on_error(const Work& work) {
    try {
      work();
    } catch (...) {
      abort(current_reason());
      throw;
    }
  }

  int rank_;
  std::shared_ptr<CollectiveBarrier> barrier_;
  std::shared_ptr<Event> ready_, done_;  // made by the first collective, which knows the device
  std::int64_t bytes_sent_ = 0;
  std::vector<float*> replicas_;  // kept, so that averaging allocates once
};

}  // namespace

std::vector<std::unique_ptr<Communicator>> make_in_process_communicators(int size) {
  DRIFT_CHECK(kComm, size >= 1, "a set of ranks has at least one, asked for {}", size);
  const auto barrier = std::make_shared<CollectiveBarrier>(size);
  std::vector<std::unique_ptr<Communicator>> communicators;
  for (int rank = 0; rank < size; ++rank) {
    communicators.push_back(std::make_unique<InProcessCommunicator>(rank, barrier));
  }
  return communicators;
}

}  // namespace drift
