#include "train/checkpoint/weight_format.h"

#include <gtest/gtest.h>

#include "tests/support/checkpoint_error.h"
#include "tests/support/file_damage.h"
#include "tests/support/temp_directory.h"
#include "train/checkpoint/safetensors.h"
#include "train/checkpoint/torch_file.h"

namespace drift {
namespace {

using testing::expect_checkpoint_error;
using testing::expect_error;
using testing::TempDirectory;

const std::filesystem::path kNested = std::filesystem::path(DRIFT_TORCH_FILES) / "nested.pt";

TEST(WeightFormat, IsToldByContentsWhateverTheName) {
  const TempDirectory directory;
  const std::vector<float> values{1, 2};
  const std::vector<NamedTensor> tensors{{"a", {2}, values}};
  {
    OutputFile torch(directory / "a.safetensors"), safetensors(directory / "b.pt");
    write_torch_file(torch, tensors);
    write_safetensors(safetensors, tensors);
  }
  for (const char* name : {"a.safetensors", "b.pt"}) {
    const TensorFile file = read_tensors(directory / name);
    EXPECT_EQ(file.floats(file.entries().at(0)), values) << name;
  }
  testing::set_file_text(directory / "c.pt", "neither");
  expect_checkpoint_error([&] { read_tensors(directory / "c.pt"); }, {"c.pt: truncated: the header's length"});
  testing::set_file_text(directory / "c.pt", "neither of the two");
  expect_checkpoint_error([&] { read_tensors(directory / "c.pt"); }, {"c.pt: truncated, or not a safetensors file"});
  testing::set_file_text(directory / "c.pt", "\x80\4\x95 a pickle");
  expect_checkpoint_error([&] { read_tensors(directory / "c.pt"); }, {"c.pt: a pickle, but none of torch.save()"});
  testing::set_file_text(directory / "c.pt", "\x80\2" + std::string(6, '\0') + "{}" + std::string(638, ' '));
  EXPECT_TRUE(read_tensors(directory / "c.pt").entries().empty());  // the header has 640 bytes
  expect_checkpoint_error([&] { read_tensors(directory / "d.pt"); }, {"d.pt: cannot be read: No such file"});
}

TEST(WeightFormat, ConvertedTensorsAreThoseReadUnderTheNamesOfTheModel) {
  const TempDirectory directory;
  for (const char* name : {"w.safetensors", "w.pt", "w.pth"}) {
    const Converted converted = write_converted(read_tensors(kNested), directory / name);
    EXPECT_EQ(converted.tensors, 6u);
    EXPECT_EQ(converted.elements, 72u);
    const TensorFile file = read_tensors(directory / name);
    ASSERT_EQ(file.entries().size(), 6u);
    EXPECT_EQ(file.entries().front().name, "conv.weight");
    EXPECT_EQ(file.entries().back().name, "fc.weight");
    EXPECT_EQ(file.floats(file.entries().back()), (std::vector<float>{8.25f, 8.375f, 8.5f, 8.625f, 8.75f, 8.875f}));
  }
  EXPECT_EQ(testing::file_text(directory / "w.pt"), testing::file_text(directory / "w.pth"));
}

TEST(WeightFormat, ThereAndBackAreTheSameBytes) {
  const TempDirectory directory;
  const std::vector<float> values{1, 2};
  {
    OutputFile file(directory / "a.safetensors");
    write_safetensors(file, std::vector<NamedTensor>{{"a", {2}, values}}, {{"drift.groups", "4"}});
  }
  write_converted(read_tensors(directory / "a.safetensors"), directory / "b.pt");
  write_converted(read_tensors(directory / "b.pt"), directory / "c.safetensors");
  EXPECT_EQ(testing::file_text(directory / "c.safetensors"), testing::file_text(directory / "a.safetensors"));
}

TEST(WeightFormat, OtherEndingsAreRefused) {
  for (const char* name : {"w", "w.bin", "w.ckpt", ".pt", "w.pt.gz"}) {
    expect_error(
        ErrorKind::kUsage, [&] { check_weight_ending(name); }, {".safetensors", ".pt or .pth"}, name);
  }
  for (const char* name : {"w.safetensors", "w.pt", "folder.x/w.pth"}) EXPECT_NO_THROW(check_weight_ending(name));
}

TEST(WeightFormat, WhatCannotBeConvertedLeavesTheOldFile) {
  const TempDirectory directory;
  const std::filesystem::path out = directory / "w.pt", in = directory / "in";
  testing::set_file_text(out, "old");
  const std::vector<float> values{1};
  const auto expect_refused = [&](const std::vector<NamedTensor>& tensors, std::string_view message) {
    {
      OutputFile file(in);
      write_safetensors(file, tensors);
    }
    expect_checkpoint_error([&] { write_converted(read_tensors(in), out); }, {"/in: ", message});
  };
  expect_refused({{"a", {1}, values}, {"module.a", {1}, values}}, "tensor 'a' is there with and without 'module.'");
  expect_refused({{"bn.num_batches_tracked", {1}, values}}, "has no tensors");
  const testing::FullDisk full(1000);
  testing::expect_output_error([&] { write_converted(read_tensors(kNested), out); }, {"w.pt", "File too large"});
  EXPECT_EQ(testing::file_text(out), "old");
}

}  // namespace
}  // namespace drift
