// RunTotals: what the records of a run add up to, and the summary.json made of that.
#pragma once

#include <optional>
#include <string>

#include "core/json_lines.h"
#include "core/step.h"

namespace drift {

struct RunOutcome {
  std::string status;      // "finished", "stopped", "diverged", "failed"
  std::string message;     // why, unless finished
  std::string sync_scope;  // describe_scope
};

struct BestEvaluation {
  Step step = 0;
  double val_top1 = 0;

  bool operator==(const BestEvaluation&) const = default;
};

class RunTotals {
 public:
  explicit RunTotals(std::int64_t global_batch) : global_batch_(global_batch) {}

  // A line of metrics.jsonl that record_from() takes.
  void add(const Json& line);

  Step steps() const { return steps_; }
  // The first of the best evaluations so far, by accuracy on the images held out; nothing where there is none.
  std::optional<BestEvaluation> best_evaluation() const;
  Json summary(const RunOutcome& outcome, const std::string& command) const;

 private:
  std::int64_t global_batch_;
  Step steps_ = 0;
  std::int64_t samples_ = 0;  // of the whole run, also where its first part is in another directory
  std::int64_t bytes_ = 0;
  std::int64_t timed_samples_ = 0;
  double epoch_ = 0, train_seconds_ = 0, eval_seconds_ = 0;
  Json loss_, last_evaluation_;  // null until there is one
  Json best_evaluation_;         // by validation accuracy, the first of equals; null where no images are held out
};

}  // namespace drift
