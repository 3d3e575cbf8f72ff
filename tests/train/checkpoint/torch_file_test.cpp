#include "train/checkpoint/torch_file.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <string>

#include "tests/support/checkpoint_error.h"
#include "tests/support/file_damage.h"
#include "tests/support/temp_directory.h"
#include "tests/support/zip_text.h"
#include "train/checkpoint/file_tensors.h"
#include "train/checkpoint/weight_format.h"

namespace drift {
namespace {

namespace fs = std::filesystem;
using std::string_literals::operator""s;
using testing::expect_checkpoint_error;
using testing::little_endian;
using testing::set_file_text;
using testing::TempDirectory;
using testing::zip_text;
using testing::ZipEntry;

fs::path golden(const std::string& name) {
  return fs::path(DRIFT_TORCH_FILES) / (name + ".pt");
}

// See scripts/make_golden_weights.py: an eighth more with each element, in the order of a state dict.
TEST(TorchFile, ReadsWhatPyTorchWrote) {
  const std::vector<std::pair<std::string, std::vector<std::int64_t>>> expected{
      {"conv.weight", {3, 2, 3, 3}}, {"bn.weight", {3}},      {"bn.bias", {3}},
      {"bn.running_mean", {3}},      {"bn.running_var", {3}}, {"fc.weight", {2, 3}}};
  const std::pair<std::string, std::string> files[] = {{"plain", "F32"},  {"half", "F16"},     {"brain", "BF16"},
                                                       {"double", "F64"}, {"strided", "F32"},  {"parameters", "F32"},
                                                       {"nested", "F32"}, {"compiled", "F32"}, {"protocol_4", "F32"}};
  for (const auto& [name, dtype] : files) {
    SCOPED_TRACE(name);
    const TensorFile file = read_tensors(golden(name));
    ASSERT_EQ(file.entries().size(), name == "parameters" ? 6u : 7u);
    float first = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const TensorEntry& entry = file.entries()[i];
      EXPECT_EQ(without_wrappers(entry.name), expected[i].first);
      EXPECT_EQ(entry.shape, expected[i].second);
      EXPECT_EQ(entry.dtype, dtype);
      for (const float value : file.floats(entry)) {
        EXPECT_EQ(value, first / 8) << entry.name;
        ++first;
      }
    }
    EXPECT_EQ(first, 72);
    if (name != "parameters") {
      EXPECT_EQ(file.entries().back().dtype, "I64");
    }
  }
}

TEST(TorchFile, WhatIsNotTensorsIsRefusedWithAWayOut) {
  const std::pair<std::string, std::string> files[] = {
      {"arguments", "global 'argparse.Namespace'"},
      {"numpy_scalar", "global 'numpy._core.multiarray.scalar'"},
      {"whole_module", "global 'torch.nn.modules.linear.Linear'"},
      {"no_state_dict", "'epoch' is an integer, 'best_prec1' is a float, 'lr' is a list, 'optimizer' is a dict"}};
  for (const auto& [name, message] : files) {
    expect_checkpoint_error([&] { read_tensors(golden(name)); },
                            {name + ".pt", message, "torch.save(model.state_dict()"});
  }
}

TEST(TorchFile, LegacyFilesSayHowToSaveThemAnew) {
  const TempDirectory directory;
  set_file_text(directory / "tar", std::string(257, 'x') + "ustar" + std::string(250, 'x'));
  for (const fs::path& path : {golden("legacy"), directory / "tar"}) {
    expect_checkpoint_error([&] { read_tensors(path); },
                            {"before version 1.6", "torch.save(torch.load(FILE, map_location='cpu'"});
  }
}

// Of pickles: "K\7", "(K\1K\2t", a text, and the tensor 'a' in a storage of so many floats.
std::string number(std::int64_t value) {
  return "\x8a\x8"s + little_endian(static_cast<std::uint64_t>(value), 8);
}
std::string tuple(const std::vector<std::int64_t>& values) {
  std::string text = "(";
  for (const std::int64_t value : values) text += number(value);
  return text + "t";
}
std::string text(const std::string& value) {
  return "X" + little_endian(value.size(), 4) + value;
}

struct TensorText {
  std::string type = "FloatStorage", key = "0";
  std::int64_t storage = 4, offset = 0;
  std::vector<std::int64_t> shape = {2, 2}, strides = {2, 1};

