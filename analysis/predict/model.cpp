#include "analysis/predict/model.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <utility>

#include "comm/collective.h"
#include "comm/exchange.h"
#include "core/check.h"
#include "train/step/buckets.h"

namespace drift {
namespace {

constexpr std::int64_t kFloat = sizeof(float);

// What is averaged together, and when it is final, in a step whose backward nothing disturbs.
struct Bucket {
  std::int64_t floats = 0;
  double final = 0;
};

std::vector<Bucket> buckets_of(const StepMeasurement& measurement, std::int64_t bytes) {
  std::vector<Bucket> buckets;
  double last = 0;
  for (const ArenaRange& range : measurement.buckets(bytes)) {
    if (range.begin >= measurement.decayed) last = measurement.backward;  // the first layers' norms
    for (const StepMeasurement::Weight& weight : measurement.weights) {
      if (weight.begin >= range.begin && weight.begin < range.end) last = std::max(last, weight.final);
    }
    buckets.push_back({.floats = range.size(), .final = last});
  }
  return buckets;
}

// The averaging thread of a process (comm/background_mean.h), and the exchange that it drives.
class AveragingThread {
 public:
  AveragingThread(const AveragingSetting& setting, const AveragingCost& cost, const StepMeasurement& measurement)
      : setting_(setting),
        cost_(cost),
        link_(setting.link, /*process=*/0),
        message_(measurement.message),
        backward_(measurement.backward) {}

  // Seconds since backward began. Buckets in their order.
  AveragingTimes run(const std::vector<Bucket>& buckets) {
    auto next = buckets.begin();
    for (;;) {
      const bool idle = waiting_.empty() && scattered_.empty() && gathered_.empty();
      if (idle && next == buckets.end()) break;
      if (idle) now_ = std::max(now_, next->final + taken_);
      if (next != buckets.end() && next->final + taken_ <= now_) {
        begin(*next++);
      } else {
        advance();
      }
    }
    return {.taken = taken_, .exposed = std::max(0.0, now_ - (backward_ + taken_))};
  }

 private:
  struct Piece {
    std::int64_t floats = 0;
    double arrived = 0;
  };

  void begin(const Bucket& bucket) {
    work(cost_.per_bucket);
    std::int64_t left = bucket.floats;
    constexpr auto kPiece = static_cast<std::int64_t>(Exchange::kPiece);
    for (; left > kPiece; left -= kPiece) waiting_.push_back({.floats = kPiece});
    waiting_.push_back({.floats = left});
  }

  // As Exchange::advance_means().
  void advance() {
    for (; !waiting_.empty() && scattered_.size() < Exchange::kScattered; waiting_.pop_front()) {
      scattered_.push_back({.floats = waiting_.front().floats, .arrived = exchanged(waiting_.front().floats)});
    }
    if (!scattered_.empty()) {
      const Piece piece = scattered_.front();
      scattered_.pop_front();
      now_ = std::max(now_, piece.arrived);
      work(cost_.per_byte * static_cast<double>(piece.floats * kFloat));
      gathered_.push_back({.floats = piece.floats, .arrived = exchanged(piece.floats)});
      return;
    }
    now_ = std::max(now_, gathered_.front().arrived);
    gathered_.pop_front();
  }

  // A share of so many floats goes to each of the others, and theirs come.
  double exchanged(std::int64_t floats) {
    const double share =
        static_cast<double>(floats * kFloat) / setting_.processes + message_ * setting_.link.bytes_per_second;
    const auto bytes = static_cast<std::int64_t>(std::llround(share));
    double arrived = now_;
    for (int turn = 1; turn < setting_.processes; ++turn) {
      arrived = std::max(arrived, link_.receive(link_.send(now_, bytes), bytes));
    }
    return arrived;
  }

  // Of the thread itself, on a core that computes until backward has ended.
  void work(double seconds) {
    if (setting_.overlap && now_ < backward_ + taken_) taken_ += seconds;
    now_ += seconds;
  }

