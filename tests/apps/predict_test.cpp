// drift predict from outside: what it measures, says and writes, and takes again.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/atomic_file.h"
#include "core/json_lines.h"
#include "tests/apps/program.h"
#include "tests/apps/run_files.h"
#include "tests/apps/tiny_run.h"
#include "tests/support/temp_directory.h"

namespace drift {
namespace {

namespace fs = std::filesystem;
using testing::Outcome;
using testing::run_drift;

class PredictCommand : public ::testing::Test {
 protected:
  const testing::TempDirectory directory_;
  const fs::path json_ = directory_ / "p.json", recipe_ = directory_ / "r.toml";
};

TEST_F(PredictCommand, MeasuresARecipeAndTakesAgainWhatItWrote) {
  write_file_atomically(recipe_, "model = \"cifar-resnet8\"\ndata = \"shapes:40:20\"\nlocal-batch = 4\nworkers = 2\n");
  const Outcome measured =
      run_drift({"predict", recipe_.string(), "--threads", "1", "--seconds", "1", "--json", json_.string(), "--periods",
                 "1,8", "--processes", "1", "4", "--links", "1Gbit,50us", "100Mbit,50us"});
  ASSERT_EQ(measured.exit_code, 0) << measured.err;
  EXPECT_NE(measured.out.find("cifar-resnet8, 4 images a worker, 2 workers in each process: 1 process on "),
            std::string::npos)
      << measured.out;
  const Json json = Json::parse(testing::bytes_of(json_));
  EXPECT_EQ(json.at("predictions").size(), 8u);
  const Json& first = json.at("predictions").at(0);
  EXPECT_EQ(first.at("workers"), 2);
  EXPECT_GT(first.at("step").get<double>(), 0);
  EXPECT_GT(json.at("measurement").at("backward").get<double>(), 0);
  const Outcome again = run_drift({"predict", "--from", json_.string(), "--periods", "1,8", "--processes", "1", "4",
                                   "--links", "1Gbit,50us", "100Mbit,50us"});
  ASSERT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(again.out, measured.out);
}

TEST_F(PredictCommand, StandsBesideARunThatWasTrainedSince) {
  const std::vector<std::string> same = {"--model", "cifar-resnet8", "--data", "shapes:40:20", "--local-batch",
                                         "4",       "--workers",     "2",      "--threads",    "1"};
  std::vector<std::string> arguments = {"predict", "--seconds", "1", "--json", json_.string()};
  arguments.insert(arguments.end(), same.begin(), same.end());
  ASSERT_EQ(run_drift(arguments).exit_code, 0);
  const fs::path run = directory_ / "run";
  const Outcome trained =
      run_drift(testing::train_into(run, {"--algo", "post-local", "--switch-step", "4", "--period", "4", "--eval-every",
                                          "0", "--prediction", json_.string()}));
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  const Outcome beside = run_drift({"predict", "--from", json_.string(), "--against", run.string()});
  ASSERT_EQ(beside.exit_code, 0) << beside.err;
  EXPECT_TRUE(trained.out.ends_with(beside.out)) << trained.out << beside.out;
  for (const char* const line : {"\nlocal ", "\nsynchronous   1      3", "\nround end     4      1", "\nall "}) {
    EXPECT_NE(beside.out.find(line), std::string::npos) << line << " in\n" << beside.out;
  }
  EXPECT_EQ(run_drift({"predict", "--against", run.string()}).exit_code, 2);
  fs::remove_all(run);
  ASSERT_EQ(run_drift(testing::train_into(run, {"--norm", "group"}, {.steps = "2"})).exit_code, 0);
  Json other = Json::parse(testing::bytes_of(json_));
  other["measurement"]["local_batch"] = 8;
  write_file_atomically(json_, other.dump());
  const Outcome refused = run_drift({"predict", "--from", json_.string(), "--against", run.string()});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_NE(refused.err.find("was trained with --local-batch 4, and 8 was measured"), std::string::npos) << refused.err;
  fs::remove_all(run);
  const Outcome unlike = run_drift(testing::train_into(run, {"--prediction", json_.string()}, {.steps = "2"}));
  EXPECT_EQ(unlike.exit_code, 0) << unlike.err;
  EXPECT_NE(unlike.err.find("nothing beside --prediction"), std::string::npos) << unlike.err;
  fs::remove_all(run);
  EXPECT_EQ(run_drift(testing::train_into(run, {"--prediction", "nowhere.json"})).exit_code, 4);
  EXPECT_FALSE(fs::exists(run)) << "said before anything is trained";
}

// What docs/scaling.md quotes.
TEST_F(PredictCommand, KnowsGpusThatAreNotHere) {
  const fs::path constants = fs::path(DRIFT_RECIPES) / "predict/resnet50-h200.json";
  const Outcome said = run_drift({"predict", "--from", constants.string(), "--periods", "1,16", "--processes", "8",
                                  "1024", "--links", "3600Gbit,5us", "25Gbit,10us", "--json", json_.string()});
  ASSERT_EQ(said.exit_code, 0) << said.err;
  EXPECT_NE(said.out.find("a local step: 21.57 ms"), std::string::npos) << said.out;
  EXPECT_NE(said.out.find("averaged: 102.228 MB"), std::string::npos) << said.out;
  const std::string page = testing::bytes_of(fs::path(DRIFT_RECIPES) / "../docs/scaling.md");
  const Json predictions = Json::parse(testing::bytes_of(json_)).at("predictions");
  ASSERT_EQ(predictions.size(), 8u);
  for (std::size_t i = 0; i < predictions.size(); i += 2) {
    const Json& synchronous = predictions[i];
    const std::string row = fmt::format(
        "| {} | {} | {:.1f} | {:.1f} |", i < 4 ? "NVLink" : "25 Gbit/s", synchronous.at("workers") == 8 ? "8" : "1,024",
        1e3 * synchronous.at("step").get<double>(), 1e3 * synchronous.at("exposed").get<double>());
    EXPECT_NE(page.find(row), std::string::npos) << row;
  }
}

TEST_F(PredictCommand, SaysWhatIsWrong) {
  const auto expect = [&](const std::vector<std::string>& flags, int code, const char* said) {
    std::vector<std::string> arguments = {"predict"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const Outcome outcome = run_drift(arguments);
    EXPECT_EQ(outcome.exit_code, code) << outcome.err;
    EXPECT_NE(outcome.err.find(said), std::string::npos) << outcome.err;
  };
  expect({"--periods", "1,x"}, 2, "--periods takes numbers such as 1,4,16");
  expect({"--processes", "0"}, 2, "--processes takes numbers");
  expect({"--links", "fast"}, 2, "--links takes rates and latencies such as 10Gbit,50us, found 'fast'");
  expect({"--from", "nowhere.json"}, 4, "nowhere.json");
  expect({"r.toml", "--from", "m.json"}, 2, "of a recipe and --from");
  write_file_atomically(json_, "{\"model\": \"resnet20\", \"origin\": \"me\", \"workers_per_process\": 0}\n");
  expect({"--from", json_.string()}, 4, "\"workers_per_process\" must be");
  expect({"--fragments", "2", "--algo", "local", "--period", "4"}, 3, "leave out --fragments");
  expect({"--fragment-delay", "2", "--algo", "local", "--period", "4"}, 3, "--fragment-delay");
  expect({"--wire", "bf16"}, 3, "and --wire");
}

}  // namespace
}  // namespace drift
