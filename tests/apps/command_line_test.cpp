// The command line from outside: help, exit codes, errors that help, and where output goes.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

#include "core/json_lines.h"
#include "kernels/device.h"
#include "tests/apps/program.h"
#include "tests/support/temp_directory.h"
#include "train/config/toml.h"

namespace drift {
namespace {

using testing::Outcome;
using testing::run_drift;

::testing::AssertionResult has(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "'" << part << "' is not in:\n" << text;
}

TEST(CommandLine, HelpNamesEveryCommand) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{}, {"--help"}}) {
    const Outcome help = run_drift(arguments);
    EXPECT_EQ(help.exit_code, 0);
    for (const char* command : {"train", "eval", "describe", "data", "plans", "doctor"})
      EXPECT_TRUE(has(help.out, command));
    EXPECT_EQ(help.err, "");
  }
  for (const std::vector<std::string>& command : {std::vector<std::string>{"train"},
                                                  {"eval"},
                                                  {"describe"},
                                                  {"data"},
                                                  {"data", "fetch"},
                                                  {"data", "preview"},
                                                  {"data", "info"},
                                                  {"plans"},
                                                  {"doctor"}}) {
    std::vector<std::string> arguments = command;
    arguments.push_back("--help");
    const Outcome help = run_drift(arguments);
    EXPECT_EQ(help.exit_code, 0) << command.back();
    EXPECT_TRUE(has(help.out, "Usage: drift " + command.front()));
  }
}

TEST(CommandLine, TrainHelpHasOneEntryForEachOptionWithItsDefault) {
  const std::string help = run_drift({"train", "--help"}).out;
  for (const Option& option : options_of(Scope::kTrain)) {
    EXPECT_TRUE(has(help, (option.kind == ValueKind::kSwitch ? "--[no-]" : "--") + option.name));
    EXPECT_TRUE(has(help, "\n" + option.section + ":\n"));
    const std::string value = option.get(default_config()).value_or("");
    EXPECT_TRUE(has(help, value.empty() ? option.help : option.help + " [" + value + "]"));
  }
  EXPECT_TRUE(has(help, "Examples:"));
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 120u) << line;
}

