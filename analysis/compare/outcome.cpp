#include "analysis/compare/outcome.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>

#include "analysis/plot/axis.h"
#include "core/check.h"
#include "core/text_table.h"

namespace drift {
namespace fs = std::filesystem;
namespace {

// NaN, and intervals of one value, are null.
Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json();
}

Json estimate_json(const Estimate& estimate) {
  return {{"mean", number(estimate.mean)},
          {"low", number(estimate.low())},
          {"high", number(estimate.high())},
          {"count", estimate.count}};
}

std::string number_text(double value, Unit unit) {
  return std::isfinite(value) ? value_text(value, unit) : "";
}

}  // namespace

Json describe(const Comparison& comparison) {
  Json arms = Json::array();
  for (const ArmPlan& arm : comparison.arms) {
    Json runs = Json::array();
    for (const PlannedRun& run : planned_runs(comparison)) {
      if (run.arm == arm.name) runs.push_back(run.directory.string());
    }
    arms.push_back({{"name", arm.name}, {"runs", runs}});
  }
  return {{"name", comparison.name}, {"arms", arms}};
}

bool is_comparison(const fs::path& directory) {
  std::error_code absent;
  return fs::is_regular_file(directory / kComparisonFile, absent);
}

std::vector<Arm> arms_in(const fs::path& directory) {
  const fs::path file = directory / kComparisonFile;
  const Json described = read_json_object(file);
  std::vector<Arm> arms;
  try {
    for (const Json& said : described.at("arms")) {
      Arm arm{.name = said.at("name").get<std::string>()};
      for (const Json& run : said.at("runs")) {
        const fs::path path = directory / run.get<std::string>();
        if (is_run(path)) arm.runs.push_back(read_run(path));
      }
      if (!arm.runs.empty()) arms.push_back(std::move(arm));
    }
  } catch (const Json::exception& error) {
    DRIFT_FAIL(kData, "{} is no description of a comparison: {}", file.string(), error.what());
  }
  return arms;
}

std::vector<Verdict> judge(const std::vector<Expectation>& expectations, const std::vector<ArmResult>& results) {
  std::vector<Verdict> verdicts;
  for (const Expectation& expectation : expectations) {
    Verdict verdict{.expectation = expectation, .difference = {}};
    const auto arm = std::ranges::find(results, expectation.arm, &ArmResult::name);
    const auto other = std::ranges::find(results, expectation.other, &ArmResult::name);
    if (arm != results.end() && other != results.end()) verdict.difference = paired_difference(*arm, *other);
    if (verdict.difference) {
      const double points = expectation.points / 100;
      verdict.holds = expectation.above ? verdict.difference->low() > points : verdict.difference->high() < points;
    }
    verdicts.push_back(std::move(verdict));
  }
  return verdicts;
}

std::string table_text(const std::vector<ArmResult>& results) {
  std::vector<std::vector<std::string>> rows = {{"arm", "seeds", "test accuracy, %", "to " + results.front().name,
                                                 "training loss", "rounds", "sent", "time", "img/s", "state"}};
  for (const ArmResult& r : results) {
    rows.push_back({r.name, std::to_string(r.seeds.size()), percent_text(r.accuracy),
                    r.difference ? percent_text(*r.difference, /*with_sign=*/true) : "",
                    number_text(r.training_loss, Unit::kNumber), number_text(r.averages, Unit::kNumber),
                    number_text(r.bytes, Unit::kBytes), number_text(r.seconds, Unit::kSeconds),
                    number_text(r.images_per_second, Unit::kNumber), r.status});
  }
  return text_table(rows, "<>>>>>>>><");
}

std::string text_of(const Verdict& verdict) {
  const std::string found = verdict.difference ? percent_text(*verdict.difference, /*with_sign=*/true) + " points"
                                               : "no two finished runs of a seed";
  return fmt::format("{} {}: {}", verdict.holds ? "as expected," : "NOT SHOWN:", verdict.expectation.text, found);
}

Json summary_json(const std::string& name, const std::vector<ArmResult>& results,
                  const std::vector<Verdict>& verdicts) {
  Json arms = Json::array(), judged = Json::array();
  for (const ArmResult& r : results) {
    Json accuracies = Json::array();
    for (const double value : r.accuracies) accuracies.push_back(number(value));
    arms.push_back({{"name", r.name},
                    {"seeds", r.seeds},
                    {"top1", accuracies},
                    {"accuracy", estimate_json(r.accuracy)},
                    {"difference", r.difference ? estimate_json(*r.difference) : Json()},
                    {"test_loss", number(r.test_loss)},
                    {"training_loss", number(r.training_loss)},
                    {"rounds", number(r.averages)},
                    {"bytes", number(r.bytes)},
                    {"seconds", number(r.seconds)},
                    {"img_s", number(r.images_per_second)},
                    {"state", r.status}});
  }
  for (const Verdict& verdict : verdicts) {
    judged.push_back({{"expected", verdict.expectation.text},
                      {"difference", verdict.difference ? estimate_json(*verdict.difference) : Json()},
                      {"holds", verdict.holds}});
  }
  return {{"name", name}, {"arms", arms}, {"expectations", judged}};
}

std::string summary_csv(const std::vector<Arm>& arms) {
  std::string text = "arm,seed,top1,test_loss,training_loss,rounds,bytes,seconds,img_s,state,directory\n";
  const auto cell = [](double value) { return std::isfinite(value) ? fmt::format("{}", value) : std::string(); };
  for (const Arm& arm : arms) {
    for (const RunRecords& run : arm.runs) {
      const ArmResult r = results_of({Arm{.name = arm.name, .runs = {run}}}).front();
      text += fmt::format("{},{},{},{},{},{},{},{},{},{},\"{}\"\n", arm.name, run.config.seed, cell(r.accuracy.mean),
                          cell(r.test_loss), cell(r.training_loss), cell(r.averages), cell(r.bytes), cell(r.seconds),
                          cell(r.images_per_second), run.status(), run.path.string());
    }
  }
  return text;
}

}  // namespace drift