  std::string pickle() const {
    return "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\n" + type + "\n" + text(key) +
           text("cpu") + number(storage) + "tQ" + number(offset) + tuple(shape) + tuple(strides) + "\x89NtR";
  }
};

std::string dict(const std::string& entries) {
  return "\x80\2}(" + entries + "u.";
}

const std::string kFour = "\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40\0\0\x80\x40"s;  // 1, 2, 3, 4

// A file with this data.pkl and the four floats.
class HandMade {
 public:
  TensorFile read(const std::string& pickle, const std::vector<ZipEntry>& more = {}) const {
    std::vector<ZipEntry> entries{{"x/data.pkl", pickle}, {"x/data/0", kFour}};
    entries.insert(entries.end(), more.begin(), more.end());
    set_file_text(path, zip_text(entries));
    return read_tensors(path);
  }
  std::vector<float> floats(const TensorText& tensor) const {
    const TensorFile file = read(dict(text("a") + tensor.pickle()));
    return file.floats(file.entries().front());
  }
  void expect_refused(const TensorText& tensor, std::string_view message) const {
    expect_checkpoint_error([&] { floats(tensor); }, {"hand.pt: tensor 'a': ", message}, message);
  }
  void expect_pickle_refused(const std::string& pickle, std::string_view message) const {
    expect_checkpoint_error([&] { read(pickle); }, {"hand.pt: ", message}, message);
  }

