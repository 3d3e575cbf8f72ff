#include "tests/apps/run_files.h"

#include <gtest/gtest.h>

#include "tests/support/file_damage.h"

namespace drift::testing {

namespace fs = std::filesystem;

std::vector<Json> timeless_metrics(const fs::path& run) {
  std::vector<Json> lines = read_json_lines(run / "metrics.jsonl");
  for (Json& line : lines) {
    for (const char* key : {"img_s", "t_step", "t_compute", "t_data", "t_fwd", "t_bwd", "t_opt", "t_comm", "t_eval"}) {
      EXPECT_EQ(line.contains(key), (line.at("kind") == "eval") == (std::string_view(key) == "t_eval")) << key;
      line.erase(key);
    }
  }
  return lines;
}

std::string bytes_of(const fs::path& path) {
  EXPECT_TRUE(fs::is_regular_file(path)) << path;
  return file_text(path);
}

void expect_same_checkpoint(const fs::path& a, const fs::path& b) {
  for (const auto& entry : fs::directory_iterator(a)) {
    const std::string name = entry.path().filename();
    if (name == "meta.json") continue;  // has the run's directory in it
    EXPECT_TRUE(bytes_of(entry.path()) == bytes_of(b / name)) << entry.path();
  }
}

}  // namespace drift::testing
