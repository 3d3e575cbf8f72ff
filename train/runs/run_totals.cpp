#include "train/runs/run_totals.h"

namespace drift {
namespace {

double per_second(std::int64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

}  // namespace

void RunTotals::add(const Json& line) {
  if (line.at("kind") == "eval") {
    last_evaluation_ = line;
    const Json& best = best_evaluation_;
    const auto accuracy = [](const Json& evaluation) { return evaluation.at("val_top1").get<double>(); };
    if (line.contains("val_top1") && (best.is_null() || accuracy(line) > accuracy(best))) best_evaluation_ = line;
    eval_seconds_ += line.at("t_eval").get<double>();
  }
  if (line.at("kind") != "step") return;
  steps_ = line.at("step").get<Step>() + 1;
  epoch_ = line.at("epoch").get<double>();
  samples_ = line.at("samples").get<std::int64_t>();
  timed_samples_ += global_batch_;
  bytes_ += line.at("bytes").get<std::int64_t>();
  train_seconds_ += line.at("t_step").get<double>();
  loss_ = line.at("loss");
}

std::optional<BestEvaluation> RunTotals::best_evaluation() const {
  const Json& best = best_evaluation_;
  if (best.is_null()) return std::nullopt;
  return BestEvaluation{.step = best.at("step").get<Step>(), .val_top1 = best.at("val_top1").get<double>()};
}

Json RunTotals::summary(const RunOutcome& outcome, const std::string& command) const {
  const auto field = [](const Json& object, const char* key) {
    return object.is_null() ? Json() : object.value(key, Json());
  };
  return {{"status", outcome.status},
          {"message", outcome.message},
          {"top1", field(last_evaluation_, "top1")},
          {"correct", field(last_evaluation_, "correct")},
          {"top5", field(last_evaluation_, "top5")},
          {"correct_top5", field(last_evaluation_, "correct_top5")},
          {"total", field(last_evaluation_, "total")},
          {"loss", field(last_evaluation_, "loss")},
          {"eval_step", field(last_evaluation_, "step")},
          {"val_top1", field(last_evaluation_, "val_top1")},
          {"val_correct", field(last_evaluation_, "val_correct")},
          {"val_top5", field(last_evaluation_, "val_top5")},
          {"val_correct_top5", field(last_evaluation_, "val_correct_top5")},
          {"val_total", field(last_evaluation_, "val_total")},
          {"val_loss", field(last_evaluation_, "val_loss")},
          {"best_step", field(best_evaluation_, "step")},
          {"best_val_top1", field(best_evaluation_, "val_top1")},
          {"best_val_top5", field(best_evaluation_, "val_top5")},
          {"best_test_top1", field(best_evaluation_, "top1")},
          {"best_test_top5", field(best_evaluation_, "top5")},
          {"train_loss", loss_},
          {"steps", steps_},
          {"epochs", epoch_},
          {"samples", samples_},
          {"img_s", per_second(timed_samples_, train_seconds_)},
          {"bytes", bytes_},
          {"train_seconds", train_seconds_},
          {"eval_seconds", eval_seconds_},
          {"sync_scope", outcome.sync_scope},
          {"command", command}};
}

}  // namespace drift
