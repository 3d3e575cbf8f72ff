// metrics.jsonl of a run that is gone on with. The first byte is the step from which; what is kept goes into a summary,
// and is taken by the next resume too.
#include "core/log.h"
#include "tests/fuzz/target.h"
#include "tests/support/file_damage.h"
#include "tests/support/temp_directory.h"
#include "train/runs/run_directory.h"

using namespace drift;

extern "C" int fsync(int) {  // whether it lasts is not what is looked at here
  return 0;
}

namespace {

Json summary_from(const std::filesystem::path& path, Step step) {
  return RunDirectory::reopen(path, {.config = {}, .command = "drift train"}, step)->write_summary({});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const testing::TempDirectory directory;
  const std::string_view text = testing::text_of(data, size);
  if (text.empty()) return 0;
  const std::filesystem::path run = directory / "run", metrics = run / "metrics.jsonl";
  std::filesystem::create_directory(run);
  std::filesystem::remove(run / "cmd.txt");  // it grows with each
  testing::set_file_text(metrics, std::string(text.substr(1)));
  testing::is_read(ErrorKind::kData, [&] {
    const Json summary = summary_from(run, data[0]);
    DRIFT_ASSERT(summary_from(run, data[0]) == summary, "a second resume finds something else");
  });
  return 0;
}
