#include "comm/averaging.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "comm/background_mean.h"
#include "comm/collective.h"
#include "comm/collective_barrier.h"
#include "comm/exchange.h"
#include "comm/shares.h"
#include "comm/team_mean.h"
#include "core/check.h"

namespace drift {
namespace {

// Of a process with a GPU: where means are taken while the streams of its workers go on.
struct SideStream {
  explicit SideStream(Device device) : stream(make_stream(device, 1)), backend(make_backend(*stream)), done(device) {}

  std::unique_ptr<Stream> stream;
  std::unique_ptr<Backend> backend;
  Event done;
};

class TeamCommunicator final : public Communicator {
 public:
  // `place`: among the workers of this process.
  TeamCommunicator(const Team& team, int place, std::shared_ptr<CollectiveBarrier> meeting,
                   std::shared_ptr<Exchange> exchange, std::shared_ptr<BackgroundMean> background)
      : team_(team),
        place_(place),
        meeting_(std::move(meeting)),
        exchange_(std::move(exchange)),
        background_(std::move(background)) {}
  ~TeamCommunicator() override {
    const std::string reason = fmt::format("worker {} has left", worker());
    meeting_->fail(reason);
    background_->abort(reason);
  }

  int worker() const override { return team_.first_worker() + place_; }
  int workers() const override { return team_.workers; }
  std::int64_t bytes_sent() const override { return bytes_sent_; }
  void abort(std::string_view reason) noexcept override {
    const std::string text = fmt::format("worker {} gave up: {}", worker(), reason);
    meeting_->fail(text);
    background_->abort(text);
    if (exchange_) exchange_->abort(text);
    background_->settle();
  }

  bool mean_can_be_captured() const override { return !exchange_ || exchange_->only_enqueues(); }
  void mean_was_made(std::int64_t elements, DType wire) override {
    bytes_sent_ += bytes_on_wire(Collective::kAllReduceMean, elements, workers(), wire);
  }
  void all_reduce_mean(std::span<float> values, Backend& backend, DType wire) override {
    mean(values, wire, backend);
    mean_was_made(std::ssize(values), wire);
  }

  // Nothing of it leaves the machine: no bytes are counted.
  void node_mean(std::span<float> values, int count, Backend& backend) override {
    DRIFT_ASSERT(count > 0 && here() % count == 0, "a node of {} workers, of {} in a process", count, here());
    sum(values, {place_ / count * count, count}, /*into_all=*/true, DType::kFloat32, backend);
  }

  void prepare_means(Backend& backend) override {
    if (on_cpu(backend)) return background_->begin();
    if (place_ == kFirst) side_.emplace(backend.stream().device());
  }
  void start_mean(std::span<float> values, Backend& backend, DType wire) override {
    if (on_cpu(backend)) {
      background_->start(place_, values, wire);
      ++means_under_way_;
      return;
    }
    // No worker's stream waits here: the side stream waits for them.
    together({Collective::kAllReduceMean, std::ssize(values), 0, values.data(), {}, {}}, backend, Part{}, [&] {
      if (place_ != kFirst) return;
      replicas_.clear();
      for (int k = 0; k < here(); ++k) {
        meeting_->request(k).ready->wait(*side_->stream);
        replicas_.push_back(meeting_->request(k).values);
      }
      const std::int64_t elements = std::ssize(values);
      if (!exchange_) return mean_here(replicas_, elements, wire, *side_->backend);
      sum_into_first(replicas_, elements, wire, *side_->backend);
      exchange_->mean({replicas_.front(), values.size()}, wire, *side_->backend);
      copy_from_first(replicas_, elements, *side_->backend);
    });
  }
  void wait_for_means(Backend& backend) override {
    if (on_cpu(backend)) {
      return stop_all_on_error([&] {
        times_of_means_.clear();
        for (; means_under_way_ > 0; --means_under_way_) times_of_means_.push_back(background_->wait(place_));
      });
    }
    const Part part{.touches = {}, .touched_by = place_ == kFirst ? std::vector<int>{} : std::vector<int>{kFirst}};
    together({Collective::kAllReduceMean, 0, 0, nullptr, {}, {}}, backend, part, [&] {
      if (place_ != kFirst) return;
      side_->done.record(*side_->stream);
      side_->done.wait(backend.stream());
    });
  }
  std::span<const MeanTimes> times_of_means() const override { return times_of_means_; }

  void broadcast(std::span<float> values, int root, Backend& backend) override {
    const bool known = root >= 0 && root < workers();  // else the others say so
    const bool here = known && team_.process_of(root) == team_.process;
    const int source = here ? root - team_.first_worker() : kFirst;
    if (exchange_ && known && place_ == source) {
      stop_all_on_error([&] { exchange_->broadcast(values, team_.process_of(root), backend); });
    }
    copy_here(source, {Collective::kBroadcast, std::ssize(values), root, values.data(), {}, {}}, backend);
    bytes_sent_ += bytes_on_wire(Collective::kBroadcast, std::ssize(values), workers());
  }

  void meet() override { meeting_->agree(place_, {}); }

  void barrier() override {
    meeting_->agree(place_, {});
    if (!exchange_) return;
    if (place_ == kFirst) stop_all_on_error([&] { exchange_->barrier(); });
    meeting_->agree(place_, {});
  }

