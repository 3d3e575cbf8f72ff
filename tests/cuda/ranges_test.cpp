// What a profiler sees of a training run: each worker's steps with their numbers, in them their phases, inside those
// one range per layer with its name, first forward and then backward, and none that stays open. The emulator records
// the ranges; the names of layers with weights are those of the checkpoint, which other tools read.
#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <span>
#include <vector>

#include "tests/cuda/emulated_process.h"
#include "tests/support/temp_directory.h"

namespace drift::testing {
namespace {

struct Range {
  std::string name;
  std::vector<Range> inside;
};
using Names = std::vector<std::string>;

// Each kind of step runs once as it is, once captured and once as a replay, which is one launch without layers.
constexpr int kStepsOfAKind = 3, kStepsWithLayers = 2, kWorkers = 2;
const std::string kTrain = DRIFT_PROGRAM
    " train --device cuda:0 --workers 2 --model cifar-resnet8 --norm group --data shapes:24:8 --local-batch 2 --algo "
    "post-local --switch-step 3 --period 3 --steps 6 --bn-stats local --checkpoint-minutes 0 --out ";
const Names kSynchronous = {"batch", "synchronous step"};
const Names kLocal = {"batch", "local step"};
// What is inside a step that is not replayed.
const std::map<std::string, Names> kParts = {
    {"synchronous step", {"forward", "backward", "average gradients", "update"}},
    {"local step", {"forward", "backward", "update"}}};

Names steps() {
  Names names;
  for (int step = 0; step < 2 * kStepsOfAKind; ++step) names.push_back("step " + std::to_string(step));
  return names;
}

Names phases_of(std::size_t step) {
  Names names = step < kStepsOfAKind ? kSynchronous : kLocal;
  if (step == 2 * kStepsOfAKind - 1) names.push_back("average parameters");
  return names;
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Names names_of(std::span<const Range> ranges) {
  Names names;
  for (const Range& range : ranges) names.push_back(range.name);
  return names;
}

// A thread each, from lines indented by two spaces a level.
std::vector<Range> parse(const std::string& text) {
  std::vector<Range> threads;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t indent = line.find_first_not_of(' ');
    std::vector<Range>* level = &threads;
    for (std::size_t i = 0; i < indent / 2; ++i) level = &level->back().inside;
    level->push_back({line.substr(indent), {}});
  }
  return threads;
}

class Ranges : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::filesystem::path out = directory_ / "run", file = directory_ / "ranges";
    const Outcome outcome = run_emulated(kTrain + out.string(), "EMU_NVTX=" + file.string(), directory_ / "output");
    ASSERT_EQ(outcome.status, 0) << outcome.text;
    text_ = read(file);
    for (const Range& thread : parse(text_)) {
      const bool is_worker = !thread.inside.empty() && thread.inside[0].name == "step 0";
      (is_worker ? workers_ : others_).push_back(thread);
    }
    const std::string weights = read(out / "ckpt" / "step-6" / "model.safetensors");
    const std::regex name("\"([a-z0-9.]+)\\.weight\":");
    for (std::sregex_iterator i(weights.begin(), weights.end(), name), end; i != end; ++i) layers_.insert((*i)[1]);
    ASSERT_EQ(layers_.size(), 15U);  // seven convolutions with their norms, one linear layer
  }

  // Every layer with weights once; between them, those that have none.
  void expect_forward(Names names) const {
    EXPECT_GT(names.size(), layers_.size());
    std::erase_if(names, [&](const std::string& name) { return !layers_.contains(name); });
    EXPECT_EQ(names.size(), layers_.size());
    EXPECT_EQ(std::set(names.begin(), names.end()), layers_);
  }

  void expect_layers(const Range& phase, bool shows_them) const {
    SCOPED_TRACE(phase.name);
    const auto parts = kParts.find(phase.name);
    if (parts == kParts.end() || !shows_them) {
      EXPECT_TRUE(phase.inside.empty()) << text_;
      return;
    }
    ASSERT_EQ(names_of(phase.inside), parts->second) << text_;
    const Names forward = names_of(phase.inside[0].inside);
    expect_forward(forward);
    EXPECT_EQ(names_of(phase.inside[1].inside), Names(forward.rbegin(), forward.rend()));
  }

  TempDirectory directory_;
  std::string text_;
  std::vector<Range> workers_, others_;
  std::set<std::string> layers_;
};

TEST_F(Ranges, NameThePhasesAndTheirLayers) {
  EXPECT_EQ(text_.find("popped"), std::string::npos) << text_;

  EXPECT_EQ(workers_.size(), static_cast<std::size_t>(kWorkers));
  for (const Range& worker : workers_) {
    SCOPED_TRACE(worker.name);
    ASSERT_EQ(names_of(worker.inside), steps()) << text_;
    for (std::size_t step = 0; step < worker.inside.size(); ++step) {
      const std::vector<Range>& phases = worker.inside[step].inside;
      ASSERT_EQ(names_of(phases), phases_of(step)) << text_;
      for (const Range& phase : phases) expect_layers(phase, step % kStepsOfAKind < kStepsWithLayers);
    }
  }

  // The evaluation runs forward only, in a thread of its own.
  ASSERT_EQ(others_.size(), 1U) << text_;
  ASSERT_EQ(names_of(others_[0].inside), Names{"evaluate"}) << text_;
  expect_forward(names_of(others_[0].inside[0].inside));
}

}  // namespace
}  // namespace drift::testing
