// What a resumed run and a branch may change, and what of a config is kept with a run.
#include <filesystem>
#include <gtest/gtest.h>
#include <map>

#include "tests/support/error_of.h"
#include "tests/train/config/settings.h"
#include "train/config/option_kinds.h"
#include "train/config/paths.h"
#include "train/config/toml.h"

namespace drift {
namespace {

using testing::command_line;
using testing::contains;
using testing::error_of;

TEST(ResumeRules, AResumedRunMayChangeOnlyWhatLeavesItsBitsAlone) {
  TrainConfig saved;
  saved.lr.lr = 0.7;
  saved.length.epochs = 3;
  const auto resume = [&](std::vector<std::pair<std::string, std::string>> settings) {
    const std::vector<SettingLayer> layers = {command_line(std::move(settings))};
    return resolve_resumed_config(saved, "checkpoint runs/a", layers);
  };
  const ResolvedConfig same = resume({{"lr", "0.7"}, {"threads", "3"}, {"eval-every", "0"}});
  EXPECT_EQ(same.config.machine.threads, 3);
  EXPECT_EQ(same.config.length.epochs, 3);
  EXPECT_EQ(same.origin_of("epochs"), "checkpoint runs/a");
  EXPECT_EQ(same.origin_of("threads"), "command line");
  for (const auto& [name, value] : std::map<std::string, std::string>{{"lr", "0.8"}, {"epochs", "4"}, {"steps", "9"}}) {
    const Error error = error_of([&, n = name, v = value] { resume({{n, v}}); });
    EXPECT_EQ(error.kind(), ErrorKind::kUsage) << name;
    EXPECT_TRUE(contains(error.message(), "--" + name + " is ") || name == "steps") << error.message();
  }
}

TEST(ResumeRules, ABranchChangesWhatItNamesAndWhatFollowsFromIt) {
  TrainConfig saved;
  saved.sync.algorithm = Algorithm::kPostLocal;
  saved.sync.periods = {8};
  saved.sync.switch_epoch = 2;
  saved.length.epochs = 3;
  const auto branch = [&](std::vector<std::pair<std::string, std::string>> settings) {
    const std::vector<SettingLayer> layers = {command_line(std::move(settings))};
    return resolve_resumed_config(saved, "checkpoint runs/a", layers).config;
  };
  const TrainConfig sgd = branch({{"change", "algo"}, {"algo", "sgd"}});
  EXPECT_EQ(sgd.sync.periods, std::vector<Step>{1});
  EXPECT_FALSE(sgd.sync.switch_epoch);
  EXPECT_EQ(branch({{"change", "steps"}, {"steps", "9"}}).length.steps, 9);
  EXPECT_EQ(branch({{"change", "decay-epochs"}, {"decay-epochs", "1,2"}}).lr.shape, LrShape::kSteps);
  EXPECT_EQ(branch({{"change", "wd,lr"}, {"lr", "0.5"}, {"wd", "0.1"}}).optimizer.weight_decay, 0.1);

  std::vector<std::string> names;
  for (const ChangedOption& changed : changed_options(saved, sgd)) names.push_back(changed.name);
  EXPECT_EQ(names, (std::vector<std::string>{"algo", "period", "switch-epoch"}));

  const std::vector<std::pair<std::vector<std::pair<std::string, std::string>>, std::string>> refused = {
      {{{"change", "lr"}, {"lr", "0.5"}, {"momentum", "0.5"}}, "--momentum is 0 in the run to be resumed"},
      {{{"change", "lr"}}, "and what to?"},
      {{{"change", "classes"}, {"classes", "20"}}, "it cannot be changed"},
      {{{"change", "lr,"}, {"lr", "0.5"}}, "there is no option ''"}};
  for (const auto& [settings, expected] : refused) {
    const Error error = error_of([&, s = settings] { branch(s); });
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    EXPECT_TRUE(contains(error.message(), expected)) << error.message();
  }
}

TEST(ResumeRules, WhatBelongsToASessionIsNotKeptWithTheRun) {
  const std::vector<SettingLayer> layers = {
      command_line({{"out", "/a"}, {"resume", "/b"}, {"change", "lr"}, {"max-time", "1h"}, {"name", "c"}})};
  const TrainConfig config = resolve_config(layers).config;
  const std::string toml = config_to_toml(config);
  for (const char* key : {"\nout =", "\nresume =", "\nchange =", "\nmax-time ="})
    EXPECT_FALSE(contains(toml, key)) << toml;
  EXPECT_TRUE(contains(toml, "\nname = \"c\""));
  EXPECT_TRUE(contains(toml, "\ndevice ="));
  EXPECT_FALSE(contains(common_toml(config), "\ndevice =")) << "each process may have its own";
  EXPECT_FALSE(contains(common_toml(config), "\ndata ="));
}

TEST(ResumeRules, ATimeIsMadeOfUnits) {
  const std::map<std::string, std::int64_t> times = {
      {"3h50m", 13800}, {"90m", 5400}, {"45s", 45}, {"2d", 172800}, {"1d1h1m1s", 90061}};
  for (const auto& [text, seconds] : times) {
    EXPECT_EQ(options::parse_duration(text), seconds) << text;
    EXPECT_EQ(options::parse_duration(options::text_of_duration(seconds)), seconds) << text;
  }
  EXPECT_EQ(options::text_of_duration(5400), "1h30m");
  for (const char* text :
       {"", "5", "0s", "-1h", "1.5h", "m", "1m1h", "1h ", "99999999999999999999s", "9999999999d", "nan"}) {
    EXPECT_FALSE(options::parse_duration(text)) << text;
  }
}

TEST(ResumeRules, PathsBecomeAbsolute) {
  const std::filesystem::path here = std::filesystem::current_path();
  TrainConfig config;
  config.data.spec = "cifar10:a/../b";
  config.files.weights = "w";
  make_paths_absolute(config);
  EXPECT_EQ(config.data.spec, "cifar10:" + (here / "a/../b").string());
  EXPECT_EQ(config.files.weights, (here / "w").string());
  EXPECT_EQ(config.machine.plan_file, "");
  const TrainConfig once = config;
  make_paths_absolute(config);
  EXPECT_EQ(config_to_toml(config), config_to_toml(once));
  config.data.spec = "shapes:10";
  make_paths_absolute(config);
  EXPECT_EQ(config.data.spec, "shapes:10");
}

}  // namespace
}  // namespace drift