TEST(CommandLine, VersionNamesItsParts) {
  const Outcome version = run_drift({"--version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_TRUE(has(version.out, "drift 0."));
  EXPECT_TRUE(has(version.out, "oneDNN "));
}

TEST(CommandLine, ErrorsAreOneLineWithAnExitCodeAndAHint) {
  const testing::TempDirectory directory;
  const std::string recipe = (directory / "recipe.toml").string();
  std::ofstream(recipe) << "peroid = 4\n";
  const struct {
    std::vector<std::string> arguments;
    int exit_code;
    std::string text;
  } cases[] = {
      {{"trian"}, 2, "unknown command 'trian'. Did you mean 'train'?"},
      {{"data", "preveiw"}, 2, "Did you mean 'preview'?"},
      {{"train", "--peroid", "4"}, 2, "unknown flag '--peroid'. Did you mean '--period'?"},
      {{"train", "--lr=0.1", "--batch-sise=3"}, 2, "unknown flag '--batch-sise'"},
      {{"train", "stray"}, 2, "'stray'"},
      {{"train", "--lr"}, 2, "--lr"},
      {{"train", "--lr", "-1"}, 2, "--lr must be a number above 0, found '-1'"},
      {{"train", "--lr", "1", "--lr", "2"}, 2, "--lr"},
      {{"train", "--algo", "postlocal"}, 2, "Did you mean 'post-local'?"},
      {{"train", "--steps", "1", "--epochs", "1"}, 2, "exclude each other"},
      {{"train", "--recipe", recipe}, 3, ":1: peroid: unknown key. Did you mean 'period'?"},
      {{"train", "--recipe", "none.toml"}, 3, "none.toml"},
      {{"train", "--print-config", "--model", "vgg61"}, 3, "Did you mean 'vgg16'?"},
      {{"train", "--data", "cifar10:/does/not/exist"}, 4, "/does/not/exist"},
      {{"train", "--data", "shape"}, 2, "Did you mean 'shapes'?"},
      {{"train", "--val-split", "1.5"}, 2, "--val-split must be a whole number of images, or a part"},
      {{"train", "--data", "shapes:80:20", "--val-split", "80"}, 3, "holds out 80 of the 80 training images"},
      {{"train", "--data", "shapes:80:20", "--val-split", "0.001"}, 3, "holds out 0 of the 80 training images"},
      {{"train", "--data", "shapes:80:20", "--val-split", "0.9", "--local-batch", "9"},
       3,
       "holds out 72 of 80 training images: the 8 that are left are fewer than one global batch of 9"},
      {{"train", "--data", "shapes:80:20", "--train-images", "81"},
       3,
       "--data shapes:80:20 has 80 training images, and --train-images says 81"},
      {{"train", "--keep-best"},
       3,
       "--keep-best keeps what is best on images held out of training, and there are none: give --val-split"},
      {{"train", "--resume", "/does/not/exist"}, 8, "/does/not/exist"},
      {{"describe"}, 2, "MODEL"},
      {{"describe", "vgg61"}, 3, "Did you mean 'vgg16'?"},
      {{"describe", "resnet20", "--batch", "0"}, 2, "--batch must be"},
      {{"eval"}, 2, "a RUN or --weights FILE, and neither is given"},
      {{"eval", "run", "--weights", "none.safetensors"}, 2, "a RUN or --weights FILE, and both are given"},
      {{"eval", "--all-checkpoints", "--weights", "none.safetensors"}, 2, "--all-checkpoints are those of a RUN"},
      {{"eval", "/does/not/exist"}, 8, "/does/not/exist: no checkpoint there"},
      {{"eval", recipe}, 2, "is a file, not the directory of a run: give --weights"},
      {{"plans", "resnet20"}, 2, "--device-properties"},
      {{"eval", "--weights", "none.safetensors"}, 8, "none.safetensors"},
      {{"eval", "--weights", "none.safetensors", "--bn-stats", "local"}, 2, "--bn-stats must be stored"},
  };
  for (const auto& test : cases) {
    const Outcome outcome = run_drift(test.arguments);
    SCOPED_TRACE(outcome.err);
    EXPECT_EQ(outcome.exit_code, test.exit_code) << test.arguments.back();
    EXPECT_TRUE(has(outcome.err, test.text));
    EXPECT_TRUE(has(outcome.err, "drift: "));
    EXPECT_EQ(outcome.out, "");
  }
}

TEST(CommandLine, AnErrorOnTheCommandLineIsASingleLine) {
  const Outcome outcome = run_drift({"train", "--peroid", "4"});
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  EXPECT_TRUE(outcome.err.starts_with("drift: ")) << outcome.err;
}

TEST(CommandLine, PrintConfigShowsEachValueWithItsOrigin) {
  const std::string recipe = std::string(DRIFT_RECIPES) + "/fig1a.toml";
  const Outcome printed = run_drift({"train", "--recipe", recipe, "--print-config", "--workers", "4", "--nesterov",
                                     "--wd", "1e-4", "--no-final-average"});
  ASSERT_EQ(printed.exit_code, 0) << printed.err;
  EXPECT_EQ(printed.err, "");
  const auto line_of = [&](const std::string& key) {
    const std::size_t begin = printed.out.find("\n" + key + " = ");
    return begin == std::string::npos ? ""
                                      : printed.out.substr(begin + 1, printed.out.find('\n', begin + 1) - begin - 1);
  };
  EXPECT_TRUE(line_of("workers").ends_with("# command line")) << line_of("workers");
  EXPECT_TRUE(line_of("nesterov").starts_with("nesterov = true")) << line_of("nesterov");
  EXPECT_TRUE(line_of("final-average").starts_with("final-average = false")) << line_of("final-average");
  EXPECT_TRUE(line_of("weight-decay").starts_with("weight-decay = 0.0001")) << line_of("weight-decay");
  EXPECT_TRUE(line_of("period").ends_with("# recipe " + recipe)) << line_of("period");
  EXPECT_TRUE(line_of("seed").ends_with("# default")) << line_of("seed");
  EXPECT_EQ(config_from_toml(printed.out).sync.workers, 4);
}

TEST(CommandLine, EveryRecipeResolves) {
  for (const auto& entry : std::filesystem::directory_iterator(DRIFT_RECIPES)) {
    if (entry.is_directory()) continue;  // of comparisons
    const Outcome printed = run_drift({"train", "--recipe", entry.path().string(), "--print-config"});
    EXPECT_EQ(printed.exit_code, 0) << printed.err;
  }
}

TEST(CommandLine, DescribeCountsResNet56Exactly) {
  const Outcome table = run_drift({"describe", "resnet56"});
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_TRUE(has(table.out, "853018 parameters; 125485696 multiply-adds"));
  const Json json =
      Json::parse(run_drift({"describe", "resnet56", "--batch", "2", "--precision", "bf16", "--json"}).out);
  EXPECT_EQ(json.at("parameters"), 853018);
  EXPECT_EQ(json.at("multiply_adds"), 125485696);
  const Json& first = json.at("layers").at(0);
  EXPECT_EQ(first.at("output"), Json({32, 32, 16}));
  EXPECT_EQ(first.at("activation_bytes"), 2 * 32 * 32 * 16 * 2);
  EXPECT_EQ(json.at("layers").back().at("activation_bytes"), 2 * 10 * 4);  // logits are float32
  const Json& step = json.at("training_step");  // tests/train/step/step_memory_test.cpp: that they are right
  EXPECT_EQ(step.at("batch_bytes"), 2 * 32 * 32 * 3 * 4);
  EXPECT_GE(step.at("state_bytes"), 3 * 4 * 853018);
  EXPECT_EQ(step.at("bytes"), step.at("state_bytes").get<std::int64_t>() + step.at("batch_bytes").get<std::int64_t>() +
                                  step.at("activation_bytes").get<std::int64_t>() +
                                  step.at("workspace_bytes").get<std::int64_t>());
}

TEST(CommandLine, DescribeNamesTheFormOfEachConvolution) {
  const std::vector<std::string> arguments = {"describe", "resnet56", "--batch", "128", "--kernels", "--conv"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), arguments.begin(), arguments.end());
    return run_drift(more);
  };
  const Outcome direct = with({"direct"});
  EXPECT_EQ(direct.exit_code, 0) << direct.err;
  EXPECT_TRUE(has(direct.out, "in a training step: 0 by winograd, 164 direct")) << direct.out;
  const Json json = Json::parse(with({"auto", "--json"}).out);
  ASSERT_EQ(json.at("convolutions").size(), 55);
  const Json& first = json.at("convolutions").at(0);
  EXPECT_EQ(first.at("layer"), "conv1");
  EXPECT_EQ(first.at("x"), Json({128, 32, 32, 3}));
  EXPECT_EQ(first.at("forward"), "direct") << "three channels";
  EXPECT_TRUE(first.at("backward_data").is_null()) << "images have no gradient";
  const Json& second = json.at("convolutions").at(1);
  EXPECT_EQ(second.at("w"), Json({16, 3, 3, 16}));
  EXPECT_EQ(second.at("backward_data"), cpu_features().avx512 ? "winograd" : "direct");
}

