// What runs leave behind, for tests that compare them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/json_lines.h"
#include "core/step.h"

namespace drift::testing {

// metrics.jsonl without what is measured by a clock.
std::vector<Json> timeless_metrics(const std::filesystem::path& run);
std::string bytes_of(const std::filesystem::path& path);

// Whether it can be resumed; if not, the command that began it begins it again.
bool has_checkpoint(const std::filesystem::path& run);

// Fails the test if the files of a run, begun with these arguments, hold anything but what belongs there.
void expect_clean_files(const std::filesystem::path& run, const std::vector<std::string>& arguments);

// Fails the test unless the checkpoint has the same states of workers and the same model.
void expect_same_checkpoint(const std::filesystem::path& a, const std::filesystem::path& b);
// Fails the test unless two runs have the same records but for the clock's, and the same checkpoint of that step.
void expect_same_run(const std::filesystem::path& a, const std::filesystem::path& b, Step step);

}  // namespace drift::testing
