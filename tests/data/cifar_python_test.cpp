// The python versions of CIFAR-10 and CIFAR-100: the same sets as the binary ones, and no pickle is believed.
#include "data/cifar_python.h"

#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "data/cifar.h"
#include "tests/data/cifar_support.h"
#include "tests/data/data_support.h"
#include "tests/support/temp_directory.h"

namespace drift {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::entries_of;
using testing::expect_same_sets;
using std::string_literals::operator""s;

std::string four_bytes(std::size_t number) {
  std::string bytes;
  for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(number >> shift);
  return bytes;
}

// As Python 2's cPickle writes them (protocol 2), but for what it remembers of strings.
std::string integer(std::size_t number) {
  return "J"s + four_bytes(number);
}
std::string string(const std::string& text) {
  return "T"s + four_bytes(text.size()) + text;
}
std::string list(const std::vector<std::string>& values) {
  std::string text = "](";
  for (const std::string& value : values) text += value;
  return text + "e";
}

struct Array {
  std::size_t rows = 0, columns = 3072;
  std::string type = "u1", fortran = "\x89", bytes = {};
  std::string reconstruct = "numpy.core.multiarray\n_reconstruct";
};
std::string array(const Array& is) {
  return "c" + is.reconstruct + "\ncnumpy\nndarray\nK\0\x85U\1b\x87R"s + "(K\1" + integer(is.rows) +
         integer(is.columns) + "\x86"s + "cnumpy\ndtype\nU\2" + is.type + "K\0K\1\x87R(K\3U\1|NNNJ\xff\xff\xff\xff"s +
         "J\xff\xff\xff\xffK\0tb"s + is.fortran + string(is.bytes) + "tb";
}

struct Batch {
  std::string labels_key;
  std::vector<std::size_t> labels;
  std::string planes;
};
std::string pickled(const Batch& batch, const std::string& data) {
  std::vector<std::string> labels, names;
  for (const std::size_t label : batch.labels) {
    labels.push_back(integer(label));
    names.push_back(string("leptodactylus_pentadactylus_s_000004.png"));
  }
  return "\x80\2}(" + string("batch_label") + string("training batch 1 of 5") + string(batch.labels_key) +
         list(labels) + string("data") + data + string("filenames") + list(names) + "u.";
}
std::string pickled(const Batch& batch) {
  return pickled(batch, array({.rows = batch.labels.size(), .bytes = batch.planes}));
}

// Of the records of a file of the binary version.
Batch batch_of(const fs::path& binary, std::size_t label_bytes, const std::string& labels_key) {
  const std::string text = testing::file_text(binary);
  Batch batch{labels_key, {}, {}};
  for (std::size_t at = 0; at < text.size(); at += label_bytes + 3072) {
    batch.labels.push_back(static_cast<unsigned char>(text[at + label_bytes - 1]));
    batch.planes += text.substr(at + label_bytes, 3072);
  }
  return batch;
}

class CifarPython : public ::testing::Test {
 protected:
  CifarPython() {
    testing::write_cifar10(directory_ / "ten");
    testing::write_cifar100(directory_ / "hundred");
    fs::create_directories(ten());
    fs::create_directories(hundred());
    for (const char* name :
         {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"}) {
      testing::write(ten() / name, pickled(batch_of(directory_ / "ten" / (name + ".bin"s), 1, "labels")));
    }
    for (const char* name : {"train", "test"}) {
      testing::write(hundred() / name, pickled(batch_of(directory_ / "hundred" / (name + ".bin"s), 2, "fine_labels")));
    }
  }
  fs::path ten() const { return directory_ / "py/cifar-10-batches-py"; }
  fs::path hundred() const { return directory_ / "py/cifar-100-python"; }
  // Of CIFAR-10 with this as its third batch.
  std::string error_of(const std::string& third) const {
    testing::set_file_text(ten() / "data_batch_3", third);
    std::string message = testing::message_of(ErrorKind::kData, [&] { open_cifar10(ten()); });
    EXPECT_TRUE(message.starts_with((ten() / "data_batch_3").string() + ": ")) << message;
    return message;
  }

  const testing::TempDirectory directory_;
  const Batch batch_{"labels", {7, 8}, std::string(2 * 3072, 'p')};
};

TEST_F(CifarPython, HasTheSetsOfTheBinaryVersion) {
  for (const fs::path& place : {ten(), directory_ / "py"}) {
    expect_same_sets(open_cifar10(directory_ / "ten"), open_cifar10(place));
  }
  for (const fs::path& place : {hundred(), directory_ / "py"}) {
    expect_same_sets(open_cifar100(directory_ / "hundred"), open_cifar100(place));
  }
}

TEST_F(CifarPython, OpensFromItsArchive) {
  testing::set_file_text(directory_ / "a.tar.gz", testing::tar_gz_of(entries_of(ten(), "cifar-10-batches-py/")));
  expect_same_sets(open_cifar10(directory_ / "ten"), open_cifar10(directory_ / "a.tar.gz"));
  testing::set_file_text(directory_ / "b.tar.gz", testing::tar_gz_of(entries_of(hundred(), "cifar-100-python/")));
  expect_same_sets(open_cifar100(directory_ / "hundred"), open_cifar100(directory_ / "b.tar.gz"));
}

TEST_F(CifarPython, ClassNamesAreThoseOfItsFile) {
  std::vector<std::string> names;
  for (const char c : "abcdefghij"s) names.push_back(string(std::string(1, c)));
  const std::string dict = "\x80\2}(" + string("num_vis") + integer(3072) + string("label_names");
  testing::write(ten() / "batches.meta", dict + list(names) + "u.");
  EXPECT_EQ(open_cifar10(ten()).test->class_names()[9], "j");
  names.pop_back();
  testing::write(ten() / "batches.meta", dict + list(names) + "u.");
  const std::string few = testing::message_of(ErrorKind::kData, [&] { open_cifar10(ten()); });
  EXPECT_TRUE(contains(few, "batches.meta: 9 class names; expected 10")) << few;
  names.push_back(integer(1));
  testing::write(ten() / "batches.meta", dict + list(names) + "u.");
  const std::string number = testing::message_of(ErrorKind::kData, [&] { open_cifar10(ten()); });
  EXPECT_TRUE(contains(number, "batches.meta: the name of class 9 is an integer; expected a string")) << number;
}

TEST_F(CifarPython, BinaryFilesBesideItComeFirst) {
  fs::copy(directory_ / "ten", directory_ / "py/cifar-10-batches-bin");
  testing::write(ten() / "data_batch_1", "no pickle");
  EXPECT_EQ(open_cifar10(directory_ / "py").train->size(), 10);
}

TEST_F(CifarPython, ArraysOfNewerVersionsOfNumPyAreRead) {
  const Array array_of_2{.rows = 2, .bytes = batch_.planes, .reconstruct = "numpy._core.multiarray\n_reconstruct"};
  testing::set_file_text(ten() / "data_batch_3", pickled(batch_, array(array_of_2)));
  EXPECT_EQ(open_cifar10(ten()).train->label(5), 8);
}

TEST_F(CifarPython, OnlyAnArrayOfBytesIsData) {
  const std::string good(2 * 3072, 'p');
  for (const Array& bad :
       {Array{.rows = 3, .bytes = good}, Array{.rows = 2, .columns = 3071, .bytes = good},
        Array{.rows = 2, .type = "f4", .bytes = good}, Array{.rows = 2, .fortran = "\x88", .bytes = good},
        Array{.rows = 2, .bytes = good.substr(1)}}) {
    const std::string message = error_of(pickled(batch_, array(bad)));
    EXPECT_TRUE(contains(message, "'data' is not an array of NumPy of 2 x 3072 bytes (uint8)")) << message;
  }
  EXPECT_TRUE(contains(error_of(pickled(batch_, string(good))), "'data' is bytes; expected"));
}

TEST_F(CifarPython, LabelsAreChecked) {
  const std::string message = error_of(pickled({"labels", {7, 10}, batch_.planes}));
  EXPECT_TRUE(contains(message, "label 10 (record 1); expected 0..9")) << message;
  EXPECT_TRUE(contains(error_of(pickled({"labels", {std::size_t{0} - 1, 1}, batch_.planes})), "label -1 (record 0)"));
  EXPECT_TRUE(contains(error_of(pickled({"fine_labels", {7, 8}, batch_.planes})), "its dict has no 'labels'"));
  EXPECT_TRUE(contains(error_of(pickled({"labels", {}, ""})), "has no records; expected 10000"));
}

TEST_F(CifarPython, NothingElseIsCalled) {
  const std::string message = error_of("\x80\2cos\nsystem\n" + string("touch here") + "\x85R.");
  EXPECT_TRUE(contains(message, "os.system")) << message;
  EXPECT_TRUE(contains(error_of("no pickle"), "pickle, byte 0: "));
  const std::string whole = pickled(batch_);
  EXPECT_TRUE(contains(error_of(whole.substr(0, whole.size() / 2)), "pickle, byte "));
}

TEST_F(CifarPython, FilesAreOfOneLengthAndAllThere) {
  const std::string longer = error_of(pickled({"labels", {1}, std::string(3072, 'p')}));
  EXPECT_TRUE(contains(longer, "data_batch_3: has 1 records; expected 2, because another training file has 2"))
      << longer;
  fs::remove(ten() / "data_batch_3");
  const std::string missing = testing::message_of(ErrorKind::kData, [&] { open_cifar10(ten()); });
  EXPECT_TRUE(contains(missing, "data_batch_3: no such file; expected a pickle of 10000 records")) << missing;
}

}  // namespace
}  // namespace drift
