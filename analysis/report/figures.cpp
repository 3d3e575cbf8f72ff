#include "analysis/report/figures.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <utility>

#include "analysis/report/series.h"

namespace drift {
namespace {

using Evaluations = std::function<double(const EvalRecord&)>;

Samples evaluated(const Evaluations& quantity) {
  return [quantity](const RunRecords& run) {
    std::vector<Sample> samples;
    for (const EvalRecord& record : run.evaluations) {
      samples.push_back({.steps_done = record.step, .value = quantity(record)});
    }
    return samples;
  };
}

Samples of_rounds(const std::function<double(const RoundRecord&)>& quantity) {
  return [quantity](const RunRecords& run) {
    std::vector<Sample> samples;
    for (const RoundRecord& record : run.rounds) {
      samples.push_back({.steps_done = record.step + 1, .value = quantity(record)});
    }
    return thinned(samples);
  };
}

Samples in_pieces(std::function<double(std::span<const StepRecord>)> quantity) {
  return [quantity = std::move(quantity)](const RunRecords& run) { return by_pieces(run, quantity); };
}

Samples at_changes(std::function<double(const StepRecord&)> quantity) {
  return [quantity = std::move(quantity)](const RunRecords& run) { return changes_of(run, quantity); };
}

double comm_share(std::span<const StepRecord> steps) {
  double comm = 0, seconds = 0;
  for (const StepRecord& step : steps) {
    comm += step.times.comm_seconds;
    seconds += step.seconds;
  }
  return comm / seconds;
}

struct Look {
  bool dots = false, steps = false;
};

// Of the arms that have points.
std::vector<PlotLine> lines_of(const std::vector<Arm>& arms,
                               const std::function<std::vector<PlotPoint>(const Arm&)>& points, Look look) {
  std::vector<PlotLine> lines;
  for (std::size_t i = 0; i < arms.size(); ++i) {
    PlotLine line{.name = arms[i].name,
                  .colour = static_cast<int>(i),
                  .points = points(arms[i]),
                  .dots = look.dots,
                  .steps = look.steps,
                  .dashed = i >= kPlotColours};
    if (!line.points.empty()) lines.push_back(std::move(line));
  }
  return lines;
}

// Where a learning rate falls in one step, not as a part of a slope, and where local steps begin, in the first run of
// each arm.
std::vector<PlotRule> rules_of(const std::vector<Arm>& arms) {
  constexpr double kFall = 0.75, kSteady = 0.98;
  constexpr std::size_t kMost = 12;
  std::vector<PlotRule> rules;
  const auto add = [&](double x, std::string name) {
    const bool is_known = std::ranges::any_of(rules, [&](const PlotRule& rule) {
      return std::abs(rule.x - x) < 1e-6 * std::max(1.0, x) && rule.name == name;
    });
    if (is_known) return;
    PlotRule& rule = rules.emplace_back();
    rule.x = x;
    rule.name = std::move(name);
  };
  for (const Arm& arm : arms) {
    const std::vector<StepRecord>& steps = arm.runs.front().steps;
    for (std::size_t i = 1; i < steps.size(); ++i) {
      const StepRecord &before = steps[i - 1], &now = steps[i];
      const bool was_steady = i == 1 || before.lr > kSteady * steps[i - 2].lr;
      if (was_steady && now.lr < kFall * before.lr) {
        add(before.epoch, fmt::format("learning rate {:.4g} to {:.4g}", before.lr, now.lr));
      }
      if (before.sync == Sync::kGradients && now.sync != Sync::kGradients) add(before.epoch, "local steps begin");
    }
  }
  if (rules.size() > kMost) rules.clear();
  return rules;
}

// Parameter averages, over epochs, in the first run of each arm.
std::vector<PlotMarks> rounds_of(const std::vector<Arm>& arms) {
  std::vector<PlotMarks> rounds;
  for (std::size_t i = 0; i < arms.size(); ++i) {
    PlotMarks marks{.colour = static_cast<int>(i)};
    for (const StepRecord& step : arms[i].runs.front().steps) {
      if (step.sync == Sync::kParameters) marks.x.push_back(step.epoch);
    }
    if (!marks.x.empty()) rounds.push_back(std::move(marks));
  }
  return rounds;
}

// Something else than 0, everywhere.
bool says_something(const Plot& plot) {
  return plot.has_points() && std::ranges::any_of(plot.lines, [](const PlotLine& line) {
           return std::ranges::any_of(line.points, [](const PlotPoint& point) { return point.y != 0; });
         });
}

double top1(const EvalRecord& record) {
  return record.top1;
}

class Figures {
 public:
  explicit Figures(const std::vector<Arm>& arms) : arms_(arms), rules_(rules_of(arms)), rounds_(rounds_of(arms)) {}

