// What ends a run is what it reports: in the exit code, on stderr and in summary.json, whatever was thrown where and
// whatever goes wrong while it is reported.
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/json_lines.h"
#include "tests/apps/program.h"
#include "tests/apps/run_files.h"
#include "tests/apps/run_with_fault.h"
#include "tests/apps/tiny_run.h"
#include "tests/support/temp_directory.h"

namespace drift::testing {
namespace {

namespace fs = std::filesystem;

Json summary_of(const fs::path& run) {
  return Json::parse(bytes_of(run / "summary.json"));
}

// The third record is written by a worker's thread, the ninth file that reaches the disk is a checkpoint's.
TEST(Errors, EveryKindOfExceptionEndsInAFailedSummary) {
  DRIFT_NEEDS_FAULTS();
  const TempDirectory directory;
  const struct {
    const char *thrown, *text;
    int exit_code;
  } kinds[] = {
      {"memory", "out of memory", 5}, {"exception", "thrown on purpose", 1}, {"int", "an exception without a text", 1}};
  for (const auto& [thrown, text, exit_code] : kinds) {
    for (const char* call : {"append 3", "fsync 9"}) {
      const std::string fault = fmt::format("alone {} {}", call, thrown);
      SCOPED_TRACE(fault);
      const fs::path run = directory / fault;
      const Outcome outcome = run_with_fault(fault, train_into(run));
      EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
      EXPECT_NE(outcome.err.find(text), std::string::npos) << outcome.err;
      const Json summary = summary_of(run);
      EXPECT_EQ(summary.at("status"), "failed");
      EXPECT_NE(summary.at("message").get<std::string>().find(text), std::string::npos) << summary;
      EXPECT_EQ(run_drift(train_into(run)).exit_code, 0) << "the same command starts it again";
    }
  }
}

// Something is in the way of the summary.
TEST(Errors, TheFirstIsReportedWhereTheSummaryCannotBeWritten) {
  const TempDirectory directory;
  const fs::path run = directory / "run";
  fs::create_directories(run / ".summary.json.partial");
  const Outcome diverged = run_drift(train_into(run, {"--lr", "1e30"}));
  EXPECT_EQ(diverged.exit_code, 7) << diverged.err;
  EXPECT_NE(diverged.err.find("drift: the loss is"), std::string::npos) << diverged.err;
  EXPECT_NE(diverged.err.find("warning: no summary of the run"), std::string::npos) << diverged.err;

  fs::remove_all(run);
  fs::create_directories(run / ".summary.json.partial");
  EXPECT_EQ(run_drift(train_into(run)).exit_code, 74) << "results that are lost are an error";
}

}  // namespace
}  // namespace drift::testing
