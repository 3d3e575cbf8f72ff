// What a comparison has come to so far: from its directory to arms, verdicts, and what is written of them.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "analysis/compare/comparison.h"
#include "analysis/report/results.h"
#include "core/json_lines.h"

namespace drift {

// The file that makes a directory one of a comparison: which arms there are, and where their runs lie.
constexpr const char* kComparisonFile = "comparison.json";

Json describe(const Comparison& comparison);
bool is_comparison(const std::filesystem::path& directory);
// In the order of the recipe, with the runs that have begun; an arm of which none has is left out.
std::vector<Arm> arms_in(const std::filesystem::path& directory);

struct Verdict {
  Expectation expectation;
  std::optional<Estimate> difference;  // paired; nothing without two finished runs of a seed
  bool holds = false;                  // the whole interval is where it should be
};
std::vector<Verdict> judge(const std::vector<Expectation>& expectations, const std::vector<ArmResult>& results);

// For a terminal: a line per arm, then one per verdict.
std::string table_text(const std::vector<ArmResult>& results);
std::string text_of(const Verdict& verdict);

Json summary_json(const std::string& name, const std::vector<ArmResult>& results, const std::vector<Verdict>& verdicts);
// A line per run.
std::string summary_csv(const std::vector<Arm>& arms);

}  // namespace drift