  std::vector<Plot> all() {
    results();
    schedule();
    rounds();
    cost();
    return std::move(plots_);
  }

 private:
  // Over epochs, with rules where something changes.
  void over_epochs(Plot plot, const Samples& samples, Look look, bool with_rounds = false) {
    plot.rules = rules_;
    if (with_rounds) {
      plot.marks = rounds_;
      plot.marks_name = "parameter averages";
    }
    plot.x_name = "epoch";
    over(&Progression::epoch, std::move(plot), samples, look);
  }
  void over(RunClock clock, Plot plot, const Samples& samples, Look look) {
    add(
        std::move(plot), [&](const Arm& arm) { return points_of(arm, samples, clock); }, look);
  }
  void add(Plot plot, const std::function<std::vector<PlotPoint>(const Arm&)>& points, Look look) {
    plot.lines = lines_of(arms_, points, look);
    if (says_something(plot)) plots_.push_back(std::move(plot));
  }

  void results() {
    constexpr Look kMeasured = {.dots = true};
    const Samples accuracy = evaluated(top1);
    over_epochs({.id = "test-accuracy",
                 .title = "Test accuracy",
                 .note = "Of the averaged model. Marks below the axis: parameter averages; dotted lines: the learning "
                         "rate falls, or local steps begin.",
                 .y_unit = Unit::kPercent},
                accuracy, kMeasured, /*with_rounds=*/true);
    add(
        {.id = "accuracy-difference",
         .title = fmt::format("Test accuracy, difference to {}", arms_.front().name),
         .note = "Seed by seed, so that what a seed does to both is left out; where the band, the 95 % interval of the "
                 "mean, leaves out 0, the arms differ.",
         .x_name = "epoch",
         .y_unit = Unit::kPercent},
        [&](const Arm& arm) { return paired_points(arm, arms_.front(), accuracy); }, kMeasured);
    over_epochs({.id = "training-loss",
                 .title = "Training loss",
                 .note = "Mean over the workers, each on its own parameters and on augmented batches, over pieces of "
                         "the run."},
                in_pieces(mean_loss), {}, /*with_rounds=*/true);
    over(&Progression::seconds,
         {.id = "accuracy-over-time",
          .title = "Test accuracy over wall time",
          .note = "Steps and evaluations of these directories; not set-up and checkpoints.",
          .x_name = "time",
          .x_unit = Unit::kSeconds,
          .y_unit = Unit::kPercent},
         accuracy, kMeasured);
    over(&Progression::averages,
         {.id = "accuracy-over-averages",
          .title = "Test accuracy over communication rounds",
          .note = "How often workers had communicated: averages of gradients or of parameters.",
          .x_name = "averages",
          .x_scale = Scale::kLog,
          .y_unit = Unit::kPercent},
         accuracy, kMeasured);
    over(&Progression::seconds,
         {.id = "loss-over-time",
          .title = "Training loss over wall time",
          .note = "As above, over the time of steps and evaluations.",
          .x_name = "time",
          .x_unit = Unit::kSeconds},
         in_pieces(mean_loss), {});
    over(&Progression::averages,
         {.id = "loss-over-averages",
          .title = "Training loss over communication rounds",
          .note = "As above, over averages of gradients or of parameters.",
          .x_name = "averages",
          .x_scale = Scale::kLog},
         in_pieces(mean_loss), {});
    over_epochs({.id = "test-loss", .title = "Test loss", .note = "Cross-entropy of the averaged model."},
                evaluated([](const EvalRecord& record) { return record.loss; }), kMeasured);
    over_epochs(
        {.id = "validation-accuracy",
         .title = "Accuracy on images held out",
         .note = "Of the averaged model, on training images that --val-split held out.",
         .y_unit = Unit::kPercent},
        evaluated([](const EvalRecord& record) { return record.validation ? record.validation->top1 : std::nan(""); }),
        kMeasured);
  }