TEST(CommandLine, DoctorTellsMachineAndBuild) {
  const Outcome text = run_drift({"doctor"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  for (const char* part : {"oneDNN", "instruction sets", "bf16", "cores", "devices", "by default (--threads)"})
    EXPECT_TRUE(has(text.out, part));
  const Json json = Json::parse(run_drift({"doctor", "--json"}).out);
  EXPECT_TRUE(json.at("build").at("backends").at("cpu").get<bool>());
  EXPECT_GE(json.at("cores").get<int>(), 1);
  EXPECT_EQ(json.at("threads"), json.at("cores"));
}

TEST(CommandLine, DataInfoCountsAndPreviewDraws) {
  const Json info = Json::parse(run_drift({"data", "info", "--data", "shapes:40:20", "--json"}).out);
  EXPECT_EQ(info.at("train").at("size"), 40);
  EXPECT_EQ(info.at("test").at("per_class"), Json(std::vector<int>(10, 2)));
  const testing::TempDirectory directory;
  const std::string file = (directory / "sheet.png").string();
  const Outcome preview = run_drift({"data", "preview", "--data", "shapes:40:20", "--columns", "2", "--out", file});
  EXPECT_EQ(preview.exit_code, 0) << preview.err;
  EXPECT_EQ(preview.out, file + "\n");
  std::ifstream picture(file, std::ios::binary);
  std::string magic(4, '\0');
  picture.read(magic.data(), 4);
  EXPECT_EQ(magic, "\x89PNG");
}

}  // namespace
}  // namespace drift