  TempDirectory directory;
  fs::path path = directory / "hand.pt";
};

TEST(TorchFile, ElementsAreFoundByTheirStrides) {
  const HandMade file;
  EXPECT_EQ(file.floats({}), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(file.floats({.strides = {1, 2}}), (std::vector<float>{1, 3, 2, 4}));
  EXPECT_EQ(file.floats({.offset = 1, .shape = {2}, .strides = {2}}), (std::vector<float>{2, 4}));
  EXPECT_EQ(file.floats({.shape = {2, 2}, .strides = {0, 1}}), (std::vector<float>{1, 2, 1, 2}));
  EXPECT_EQ(file.floats({.offset = 3, .shape = {}, .strides = {}}), (std::vector<float>{4}));
  EXPECT_EQ(file.floats({.shape = {1, 4}, .strides = {INT64_MAX, 1}}), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(file.floats({.shape = {0, INT64_MAX, INT64_MAX}, .strides = {9, 9, 9}}), std::vector<float>{});
}

TEST(TorchFile, WhatLiesBeyondItsStorageIsRefused) {
  const HandMade file;
  file.expect_refused({.offset = 1}, "[2,2] with strides [2,1] at offset 1 does not lie in its storage of 4 elements");
  file.expect_refused({.shape = {5}, .strides = {1}}, "does not lie in");
  file.expect_refused({.shape = {5}, .strides = {0}}, "does not lie in");  // more elements than there are
  file.expect_refused({.shape = {2, 2}, .strides = {3, 1}}, "does not lie in");
  file.expect_refused({.shape = {2}, .strides = {INT64_MAX}}, "does not lie in");
  file.expect_refused({.shape = {INT64_MAX, INT64_MAX, 4}, .strides = {0, 0, 0}}, "does not lie in");
  file.expect_refused({.offset = INT64_MAX}, "does not lie in");
  file.expect_refused({.offset = -1}, "at offset -1");
  file.expect_refused({.shape = {2, -2}}, "shape or strides hold what is no integer from 0 on");
  file.expect_refused({.strides = {2}}, "2 axes with 1 strides");
  file.expect_refused({.shape = std::vector<std::int64_t>(65, 1), .strides = std::vector<std::int64_t>(65, 1)},
                      "65 axes");
  file.expect_refused({.storage = 5}, "its storage 'x/data/0' has 16 bytes, not those of 5 F32");
  file.expect_refused({.storage = INT64_MAX}, "has 16 bytes, not those of 9223372036854775807 F32");
  file.expect_refused({.key = "1"}, "its storage 'x/data/1' is missing");
  file.expect_refused({.key = "../data.pkl"}, "its storage 'x/data/../data.pkl' is missing");
}

TEST(TorchFile, StoragesOfEveryTypeAreMeasured) {
  const HandMade file;
  const std::tuple<std::string, std::int64_t, std::string> types[] = {
      {"DoubleStorage", 2, "F64"}, {"HalfStorage", 8, "F16"}, {"BFloat16Storage", 8, "BF16"},
      {"LongStorage", 2, "I64"},   {"IntStorage", 4, "I32"},  {"ShortStorage", 8, "I16"},
      {"CharStorage", 16, "I8"},   {"ByteStorage", 16, "U8"}, {"BoolStorage", 16, "BOOL"}};
  for (const auto& [type, elements, dtype] : types) {
    const TensorText tensor{.type = type, .storage = elements, .shape = {elements}, .strides = {1}};
    EXPECT_EQ(file.read(dict(text("a") + tensor.pickle())).entries().front().dtype, dtype);
    file.expect_refused({.type = type, .storage = elements + 1}, "its storage 'x/data/0' has 16 bytes");
  }
  const TensorText complex{.type = "ComplexFloatStorage"};
  file.expect_pickle_refused(dict(text("a") + complex.pickle()), "global 'torch.ComplexFloatStorage'");
}

TEST(TorchFile, CallsThatMakeNoTensorAreRefused) {
  const HandMade file;
  const std::string rebuild = "ctorch._utils\n_rebuild_tensor_v2\n", tensor = TensorText{}.pickle();
  const std::string seven = tensor.substr(0, tensor.size() - 2) + "NtR";
  file.expect_pickle_refused("K\1.", "holds an integer, not a state dict");
  file.expect_pickle_refused(dict(text("a") + rebuild + ")R"), "it has 0 arguments");
  file.expect_pickle_refused(dict(text("a") + seven), "it has 7 arguments");
  file.expect_pickle_refused(dict(text("a") + rebuild + "(K\1K\0))\x89NtR"s), "an integer where a storage is expected");
  file.expect_pickle_refused(dict(text("a") + rebuild + "(K\1QK\0))\x89NtR"s),
                             "a persistent id where a storage is expected");
  file.expect_pickle_refused(dict(text("a") + rebuild + "()QK\0))\x89NtR"s),
                             "no storage with a type, a key and a size");
  file.expect_pickle_refused(dict(text("a") + "ctorch._utils\n_rebuild_parameter\n)R"), "a parameter of no tensor");
  file.expect_pickle_refused(dict(text("a") + tensor + text("a") + tensor), "tensor 'a' appears twice");
  file.expect_pickle_refused(dict(text("a") + tensor + "K\1" + tensor), "a key is a call");
  file.expect_pickle_refused(dict(text("a") + tensor + text("b") + "N"), "'b' is None");
  file.expect_pickle_refused("ccollections\nOrderedDict\n]\x85R.", "holds a call, not a state dict");
}

TEST(TorchFile, ManyTensorsOfOneStorageAreBounded) {
  const HandMade file;
  const auto read = [&](int tensors) {
    const TensorText tensor{.key = "1", .storage = 1024, .shape = {1024}, .strides = {1}};
    std::string entries = text("first") + tensor.pickle() + "q\1";
    for (int i = 1; i < tensors; ++i) entries += text(std::to_string(i)) + "h\1";
    return file.read(dict(entries), {{"x/data/1", std::string(4096, 'x')}});
  };
  EXPECT_EQ(read(5).entries().size(), 5u);
  expect_checkpoint_error([&] { read(200); }, {"tensors that share storages have over 8 times the "});
}

TEST(TorchFile, TextsAmongTheAttributesAreBounded) {
  const HandMade file;
  const std::string entries = "ccollections\nOrderedDict\n)R(" + text("a") + TensorText{}.pickle() + "u";
  const auto read = [&](int texts) {
    std::string attributes = "}(" + text("0") + text(std::string(10'000, 'x')) + "q\1";
    for (int i = 1; i < texts; ++i) attributes += text(std::to_string(i)) + "h\1";
    return file.read(entries + attributes + "ub.");
  };
  EXPECT_EQ(read(6).metadata().size(), 6u);
  expect_checkpoint_error([&] { read(7); }, {"long texts among the attributes"});
}

TEST(TorchFile, TheArchiveIsOneOfTorchSave) {
  const HandMade file;
  const std::string sound = dict(text("a") + TensorText{}.pickle());
  EXPECT_NO_THROW(file.read(sound, {{"x/byteorder", "little"}, {"x/data/1", "unused"}, {"x/", ""}}));
  expect_checkpoint_error([&] { file.read(sound, {{"x/byteorder", "big"}}); }, {"not little-endian"});
  expect_checkpoint_error([&] { file.read(sound, {{"y/data.pkl", sound}}); }, {"it has 2 data.pkl"});
  expect_checkpoint_error([&] { file.read(sound, {{"x/constants.pkl", ""}}); }, {"torch.jit.save()"});
  set_file_text(file.path, zip_text({{"readme", "text"}}));
  expect_checkpoint_error([&] { read_tensors(file.path); }, {"not one of torch.save(): it has 0 data.pkl"});
}

TEST(TorchFile, ZipArchivesThatPyTorchDoesNotWriteAreRefused) {
  const HandMade file;
  const std::string sound = dict(text("a") + TensorText{}.pickle());
  const auto expect_entry_refused = [&](const ZipEntry& entry, std::string_view message) {
    expect_checkpoint_error([&] { file.read(sound, {entry}); }, {"hand.pt: ", message}, message);
  };
  expect_entry_refused({.name = "x/data/1", .bytes = "\3\0"s, .method = 8},
                       "entry 'x/data/1' is compressed (method 8)");
  expect_entry_refused({.name = "x/data/1", .bytes = "secret", .flags = 1}, "entry 'x/data/1' is encrypted");
  expect_entry_refused({.name = "x/data/0", .bytes = kFour}, "appears twice");
  expect_entry_refused({.name = "x/data/1", .bytes = "short", .announced = 1'000'000'000}, "hand.pt: ");
  std::string damaged = zip_text({{"x/data.pkl", sound}, {"x/data/0", kFour}});
  damaged[damaged.find(kFour)] ^= 1;
  set_file_text(file.path, damaged);
  expect_checkpoint_error([&] { read_tensors(file.path); }, {"entry 'x/data/0' is damaged: CRC error"});
}

TEST(TorchFile, AnyTruncationIsAnErrorAndAnyChangedByteIsReadOrRefused) {
  const HandMade file;
  const std::string whole = testing::file_text(golden("plain"));
  for (std::size_t length = 0; length < whole.size(); length += 7) {
    set_file_text(file.path, whole.substr(0, length));
    expect_checkpoint_error([&] { read_tensors(file.path); }, {"hand.pt: "}, std::to_string(length));
  }
  int refused = 0;
  for (std::size_t position = 0; position < whole.size(); position += 3) {
    std::string changed = whole;
    changed[position] = static_cast<char>(changed[position] ^ 0x14);
    set_file_text(file.path, changed);
    try {
      read_tensors(file.path);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kCheckpoint) << error.what();
      ++refused;
    }
  }
  EXPECT_GT(refused, 500);
}

void write(const fs::path& path, std::span<const NamedTensor> tensors,
           const std::map<std::string, std::string>& metadata = {}) {
  OutputFile file(path);
  write_torch_file(file, tensors, metadata);
}

RC_GTEST_PROP(TorchFile, RoundTrips, (const std::vector<std::vector<float>>& arrays)) {
  const TempDirectory directory;
  std::vector<NamedTensor> tensors;
  for (const auto& array : arrays) {
    tensors.push_back({fmt::format("größe{}", tensors.size()), {static_cast<std::int64_t>(array.size()), 1}, array});
  }
  write(directory / "file", tensors);
  const TensorFile file = read_tensors(directory / "file");
  RC_ASSERT(file.entries().size() == tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    RC_ASSERT(file.entries()[i].name == tensors[i].name);
    RC_ASSERT(file.entries()[i].shape == tensors[i].shape);
    const std::vector<float> values = file.floats(file.entries()[i]);
    RC_ASSERT(std::ranges::equal(std::as_bytes(std::span(values)), std::as_bytes(tensors[i].values)));
  }
}

TEST(TorchFile, IsTheSameBytesEachTimeAndKeepsMetadata) {
  const TempDirectory directory;
  const std::vector<float> values{1, 2, 3};
  const std::map<std::string, std::string> metadata{{"drift.groups", "4"}, {"drift.model", "\"größe\""}};
  for (const char* name : {"one", "two"}) {
    write(directory / name, std::vector<NamedTensor>{{"a", {3}, values}, {"b", {}, std::span(values).first(1)}},
          metadata);
  }
  EXPECT_EQ(testing::file_text(directory / "one"), testing::file_text(directory / "two"));
  EXPECT_EQ(read_tensors(directory / "one").metadata(), metadata);
}

}  // namespace
}  // namespace drift