  void schedule() {
    over_epochs({.id = "learning-rate", .title = "Learning rate", .note = "Of every worker.", .y_scale = Scale::kLog},
                at_changes([](const StepRecord& step) { return step.lr; }), {.steps = true});
    const bool is_local = std::ranges::any_of(arms_, [](const Arm& arm) {
      const std::vector<StepRecord>& steps = arm.runs.front().steps;
      return std::ranges::any_of(steps, [](const StepRecord& step) { return step.sync != Sync::kGradients; });
    });
    if (!is_local) return;
    over_epochs({.id = "period",
                 .title = "H, local steps per round",
                 .note = "1 where gradients are averaged at every step.",
                 .y_scale = Scale::kLog},
                at_changes([](const StepRecord& step) { return static_cast<double>(step.period); }), {.steps = true});
  }

  void rounds() {
    over_epochs({.id = "consensus",
                 .title = "Consensus distance",
                 .note = "Mean squared distance of the workers' parameters to their mean, when a round ends, of the "
                         "squared norm of that mean.",
                 .y_scale = Scale::kLog},
                of_rounds([](const RoundRecord& round) { return round.relative_consensus; }), {});
    over_epochs({.id = "cosine",
                 .title = "Cosine between worker updates",
                 .note = "Of two workers in a round, on average; 1 where all went the same way, 0 where each went its "
                         "own."},
                of_rounds([](const RoundRecord& round) { return round.cosine.value_or(std::nan("")); }), {});
    over_epochs({.id = "update",
                 .title = "Norm of the averaged update",
                 .note = "How far the mean of the parameters moved from one round to the next.",
                 .y_scale = Scale::kLog},
                of_rounds([](const RoundRecord& round) { return round.update.value_or(std::nan("")); }), {});
  }

  void cost() {
    over_epochs({.id = "speed", .title = "Images per second", .note = "Of all workers together."},
                in_pieces(images_per_second), {});
    over_epochs({.id = "communication",
                 .title = "Time in the communicator",
                 .note = "As a part of the wall time of steps, waiting for other workers included; mean over workers.",
                 .y_unit = Unit::kPercent},
                in_pieces(comm_share), {});
    over_epochs({.id = "bytes",
                 .title = "Bytes sent",
                 .note = "By all workers so far, as if each sat on a machine of its own.",
                 .y_scale = Scale::kLog,
                 .y_unit = Unit::kBytes},
                [](const RunRecords& run) {
                  const Timeline timeline(run);
                  std::vector<Sample> samples = by_pieces(run, [](std::span<const StepRecord>) { return 0.0; });
                  for (Sample& sample : samples) sample.value = timeline.at(sample.steps_done).bytes;
                  return samples;
                },
                {});
  }

  const std::vector<Arm>& arms_;
  const std::vector<PlotRule> rules_;
  const std::vector<PlotMarks> rounds_;
  std::vector<Plot> plots_;
};

}  // namespace

std::vector<Plot> figures_of(const std::vector<Arm>& arms) {
  return Figures(arms).all();
}

}  // namespace drift
