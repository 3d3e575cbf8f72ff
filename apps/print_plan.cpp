#include "apps/print_plan.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <optional>
#include <string>
#include <vector>

#include "apps/output.h"
#include "core/check.h"
#include "train/run_plan.h"

namespace drift {
namespace {

std::string bytes_text(double bytes) {
  constexpr std::array kUnits = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  std::size_t unit = 0;
  for (; bytes >= 999.95 && unit + 1 < kUnits.size(); ++unit) bytes /= 1000;
  return fmt::format("{:.4g} {}", bytes, kUnits[unit]);
}

void row(std::string_view name, const std::string& text) {
  print("{:<13} {}\n", name, text);
}

std::string data_text(const TrainConfig& config, const RunPlan& plan, const std::string& no_data) {
  std::string text = config.data.spec;
  if (plan.train_images) text += fmt::format(", {} training images", *plan.train_images);
  if (plan.held_out > 0) text += fmt::format(", {} held out", plan.held_out);
  if (no_data.empty()) return text;
  return text + (plan.train_images ? ", by --train-images" : "");
}

void print_head(const TrainConfig& config, const RunPlan& plan, const std::string& no_data) {
  const Schedule& schedule = plan.schedule;
  row("network", fmt::format("{}, {} parameters; activations in {}", config.model.name, plan.parameters,
                             name_of(config.machine.precision)));
  row("data", data_text(config, plan, no_data));
  if (!no_data.empty()) row("", "not opened: " + no_data);
  row("workers", fmt::format("{} x {} = {} images a step; {} process{}", config.sync.workers, config.sync.local_batch,
                             config.sync.global_batch(), plan.team.processes, plan.team.processes == 1 ? "" : "es"));
  row("length", fmt::format("{} steps, {} an epoch: {:g} epochs, {:.0f} images", schedule.total_steps,
                            schedule.steps_per_epoch, schedule.epoch_of(schedule.total_steps), plan.images_seen));
  row("evaluations", fmt::format("{}", plan.evaluations));
  const double minutes = config.checkpoints.minutes;
  row("checkpoints",
      fmt::format("{} of {}{}", plan.checkpoints, bytes_text(plan.checkpoint_bytes),
                  minutes == 0 ? "" : fmt::format(", and one when the last is {:g} minutes old", minutes)));
}

// Rounds one behind the other, whose H is the shortest of them or less than twice that.
struct Rounds {
  Step first = 0, shortest = 0, longest = 0;
  std::int64_t count = 0;
};

std::vector<Rounds> grouped(const SyncPlan& plan) {
  constexpr std::size_t kRowsMax = 12;  // of H one by one
  const bool apart = plan.stretches().size() <= kRowsMax;
  std::vector<Rounds> groups;
  for (const Stretch& stretch : plan.stretches()) {
    const bool joins = !apart && !groups.empty() && stretch.period >= groups.back().shortest &&
                       stretch.period < 2 * groups.back().shortest;
    if (!joins) groups.push_back({stretch.first, stretch.period, stretch.period, 0});
    groups.back().longest = std::max(groups.back().longest, stretch.period);
    groups.back().count += stretch.count;
  }
  return groups;
}

std::string range_text(Step shortest, Step longest) {
  return shortest == longest ? fmt::format("{}", shortest) : fmt::format("{} to {}", shortest, longest);
}

void print_phases(const RunPlan& plan) {
  const Schedule& schedule = plan.schedule;
  print("\n{:>10} {:>8}  {:<8}  averaged\n", "from step", "epoch", "steps");
  for (const Phase& phase : plan.phases) {
    const bool gradients = phase.sync == Sync::kGradients;
    const int fragments = schedule.plan.fragments();
    std::string what = gradients        ? "gradients"
                       : fragments == 1 ? "parameters"
                                        : fmt::format("parameters by {} fragments", fragments);
    if (!gradients && schedule.plan.node_period() > 0) {
      what += fmt::format(", within nodes every {} steps", schedule.plan.node_period());
    }
    if (!gradients && schedule.plan.delay() > 0) what += fmt::format(", {} steps late", schedule.plan.delay());
    print("{:>10} {:>8.2f}  {:<8}  {}, {} times\n", phase.first, schedule.epoch_of(phase.first),
          phase.last - phase.first, what, phase.averages);
  }
  const std::vector<Rounds> groups = grouped(schedule.plan);
  if (!groups.empty()) {
    print("\n{:>10} {:>8} {:>8} {:>14} {:>8}  learning rate\n", "from step", "epoch", "round", "H", "rounds");
  }
  for (const Rounds& rounds : groups) {
    print("{:>10} {:>8.2f} {:>8} {:>14} {:>8}  {:g}\n", rounds.first, schedule.epoch_of(rounds.first),
          schedule.plan.rounds_before(rounds.first), range_text(rounds.shortest, rounds.longest), rounds.count,
          schedule.lr.at(rounds.first));
  }
  const Step left = schedule.total_steps - schedule.plan.last_round_end();
  if (left > 0) print("the last {} steps end no round: they are not averaged\n", left);
}

void print_rates(const RunPlan& plan) {
  print("\n{:>10} {:>8}  learning rate\n", "step", "epoch");
  for (const RateAt& at : plan.rates) {
    print("{:>10} {:>8.2f}  {:<13g}  {}\n", at.step, plan.schedule.epoch_of(at.step), at.rate, at.event);
  }
}

void print_bytes(const TrainConfig& config, const RunPlan& plan) {
  if (plan.bytes_of_sgd == 0) return row("sent", "nothing: one worker averages with nobody");
  row("sent", fmt::format("{} by each worker, {} by all; parallel SGD {}, so {:.3g} % of it",
                          bytes_text(plan.bytes / config.sync.workers), bytes_text(plan.bytes),
                          bytes_text(plan.bytes_of_sgd), 100 * plan.bytes / plan.bytes_of_sgd));
}

std::string more_arenas_text(const SyncConfig& sync) {
  std::vector<std::string_view> what;
  if (sync.keeps_round_start()) what.push_back("start of the round");
  if (sync.outer.kind != Outer::kNone) what.push_back("outer momentum");
  if (sync.compresses() && sync.wire.error_feedback) what.push_back("what rounding left out");
  if (sync.fragment_delay > 0) what.push_back("average on its way: what was sent, the mean and the difference");
  return fmt::format("of a worker: {}", fmt::join(what, ", "));
}

void print_memory(const TrainConfig& config, const RunPlan& plan) {
  const MemoryNeed& memory = plan.memory;
  print("\nmemory of {}process, on {}\n", plan.team.processes == 1 ? "the " : "each ",
        plan.device == DeviceType::kCuda ? "its GPU" : "the CPU");
  const auto part = [](double bytes, const std::string& text) { print("{:>10}  {}\n", bytes_text(bytes), text); };
  const auto parts = [&](int count, std::int64_t bytes, const std::string& text) {
    const auto each = static_cast<double>(bytes);
    if (bytes > 0) part(count * each, fmt::format("{} x {}: {}", count, bytes_text(each), text));
  };
  parts(memory.replicas, memory.step.state, "parameters, gradients, momentum and running statistics of a worker");
  parts(memory.replicas, memory.more_arenas, more_arenas_text(config.sync));
  parts(memory.replicas, memory.step.batch, "images of a worker's batches");
  parts(memory.lanes, memory.step.activations,
        fmt::format("activations of {} images, for as many workers at once", config.sync.local_batch));
  parts(memory.lanes, memory.step.workspace, "scratch memory of their largest operation");
  part(static_cast<double>(memory.averaged_model), "the averaged model");
  if (memory.telemetry > 0) part(static_cast<double>(memory.telemetry), "the mean of the round before");
  if (!memory.images) {
    print("{:>10}  training images: the data is not there\n", "not known");
  } else if (*memory.images > 0) {
    part(static_cast<double>(*memory.images), "training images");
  }
  part(static_cast<double>(memory.total()), "in all, beside evaluations and what libraries take");
}

}  // namespace

void print_plan(const TrainConfig& config, int processes) {
  std::optional<DataSource> data;
  std::string no_data;
  try {
    data = open_split(config.data, config.seed);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kData) throw;
    no_data = error.message();
  }
  DRIFT_CHECK(
      kData, data || config.data.train_images > 0 || config.length.steps_per_epoch > 0,
      "a plan needs the number of training images, and the data cannot be opened: {}. Give --train-images N, or "
      "--steps-per-epoch N",
      no_data);
  const RunPlan plan = plan_run(config, data ? &*data : nullptr, processes);
  print_head(config, plan, no_data);
  print_bytes(config, plan);
  print_phases(plan);
  print_rates(plan);
  print_memory(config, plan);
  if (!plan.obstacle.empty()) print("\nSo it would not begin: {}\n", plan.obstacle);
}

}  // namespace drift
