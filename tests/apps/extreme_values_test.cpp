// Every option of every command with values at and beyond its ends. The commands and their options are those that the
// program's own help texts list, so that a new one is tested without being named here. Whatever the value is, the
// program answers: it is done, says with a documented code (but not that of a bug) what is wrong, or trains until it is
// asked to stop. Work is limited in CPU seconds and memory, which a busy machine does not use up.
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/apps/program.h"
#include "tests/support/file_damage.h"
#include "tests/support/temp_directory.h"

namespace drift::testing {
namespace {

namespace fs = std::filesystem;

using Arguments = std::vector<std::string>;

const Arguments kExtremes = {"0", "-1", "65536", "2147483647", "9223372036854775807", "1e300", "nan", "-inf", "1e-300"};

// What makes a command run and end soon, where more than its name is needed.
Arguments complete(const std::string& command) {
  static const Arguments small = {"--data", "shapes:16:8"};
  static const std::map<std::string, Arguments> words = {
      {"train",
       {"--model", "cifar-resnet8", "--data", "shapes:16:8", "--bn-stats", "local", "--steps", "2", "--local-batch",
        "4", "--threads", "1"}},
      {"eval", {"--weights", "weights", "--model", "cifar-resnet8", "--data", "shapes:16:8", "--threads", "1"}},
      {"compare", {"recipe.toml"}},
      {"convert", {"weights", "out.pt"}},
      {"describe", {"cifar-resnet8"}},
      {"predict", {"--from", "measured.json"}},
      {"data preview", small},
      {"data info", small},
      {"plans", {"cifar-resnet8", "--device-properties", "weights"}}};
  const auto found = words.find(command);
  return found == words.end() ? Arguments() : found->second;
}

// Every command, those of `drift data` too, as its words: {"data", "info"}.
std::vector<Arguments> commands_below(const Arguments& words) {
  Arguments asked = words;
  asked.push_back("--help");
  std::istringstream lines(run_drift(asked).out);
  std::vector<Arguments> found;
  bool listed = false;
  for (std::string line; std::getline(lines, line);) {
    if (line == "Commands:" || line == "Actions:") listed = true;
    if (line.empty()) listed = false;
    if (!listed || !line.starts_with("  ")) continue;
    Arguments command = words;
    command.push_back(line.substr(2, line.find(' ', 2) - 2));
    const std::vector<Arguments> below = commands_below(command);
    found.insert(found.end(), below.begin(), below.end());
  }
  return found.empty() ? std::vector<Arguments>{words} : found;
}

// The long names in "  -n,--processes P  ..." and "  --[no-]nesterov  ...".
Arguments options_of(const Arguments& command) {
  Arguments asked = command;
  asked.push_back("--help");
  std::istringstream lines(run_drift(asked).out);
  Arguments options;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("  -")) continue;
    const std::string flags = line.substr(2, line.find(' ', 2) - 2);
    std::istringstream names(flags);
    for (std::string name; std::getline(names, name, ',');) {
      if (name.starts_with("--[no-]")) name.erase(2, 5);
      if (name.starts_with("--") && name != "--help") options.push_back(name);
    }
  }
  return options;
}

// Options that the command reads itself. Those that `drift compare` hands on to `drift train` are tried there.
Arguments own_options_of(const Arguments& command) {
  Arguments options = options_of(command);
  if (command == Arguments{"compare"}) {
    const Arguments handed_on = options_of({"train"});
    std::erase_if(options,
                  [&](const std::string& option) { return std::ranges::find(handed_on, option) != handed_on.end(); });
  }
  return options;
}

// The command with `option` only as it is given now.
Arguments with(const Arguments& command, const std::string& option, const std::string& value) {
  Arguments all = command;
  const Arguments rest = complete(fmt::format("{}", fmt::join(command, " ")));
  const bool replaces_steps = option == "--epochs";
  for (std::size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] == option || (replaces_steps && rest[i] == "--steps")) {
      ++i;
    } else {
      all.push_back(rest[i]);
    }
  }
  all.push_back(option + "=" + value);
  return all;
}

class ExtremeValues : public ::testing::TestWithParam<std::size_t> {
 protected:
  void SetUp() override {
    if (!can_limit_addresses()) GTEST_SKIP() << "sanitizers need all addresses there are";
    Arguments train = {"train"};
    const Arguments rest = complete("train");
    train.insert(train.end(), rest.begin(), rest.end());
    train.insert(train.end(), {"-q", "--out", "run"});
    ASSERT_EQ(in_directory(train).exit_code, 0);
    fs::copy_file(directory_ / "run/ckpt/step-2/model.safetensors", directory_ / "weights");
    fs::copy_file(fs::path(DRIFT_RECIPES) / "predict/resnet50-h200.json", directory_ / "measured.json");
  }
  Outcome in_directory(const Arguments& arguments) const {
    return run_drift_within({.cpu_seconds = 1, .address_space = rlim_t{3} << 30, .directory = directory_.path()},
                            arguments);
  }