  const AveragingSetting& setting_;
  const AveragingCost& cost_;
  LinkModel link_;
  double message_, backward_, now_ = 0, taken_ = 0;
  std::deque<Piece> waiting_, scattered_, gathered_;
};

// Of a process, when `floats` are averaged.
double bytes_sent(std::int64_t floats, int processes) {
  return static_cast<double>(bytes_on_wire(Collective::kAllReduceMean, floats, processes));
}

}  // namespace

AveragingWay way_of(const TrainConfig& config) {
  return {.overlap = config.processes.overlap,
          .bucket_megabytes = config.processes.bucket_megabytes,
          .arenas = config.sync.scope.momentum == MomentumSync::kAverage ? 2 : 1};
}

AveragingSetting setting_of(const AveragingWay& way, const StepMeasurement& measurement, int processes,
                            const LinkOptions& link) {
  return {.processes = processes,
          .link = link,
          .overlap = way.overlap && processes > 1,
          .bucket_bytes = bucket_bytes(way.bucket_megabytes, measurement.floats),
          .arenas = way.arenas};
}

AveragingTimes averaging_times(const StepMeasurement& measurement, const AveragingSetting& setting, int arenas) {
  DRIFT_ASSERT(setting.processes >= 1 && arenas >= 1, "{} processes, {} arenas", setting.processes, arenas);
  if (setting.processes * measurement.workers_per_process == 1) return {};
  std::vector<Bucket> buckets;
  if (!setting.overlap) {
    buckets.assign(static_cast<std::size_t>(arenas), {.floats = measurement.floats, .final = measurement.backward});
  } else {
    for (const Bucket& bucket : buckets_of(measurement, setting.bucket_bytes)) {
      buckets.insert(buckets.end(), static_cast<std::size_t>(arenas), bucket);
    }
  }
  const AveragingCost& cost = setting.overlap ? measurement.overlapped : measurement.behind;
  return AveragingThread(setting, cost, measurement).run(buckets);
}

double expected_maximum(int draws) {
  DRIFT_ASSERT(draws >= 1, "{} draws", draws);
  // E max = integral of [z > 0] - Phi(z)^K.
  constexpr double kEnd = 10, kStep = 1e-3;
  double sum = 0;
  for (double z = 0.5 * kStep; z < kEnd; z += kStep) {
    const double above = 0.5 * std::erfc(z / std::sqrt(2.0));  // 1 - Phi(z) = Phi(-z)
    sum += -std::expm1(draws * std::log1p(-above)) - std::pow(above, draws);
  }
  return sum * kStep;
}

Predictor::Predictor(StepMeasurement measurement, const AveragingSetting& setting)
    : measurement_(std::move(measurement)),
      setting_(setting),
      workers_(setting.processes * measurement_.workers_per_process),
      maximum_(expected_maximum(workers_)),
      gradients_(averaging_times(measurement_, setting, 1)),
      parameters_(setting.arenas == 1 ? gradients_ : averaging_times(measurement_, setting, setting.arenas)) {}

double Predictor::waiting(Step period) const {
  return measurement_.spread * std::sqrt(static_cast<double>(period)) * maximum_;
}

double Predictor::averaging_noise() const {
  if (workers_ == 1) return 0;
  return setting_.overlap ? measurement_.overlapped.noise : measurement_.behind.noise;
}

double Predictor::noise_of(Sync sync) const {
  return measurement_.noise + (sync == Sync::kNone ? 0 : averaging_noise());
}

double Predictor::seconds_of(Sync sync, Step period) const {
  const double local = measurement_.local(), before = waiting(period - 1);
  if (sync == Sync::kNone) return local + (period > 1 ? before / static_cast<double>(period - 1) : 0);
  if (sync == Sync::kGradients) return local + gradients_.total() + waiting(1);
  return local + parameters_.total() + measurement_.round_end + waiting(period) - before;
}

Prediction Predictor::at(Step period) const {
  DRIFT_ASSERT(period >= 1, "H = {}", period);
  const auto steps = static_cast<double>(period);
  const bool synchronous = period == 1;
  const AveragingTimes& times = synchronous ? gradients_ : parameters_;
  Prediction prediction;
  const double extra = synchronous ? 0 : measurement_.round_end;
  prediction.seconds = measurement_.local() + (times.total() + extra + waiting(period)) / steps;
  const double noise = measurement_.noise + averaging_noise() / steps;
  prediction.low = std::max(0.0, prediction.seconds - noise);
  prediction.high = prediction.seconds + noise;
  prediction.exposed = times.exposed / steps;
  prediction.taken = times.taken / steps;
  prediction.waiting = waiting(period) / steps;
  prediction.images_per_second = workers_ * static_cast<double>(measurement_.local_batch) / prediction.seconds;
  const int arenas = synchronous ? 1 : setting_.arenas;
  prediction.bytes = arenas * bytes_sent(measurement_.floats, setting_.processes) / steps;
  return prediction;
}

Step Predictor::enough() const {
  constexpr double kGain = 0.01;
  constexpr Step kMost = Step{1} << 20;
  Step period = 1;
  while (period < kMost && at(period).seconds / at(2 * period).seconds - 1 >= kGain) ++period;
  return period;
}

}  // namespace drift