 private:
  static constexpr int kFirst = 0;  // the worker of a process that speaks for it

  // Whose memory this worker's work touches, and whose work touches its memory; workers of this process.
  struct Part {
    std::vector<int> touches, touched_by;
  };

  // `count` workers of this process, from the one at `first` on.
  struct Places {
    int first, count;
  };
  Places all() const { return {kFirst, here()}; }

  std::vector<int> others(const Places& among) const {
    std::vector<int> places;
    for (int k = among.first; k < among.first + among.count; ++k) {
      if (k != place_) places.push_back(k);
    }
    return places;
  }

  int here() const { return team_.local_workers(); }

  static bool on_cpu(Backend& backend) { return backend.stream().device().type == DeviceType::kCpu; }

  void mean(std::span<float> values, DType wire, Backend& backend) {
    sum(values, all(), /*into_all=*/!exchange_, wire, backend);
    if (!exchange_) return;
    if (place_ == kFirst) stop_all_on_error([&] { exchange_->mean(values, wire, backend); });
    copy_here(kFirst, {Collective::kAllReduceMean, std::ssize(values), 0, values.data(), {}, {}}, backend);
  }

  // Of some workers of this process, this one among them, in each the mean of all; or in the first one the sum.
  void sum(std::span<float> values, const Places& of, bool into_all, DType wire, Backend& backend) {
    const auto elements = std::ssize(values);
    const Places sharers = {of.first, on_cpu(backend) ? of.count : 1};
    const int share = place_ - of.first;
    const bool shares = share < sharers.count;
    const Part part{.touches = shares ? others(of) : std::vector<int>{}, .touched_by = others(sharers)};
    together({Collective::kAllReduceMean, elements, 0, values.data(), {}, {}}, backend, part, [&] {
      const std::int64_t begin = shares ? share_begin(elements, share, sharers.count) : elements;
      const std::int64_t end = shares ? share_begin(elements, share + 1, sharers.count) : elements;
      if (of.count == 1 || begin == end) return;
      replicas_.clear();
      for (int k = 0; k < of.count; ++k) replicas_.push_back(meeting_->request(of.first + k).values + begin);
      const std::span<float* const> replicas = replicas_;
      backend.average(replicas, into_all ? replicas : replicas.first(1), end - begin, into_all ? of.count : 1, wire);
    });
  }

  void copy_here(int source, const CollectiveBarrier::Request& request, Backend& backend) {
    const Part part = place_ == source ? Part{.touches = {}, .touched_by = others(all())}
                                       : Part{.touches = {source}, .touched_by = {}};
    together(request, backend, part, [&] {
      if (place_ == source || request.elements == 0) return;
      backend.copy({meeting_->request(source).values, {request.elements}}, {request.values, {request.elements}});
    });
  }

  // Enqueues `work`, which may touch the spans of other workers, between what they enqueued before and what they
  // enqueue afterwards. Whoever fails takes all with it.
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
    meeting_->agree(place_, request);
    std::vector<std::shared_ptr<const Event>> done;  // theirs, who may be gone once they have left
    try {
      stop_all_on_error([&] {
        for (const int k : part.touches) meeting_->request(k).ready->wait(stream);
        work();
        done_->record(stream);
        for (const int k : part.touched_by) done.push_back(meeting_->request(k).done);
      });
    } catch (...) {
      meeting_->leave();
      throw;
    }
    const auto reason = meeting_->leave();
    DRIFT_CHECK(kComm, !reason, "worker {} of {}, {}: {}", worker(), workers(), name_of(request.call), *reason);
    stop_all_on_error([&] {
      for (const auto& event : done) event->wait(stream);
    });
  }

  template <class Work>
  void stop_all_on_error(const Work& work) {
    try {
      work();
    } catch (...) {
      abort(caught_error(std::current_exception()).message());
      throw;
    }
  }

  Team team_;
  int place_;
  std::shared_ptr<CollectiveBarrier> meeting_;  // of the workers of this process
  std::shared_ptr<Exchange> exchange_;          // with the other processes; nullptr if there are none
  std::shared_ptr<BackgroundMean> background_;  // on CPUs
  int means_under_way_ = 0;                     // there
  std::vector<MeanTimes> times_of_means_;       // there, of the last wait for them
  std::optional<SideStream> side_;              // on a GPU, the first worker's
  std::shared_ptr<Event> ready_, done_;         // made by the first collective, which knows the device
  std::int64_t bytes_sent_ = 0;
  std::vector<float*> replicas_;  // kept, so that averaging allocates once
};

}  // namespace

std::vector<std::unique_ptr<Communicator>> make_communicators(const Membership& membership, Reduce reduce) {
  const Team& team = membership.team;
  check(team);
  DRIFT_ASSERT(team.processes == 1 || membership.transport != nullptr, "{} processes without a transport",
               team.processes);
  const auto meeting = std::make_shared<CollectiveBarrier>(team);
  const std::shared_ptr<Exchange> exchange = membership.make_exchange(reduce);
  const auto background = std::make_shared<BackgroundMean>(team, exchange);
  std::vector<std::unique_ptr<Communicator>> communicators;
  for (int place = 0; place < team.local_workers(); ++place) {
    communicators.push_back(std::make_unique<TeamCommunicator>(team, place, meeting, exchange, background));
  }
  return communicators;
}

}  // namespace drift
