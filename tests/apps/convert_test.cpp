// drift convert, and checkpoints of PyTorch where weights are read.
#include <filesystem>
#include <gtest/gtest.h>

#include "core/json_lines.h"
#include "tests/apps/program.h"
#include "tests/apps/run_files.h"
#include "tests/apps/tiny_run.h"
#include "tests/support/file_damage.h"
#include "tests/support/temp_directory.h"

namespace drift::testing {
namespace {

namespace fs = std::filesystem;

fs::path golden(const std::string& name) {
  return fs::path(DRIFT_TORCH_FILES) / (name + ".pt");
}

Outcome convert(const fs::path& in, const fs::path& out, const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = {"convert", in.string(), out.string()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_drift(arguments);
}

TEST(Convert, WritesWhatPythonReads) {
  const TempDirectory directory;
  const fs::path safetensors = directory / "w.safetensors", out = directory / "out.pt";
  for (const char* name : {"strided", "nested"}) {
    ASSERT_EQ(convert(golden(name), safetensors, {"--force"}).exit_code, 0);
    const Outcome done = convert(safetensors, out, {"--force"});
    EXPECT_EQ(done.exit_code, 0) << done.err;
    EXPECT_EQ(done.out, out.string() + ": 6 tensors, 72 elements\n");
    const Outcome read = run_program({"python3", DRIFT_READ_TORCH_FILE, out.string()});
    ASSERT_EQ(read.exit_code, 0) << read.err;
    const Json tensors = Json::parse(read.out);
    ASSERT_EQ(tensors.size(), 6u);
    EXPECT_EQ(tensors.at("bn.bias"), Json::parse("[[3], [7.125, 7.25, 7.375]]"));
    EXPECT_EQ(tensors.at("fc.weight"), Json::parse("[[2, 3], [8.25, 8.375, 8.5, 8.625, 8.75, 8.875]]"));
    EXPECT_EQ(tensors.at("conv.weight")[0], Json::parse("[3, 2, 3, 3]"));
    for (int i = 0; i < 54; ++i) EXPECT_EQ(tensors.at("conv.weight")[1][static_cast<std::size_t>(i)], i / 8.0);
  }
}

TEST(Convert, ReplacesNothingUnasked) {
  const TempDirectory directory;
  const fs::path out = directory / "out.pt";
  set_file_text(out, "precious");
  const Outcome refused = convert(golden("plain"), out);
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("out.pt: is there already: give --force"), std::string::npos) << refused.err;
  EXPECT_EQ(file_text(out), "precious");
  EXPECT_EQ(convert(golden("plain"), out, {"--force"}).exit_code, 0);
  EXPECT_NE(file_text(out), "precious");
  EXPECT_EQ(convert(out, out, {"--force"}).exit_code, 0);  // all is read before anything is written
}

TEST(Convert, SaysWhatIsWrong) {
  const TempDirectory directory;
  const auto expect_refused = [&](const fs::path& in, const fs::path& out, int code, std::string_view message) {
    const Outcome outcome = convert(in, out);
    EXPECT_EQ(outcome.exit_code, code) << outcome.err;
    EXPECT_NE(outcome.err.find(message), std::string::npos) << outcome.err;
    EXPECT_FALSE(fs::exists(out)) << out;
  };
  expect_refused(golden("plain"), directory / "w.bin", 2, "w.bin: the name must end in .safetensors");
  expect_refused(golden("arguments"), directory / "w.pt", 8, "global 'argparse.Namespace'");
  expect_refused(golden("legacy"), directory / "w.pt", 8, "before version 1.6");
  expect_refused(directory / "none.pt", directory / "w.pt", 8, "none.pt: cannot be read");
  expect_refused(golden("plain"), directory / "no" / "w.pt", 74, "w.pt.partial: cannot be written");
  EXPECT_EQ(run_drift({"convert", golden("plain").string()}).exit_code, 2);
}

TEST(Convert, WeightsOfEitherFormatAreTheSameModel) {
  const TempDirectory directory;
  const fs::path run = directory / "run", weights = directory / "w.pt";
  ASSERT_EQ(run_drift(train_into(run, {"--norm", "group", "--groups", "4"}, {.steps = "2"})).exit_code, 0);
  const fs::path model = run / "ckpt/step-2/model.safetensors";
  ASSERT_EQ(convert(model, weights).exit_code, 0);
  const auto eval = [](const fs::path& file, const std::string& groups) {
    return run_drift({"eval", "--weights", file.string(), "--model", "cifar-resnet8", "--norm", "group", "--groups",
                      groups, "--data", "shapes:32:20"});
  };
  const Outcome measured = eval(weights, "4");
  EXPECT_EQ(measured.exit_code, 0) << measured.err;
  EXPECT_EQ(measured.out, eval(model, "4").out);
  const Outcome other = eval(weights, "8");
  EXPECT_EQ(other.exit_code, 8);
  EXPECT_NE(other.err.find("w.pt: was trained with 4 groups, the model has 8"), std::string::npos) << other.err;
}

}  // namespace
}  // namespace drift::testing