  TempDirectory directory_;
};

constexpr std::size_t kShares = 4;  // tests that share the values, and may run beside each other
INSTANTIATE_TEST_SUITE_P(Each, ExtremeValues, ::testing::Range(std::size_t{0}, kShares));

TEST_P(ExtremeValues, OfEveryOptionAreAnswered) {
  const std::set<int> answers = {0, 2, 3, 4, 5, 7, 8, 75};
  std::size_t number = 0, options = 0;
  for (const Arguments& command : commands_below({})) {
    for (const std::string& option : own_options_of(command)) {
      ++options;
      for (const std::string& value : kExtremes) {
        if (++number % kShares != GetParam()) continue;
        const Arguments words = with(command, option, value);
        const Outcome outcome = in_directory(words);
        fs::remove_all(directory_ / value);  // a run's directory is in the way of a file of that name
        EXPECT_TRUE(answers.contains(outcome.exit_code))
            << fmt::format("drift {}: {}\n", fmt::join(words, " "), outcome.exit_code) << outcome.err.substr(0, 1000);
        const bool explained = outcome.err.find("drift: ") != std::string::npos;
        EXPECT_EQ(explained, outcome.exit_code != 0 && outcome.exit_code != 75)
            << fmt::format("drift {}\n", fmt::join(words, " ")) << outcome.err.substr(0, 1000);
      }
    }
  }
  EXPECT_GT(options, 60u) << "the help texts are not what this test reads";
}

// As in --resume "$RUN" where RUN is not set.
TEST_P(ExtremeValues, AnEmptyValueIsAnErrorOfUsage) {
  std::size_t number = 0;
  for (const Arguments& command : commands_below({})) {
    for (const std::string& option : own_options_of(command)) {
      if (++number % kShares != GetParam()) continue;
      Arguments words = with(command, option, "");
      const Outcome outcome = in_directory(words);
      EXPECT_EQ(outcome.exit_code, 2) << fmt::format("drift {}\n", fmt::join(words, " ")) << outcome.err;
      EXPECT_NE(outcome.err.find(option), std::string::npos) << outcome.err;
    }
  }
}

// Values that only together are too much.
TEST(ExtremeValuesTogether, AreAnsweredToo) {
  if (!can_limit_addresses()) GTEST_SKIP() << "sanitizers need all addresses there are";
  const std::string max = "9223372036854775807", million = "1000000";
  const std::set<int> answers = {2, 3, 5, 75};
  const std::vector<Arguments> cases = {
      {"--workers", "65536", "--local-batch", "2147483647"},
      {"--workers", "65536", "--local-batch", "1", "--sampling", "with-replacement", "--steps-per-epoch", "1"},
      {"--workers", "100", "--local-batch", "1", "--sampling", "with-replacement", "--steps-per-epoch", "1", "--model",
       "vgg16"},
      {"--local-batch", million, "--sampling", "with-replacement", "--steps-per-epoch", max},
      {"--local-batch", "2147483647", "--sampling", "with-replacement", "--steps-per-epoch", "1"},
      {"--algo", "local", "--period", "1", "--steps", "1000000000"},
      {"--algo", "local", "--period", "3", "--steps", "9007199254740000"},
      {"--algo", "local", "--steps", "1000000000", "--lr-schedule", "cosine", "--qsr-alpha", "0.2"},
      {"--algo", "local", "--steps", "1000000000", "--decay-epochs", "1,1000,100000000"},
      {"--algo", "post-local", "--switch-step", "1", "--steps", "1000000000", "--warmup-epochs", million},
      {"--checkpoint-every", "1e300", "--eval-every", "1e300", "--steps", "1000000000"},
      {"--epochs", "1e15"},
      {"--data", "shapes:" + max},
      {"--data", "shapes:2147483647"},
      {"--data", "shapes:10000000:10000000"},
      {"--bn-stats", "reestimate:" + max, "--local-batch", "2"},
      {"--model", "cifar-resnet9998"}};
  const TempDirectory directory;
  for (const Arguments& more : cases) {
    Arguments words = {"train", "-q"};
    words.insert(words.end(), more.begin(), more.end());
    const Arguments rest = complete("train");
    for (std::size_t i = 0; i < rest.size(); i += 2) {
      const bool given = std::ranges::find(more, rest[i]) != more.end();
      const bool excluded = rest[i] == "--steps" && std::ranges::find(more, "--epochs") != more.end();
      if (!given && !excluded) words.insert(words.end(), {rest[i], rest[i + 1]});
    }
    const Outcome outcome =
        run_drift_within({.cpu_seconds = 1, .address_space = rlim_t{3} << 30, .directory = directory.path()}, words);
    EXPECT_TRUE(answers.contains(outcome.exit_code))
        << fmt::format("drift {}: {}\n", fmt::join(words, " "), outcome.exit_code) << outcome.err.substr(0, 1000);
  }
}

}  // namespace
}  // namespace drift::testing
