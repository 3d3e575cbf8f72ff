#include "train/checkpoint/weight_file.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <string>

#include "tests/support/checkpoint_error.h"
#include "tests/support/file_damage.h"
#include "tests/support/temp_directory.h"
#include "tests/train/tiny_model.h"
#include "train/checkpoint/safetensors.h"

namespace drift {
namespace {

using testing::expect_checkpoint_error;
using testing::expect_output_error;
using testing::TempDirectory;
using testing::TinyModel;

// The file at `path` with each name changed by `rename` and the tensors of `more` added.
template <class Rename>
void rewrite(const std::filesystem::path& path, const Rename& rename, std::vector<SafetensorsTensor> more = {}) {
  const SafetensorsFile file(path);
  std::vector<std::vector<float>> values;
  for (const SafetensorsEntry& entry : file.entries()) {
    values.push_back(file.floats(entry));
    more.push_back({rename(entry.name), entry.shape, values.back()});
  }
  OutputFile output(path);
  write_safetensors(output, more);
}

TEST(Weights, ConvolutionsAreWrittenInPyTorchsLayout) {
  const TempDirectory directory;
  TinyModel model;
  model.fill(1);
  write_weights(directory / "w", model.set, *model.backend);

  const SafetensorsFile file(directory / "w");
  const auto conv = *std::ranges::find(file.entries(), "conv.weight", &SafetensorsEntry::name);
  EXPECT_EQ(conv.shape, (std::vector<std::int64_t>{3, 2, 3, 3}));
  const std::vector<float> values = file.floats(conv);
  const float* arena = model.set.find_parameter("conv.weight")->value().as<float>();
  for (int o = 0; o < 3; ++o) {
    for (int i = 0; i < 2; ++i) {
      for (int y = 0; y < 3; ++y) {
        for (int x = 0; x < 3; ++x) {
          EXPECT_EQ(values[static_cast<std::size_t>(((o * 2 + i) * 3 + y) * 3 + x)],
                    arena[((o * 3 + y) * 3 + x) * 2 + i]);
        }
      }
    }
  }
  const auto linear = *std::ranges::find(file.entries(), "fc.weight", &SafetensorsEntry::name);
  EXPECT_EQ(linear.shape, (std::vector<std::int64_t>{2, 3}));
  const float* rows = model.set.find_parameter("fc.weight")->value().as<float>();
  EXPECT_EQ(file.floats(linear), std::vector<float>(rows, rows + 6));
}

TEST(Weights, RoundTripWithForeignPrefixAndCounters) {
  const TempDirectory directory;
  TinyModel written, read;
  written.fill(1);
  write_weights(directory / "w", written.set, *written.backend);
  const std::vector<float> count{27900};
  rewrite(directory / "w", [](const std::string& name) { return "module." + name; },
          {{"module.bn.num_batches_tracked", {}, count}});
  read_weights(directory / "w", read.set, *read.backend);
  EXPECT_EQ(read.contents(), written.contents());
}

TEST(Weights, EverythingThatDoesNotFitIsListedAndTheModelIsAsBefore) {
  const TempDirectory directory;
  TinyModel wide(4), model;
  wide.fill(1);
  model.fill(100);
  const std::vector<float> before = model.contents();
  write_weights(directory / "w", wide.set, *wide.backend);
  rewrite(directory / "w", [](const std::string& name) { return name == "fc.weight" ? "linear.weight" : name; });
  expect_checkpoint_error([&] { read_weights(directory / "w", model.set, *model.backend); },
                          {"/w: does not fit the model", "missing fc.weight", "unknown linear.weight",
                           "bn.bias [4] (the model's is [3])", "and 1 more"});
  EXPECT_EQ(model.contents(), before);
}

TEST(Weights, AConvolutionInOurOwnLayoutIsRefused) {
  const TempDirectory directory;
  TinyModel model;
  const std::vector<float> values(54);
  {
    OutputFile file(directory / "w");
    write_safetensors(file, std::vector<SafetensorsTensor>{{"conv.weight", {3, 3, 3, 2}, values}});
  }
  expect_checkpoint_error([&] { read_weights(directory / "w", model.set, *model.backend); },
                          {"wrong shape conv.weight [3,3,3,2] (the model's is [3,2,3,3])"});
}

TEST(Weights, ATensorGivenTwiceIsAnError) {
  const TempDirectory directory;
  TinyModel model;
  write_weights(directory / "w", model.set, *model.backend);
  const std::vector<float> bias(3);
  rewrite(directory / "w", [](const std::string& name) { return name; }, {{"module.bn.bias", {3}, bias}});
  expect_checkpoint_error([&] { read_weights(directory / "w", model.set, *model.backend); },
                          {"with and without 'module.' bn.bias"});
}

TEST(Weights, AFailedWriteLeavesTheOldFile) {
  const TempDirectory directory;
  TinyModel model;
  write_weights(directory / "w", model.set, *model.backend);
  const std::string before = testing::file_text(directory / "w");
  model.fill(1);
  {
    const testing::FullDisk full(before.size() / 2);
    expect_output_error([&] { write_weights(directory / "w", model.set, *model.backend); }, {"w", "File too large"});
  }
  EXPECT_EQ(testing::file_text(directory / "w"), before);
}

}  // namespace
}  // namespace drift
