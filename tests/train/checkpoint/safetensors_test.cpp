#include "train/checkpoint/safetensors.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <limits>
#include <rapidcheck/gtest.h>
#include <string>

#include "tests/support/checkpoint_error.h"
#include "tests/support/file_damage.h"
#include "tests/support/temp_directory.h"

namespace drift {
namespace {

using testing::expect_checkpoint_error;
using testing::file_text;
using testing::set_file_text;
using testing::TempDirectory;

std::string with_length(const std::string& header) {
  std::string text;
  for (int i = 0; i < 8; ++i) text += static_cast<char>((header.size() >> (8 * i)) & 0xff);
  return text + header;
}

void write(const std::filesystem::path& path, std::span<const NamedTensor> tensors) {
  OutputFile file(path);
  write_safetensors(file, tensors);
}

// a: [1, -2], b: the scalar 0.5.
const std::string kSmallHeader =
    R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
    R"("b":{"dtype":"F32","shape":[],"data_offsets":[8,12]}}      )";
const std::string kSmallData("\0\0\x80\x3f\0\0\0\xc0\0\0\0\x3f", 12);

TEST(Safetensors, WritesTheGoldenBytes) {
  const TempDirectory directory;
  const std::vector<float> a{1, -2}, b{0.5f};
  write(directory / "small", std::vector<NamedTensor>{{"a", {2}, a}, {"b", {}, b}});
  EXPECT_EQ(kSmallHeader.size() % 8, 0u);
  EXPECT_EQ(file_text(directory / "small"), with_length(kSmallHeader) + kSmallData);
}

TEST(Safetensors, MetadataReadBack) {
  const TempDirectory directory;
  {
    OutputFile file(directory / "file");
    write_safetensors(file, {}, {{"drift.model", "\"größe\""}});
  }
  const std::map<std::string, std::string> expected{{"drift.model", "\"größe\""}, {"format", "pt"}};
  EXPECT_EQ(read_safetensors(directory / "file").metadata(), expected);
  set_file_text(directory / "file", with_length(R"({"__metadata__":{"a":1,"b":"text","c":[]}})"));
  EXPECT_EQ(read_safetensors(directory / "file").metadata(), (std::map<std::string, std::string>{{"b", "text"}}));
  set_file_text(directory / "file", with_length(R"({"__metadata__":[1]})"));
  EXPECT_TRUE(read_safetensors(directory / "file").metadata().empty());
}

TEST(Safetensors, ReadsWhatPythonWrote) {
  const auto path = std::filesystem::path(DRIFT_CHECKPOINT_FILES) / "interop.safetensors";
  const TensorFile file = read_safetensors(path);
  ASSERT_EQ(file.entries().size(), 6u);
  const auto entry = [&](std::string_view name) -> const TensorEntry& {
    return *std::ranges::find(file.entries(), name, &TensorEntry::name);
  };
  EXPECT_EQ(entry("conv.weight").shape, (std::vector<std::int64_t>{2, 3, 2, 2}));
  std::vector<float> eighths(24);
  for (std::size_t i = 0; i < eighths.size(); ++i) eighths[i] = static_cast<float>(i) / 8;
  EXPECT_EQ(file.floats(entry("conv.weight")), eighths);
  EXPECT_EQ(file.floats(entry("half")),
            (std::vector<float>{1.5f, -2, 65504, 0x1p-24f, std::numeric_limits<float>::infinity()}));
  EXPECT_EQ(file.floats(entry("brain")), (std::vector<float>{1.5f, -2, 0x1.c4p127f}));
  EXPECT_EQ(file.floats(entry("double")), (std::vector<float>{0.1f, -1e-3f}));
  EXPECT_EQ(file.floats(entry("größe")), std::vector<float>{});
  EXPECT_EQ(entry("bn.num_batches_tracked").shape, std::vector<std::int64_t>{});
  expect_checkpoint_error([&] { file.floats(entry("bn.num_batches_tracked")); }, {"num_batches_tracked", "I64", "F32"});
}

TEST(Safetensors, ReadsEveryHalf) {
  const TempDirectory directory;
  std::string data;
  for (int bits = 0; bits < 0x10000; ++bits) data += {static_cast<char>(bits & 0xff), static_cast<char>(bits >> 8)};
  set_file_text(directory / "halves",
                with_length(R"({"x":{"dtype":"F16","shape":[65536],"data_offsets":[0,131072]}})") + data);
  const TensorFile file = read_safetensors(directory / "halves");
  const std::vector<float> values = file.floats(file.entries()[0]);
  for (int bits = 0; bits < 0x10000; ++bits) {
    const int exponent = (bits >> 10) & 31, fraction = bits & 1023;
    const float value = values[static_cast<std::size_t>(bits)];
    ASSERT_EQ(std::signbit(value), bits >= 0x8000) << bits;
    if (exponent == 31) {
      ASSERT_TRUE(fraction == 0 ? std::isinf(value) : std::isnan(value)) << bits;
    } else {
      const double significand = fraction + (exponent == 0 ? 0 : 1024);
      ASSERT_EQ(std::abs(value), std::ldexp(significand, std::max(exponent, 1) - 25)) << bits;
    }
  }
}

RC_GTEST_PROP(Safetensors, RoundTrips, (const std::vector<std::vector<float>>& arrays)) {
  const TempDirectory directory;
  std::vector<NamedTensor> tensors;
  for (const auto& array : arrays) {
    tensors.push_back({fmt::format("t{}", tensors.size()), {static_cast<std::int64_t>(array.size()), 1}, array});
  }
  write(directory / "file", tensors);
  const TensorFile file = read_safetensors(directory / "file");
  RC_ASSERT(file.entries().size() == tensors.size());
  for (const TensorEntry& entry : file.entries()) {
    const NamedTensor& tensor = tensors[static_cast<std::size_t>(std::stoi(entry.name.substr(1)))];
    RC_ASSERT(entry.shape == tensor.shape);
    const std::vector<float> values = file.floats(entry);
    RC_ASSERT(std::ranges::equal(std::as_bytes(std::span(values)), std::as_bytes(tensor.values)));
  }
}

TEST(Safetensors, EveryTruncationAndExtensionIsAnError) {
  const TempDirectory directory;
  const std::string whole = with_length(kSmallHeader) + kSmallData;
  set_file_text(directory / "file", whole);
  EXPECT_NO_THROW(read_safetensors(directory / "file"));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    set_file_text(directory / "file", whole.substr(0, length));
    expect_checkpoint_error([&] { read_safetensors(directory / "file"); }, {"/file: "}, std::to_string(length));
  }
  set_file_text(directory / "file", whole + "x");
  expect_checkpoint_error([&] { read_safetensors(directory / "file"); }, {"13 bytes of data", "end at 12"});
}

TEST(Safetensors, AnyChangedByteIsReadOrRefused) {
  const TempDirectory directory;
  const std::string whole = with_length(kSmallHeader) + kSmallData;
  int refused = 0;
  for (std::size_t position = 0; position < whole.size(); ++position) {
    for (const char mask : {'\x01', '\x04', '\x10', '\x80'}) {
      std::string text = whole;
      text[position] = static_cast<char>(text[position] ^ mask);
      set_file_text(directory / "file", text);
      try {
        const TensorFile file = read_safetensors(directory / "file");
        for (const TensorEntry& entry : file.entries()) {
          if (entry.dtype == "F32") file.floats(entry);
        }
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::kCheckpoint) << error.what();
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 200);
}

// One tensor 'a' over all 12 bytes, with one thing wrong.
std::string tensor(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"a":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

TEST(Safetensors, EveryDamageIsNamed) {
  struct Damage {
    std::string header, message;
  };
  const std::vector<Damage> damages{
      {"no json at all", "not JSON"},
      {"", "not JSON"},
      {"[1,2]", "not a JSON object"},
      {"{\"a\xff\":1}", "not JSON"},
      {R"({"a":7})", "tensor 'a': must be an object"},
      {R"({"a":{"dtype":"F32","shape":[3]}})", "tensor 'a': 'data_offsets' must be a list"},
      {tensor("3", "[3]", "[0,12]"), "'dtype' must be a string"},
      {tensor(R"("F31")", "[3]", "[0,12]"), "unknown dtype 'F31'"},
      {tensor(R"("F32")", "3", "[0,12]"), "'shape' must be a list"},
      {tensor(R"("F32")", "[-3]", "[0,12]"), "'shape' holds -3"},
      {tensor(R"("F32")", "[3.0]", "[0,12]"), "'shape' holds 3.0"},
      {tensor(R"("F32")", "[18446744073709551615]", "[0,12]"), "'shape' holds 18446744073709551615"},
      {tensor(R"("F32")", "[4294967296,4294967296]", "[0,0]"), "over 2^64"},
      {tensor(R"("F32")", "[4]", "[0,12]"), "F32 [4] needs 16 bytes, data_offsets give 12"},
      {tensor(R"("F32")", "[3]", "[0,12,12]"), "must be [begin, end]"},
      {tensor(R"("F32")", "[3]", "[12,0]"), "do not lie in the 12 bytes"},
      {tensor(R"("F32")", "[3]", "[4,16]"), "[4, 16] do not lie in the 12 bytes"},
      {tensor(R"("F32")", "[2]", "[0,8]"), "12 bytes of data, but the tensors end at 8"},
      {tensor(R"("F32")", "[2]", "[4,12]"), "tensor 'a' begins at byte 4 of the data, expected 0: there is a hole"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
       R"("b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
       "tensor 'b' begins at byte 4 of the data, expected 8: tensors overlap"},
      {R"({"a":{"dtype":"U8","shape":[12],"data_offsets":[0,12]},)"
       R"("a":{"dtype":"U8","shape":[12],"data_offsets":[0,12]}})",
       "'a' appears twice"},
      {R"({"a":{"dtype":"U8","shape":[9],"data_offsets":[0,12],"shape":[12]}})", "'shape' appears twice"},
      {R"({"a":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}", "deeper than 3 levels"}};
  const TempDirectory directory;
  for (const auto& [header, message] : damages) {
    set_file_text(directory / "f.safetensors", with_length(header) + kSmallData);
    expect_checkpoint_error([&] { read_safetensors(directory / "f.safetensors"); }, {"f.safetensors: ", message},
                            header.substr(0, 200));
  }
}

TEST(Safetensors, AHugeHeaderIsRefusedUnread) {
  const TempDirectory directory;
  set_file_text(directory / "file", std::string(8, '\xff') + "{}");
  expect_checkpoint_error([&] { read_safetensors(directory / "file"); }, {"header of 18446744073709551615 bytes"});
}

}  // namespace
}  // namespace drift
