#include "tests/apps/run_files.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "tests/support/file_damage.h"
#include "train/config/toml.h"

namespace drift::testing {

namespace fs = std::filesystem;

std::vector<Json> timeless_metrics(const fs::path& run) {
  std::vector<Json> lines = read_json_lines(run / "metrics.jsonl");
  std::erase_if(lines, [](const Json& line) { return line.at("kind") != "step" && line.at("kind") != "eval"; });
  for (Json& line : lines) {
    EXPECT_TRUE(line.contains(line.at("kind") == "eval" ? "t_eval" : "t_step")) << line;
    line.erase("img_s");
    for (auto field = line.begin(); field != line.end();) {
      field = field.key().starts_with("t_") ? line.erase(field) : std::next(field);
    }
  }
  return lines;
}

std::string bytes_of(const fs::path& path) {
  EXPECT_TRUE(fs::is_regular_file(path)) << path;
  return file_text(path);
}

bool has_checkpoint(const fs::path& run) {
  return fs::exists(run / "ckpt") && std::ranges::any_of(fs::directory_iterator(run / "ckpt"), [](const auto& entry) {
           return entry.path().filename().string().starts_with("step-");
         });
}

void expect_clean_files(const fs::path& run, const std::vector<std::string>& arguments) {
  std::vector<Json> lines;
  EXPECT_NO_THROW(lines = read_json_lines(run / "metrics.jsonl"));
  for (const Json& line : lines) EXPECT_TRUE(line.contains("kind")) << line;
  EXPECT_NO_THROW(config_from_toml(bytes_of(run / "config.toml")));
  for (const char* file : {"env.json", "summary.json"}) {
    EXPECT_FALSE(Json::parse(bytes_of(run / file), nullptr, /*allow_exceptions=*/false).is_discarded()) << file;
  }
  EXPECT_EQ(bytes_of(run / "cmd.txt"), fmt::format("drift {}\n", fmt::join(arguments, " ")));
  EXPECT_FALSE(fs::exists(run / ".lock"));
}

void expect_same_checkpoint(const fs::path& a, const fs::path& b) {
  for (const auto& entry : fs::directory_iterator(a)) {
    const std::string name = entry.path().filename();
    if (name == "meta.json") continue;  // has the run's directory in it
    EXPECT_TRUE(bytes_of(entry.path()) == bytes_of(b / name)) << entry.path();
  }
}

void expect_same_run(const fs::path& a, const fs::path& b, Step step) {
  EXPECT_EQ(timeless_metrics(a), timeless_metrics(b));
  const std::string checkpoint = fmt::format("ckpt/step-{}", step);
  expect_same_checkpoint(a / checkpoint, b / checkpoint);
}

}  // namespace drift::testing
