#include "data/cifar.h"

#include <array>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "tests/data/cifar_support.h"
#include "tests/data/data_support.h"
#include "tests/support/temp_directory.h"

namespace drift {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::kRecord10;
using testing::kRecord100;
using testing::message_of;
using testing::overwrite_byte;
using testing::TempDirectory;
using testing::write;
using testing::write_cifar10;
using testing::write_cifar100;

std::string cifar10_error(const TempDirectory& directory) {
  return message_of(ErrorKind::kData, [&] { open_cifar10(directory.path()); });
}

TEST(Cifar10, RecordsOfAllFilesInOrderInterleaved) {
  const TempDirectory directory;
  write_cifar10(directory.path());
  const DataSource source = open_cifar10(directory.path());
  ASSERT_EQ(source.train->size(), 10);
  ASSERT_EQ(source.test->size(), 3);
  EXPECT_EQ(source.train->image_shape(), (Shape{32, 32, 3}));
  const std::vector<std::int32_t> labels{1, 2, 2, 3, 3, 4, 4, 5, 5, 6};
  for (std::int64_t i = 0; i < 10; ++i) EXPECT_EQ(source.train->label(i), labels[static_cast<std::size_t>(i)]);
  EXPECT_EQ(source.test->label(2), 9);

  std::vector<std::uint8_t> image(3072);
  source.train->read_image(5, image);  // the second record of data_batch_3.bin: shade 30
  for (std::size_t pixel = 0; pixel < 1024; ++pixel) {
    for (std::size_t channel = 0; channel < 3; ++channel) {
      ASSERT_EQ(image[3 * pixel + channel], 30 + 50 * channel + pixel % 32);
    }
  }
}

TEST(Cifar10, ClassNamesAreTheOfficialOnesOrTheFiles) {
  const TempDirectory directory;
  write_cifar10(directory.path());
  EXPECT_EQ(open_cifar10(directory.path()).train->class_names()[9], "truck");
  write(directory / "batches.meta.txt", "a\r\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n");
  const DataSource source = open_cifar10(directory.path());
  ASSERT_EQ(source.test->classes(), 10);
  EXPECT_EQ(source.test->class_names()[0], "a");
  write(directory / "batches.meta.txt", "a\nb\n");
  const std::string message = cifar10_error(directory);
  EXPECT_TRUE(contains(message, "batches.meta.txt: 2 class names; expected 10")) << message;
}

TEST(Cifar10, TheOfficialArchivesFolderIsFound) {
  const TempDirectory directory;
  write_cifar10(directory / "cifar-10-batches-bin");
  EXPECT_EQ(open_cifar10(directory.path()).train->size(), 10);
}

TEST(Cifar10, ATruncatedFileIsNamedWithItsEnd) {
  const TempDirectory directory;
  write_cifar10(directory.path());
  fs::resize_file(directory / "data_batch_4.bin", kRecord10 + 1000);
  const std::string message = cifar10_error(directory);
  EXPECT_TRUE(contains(message, "data_batch_4.bin: ends at offset 4073, 1000 bytes into a record of 3073")) << message;
  EXPECT_TRUE(contains(message, "expected 10000 records of 3073 bytes")) << message;
  EXPECT_TRUE(contains(message, "(30730000 bytes)")) << message;
}

TEST(Cifar10, ALongerFileIsAnError) {
  const TempDirectory directory;
  write_cifar10(directory.path());
  fs::resize_file(directory / "test_batch.bin", 3 * kRecord10 + 1);
  EXPECT_TRUE(contains(cifar10_error(directory), "test_batch.bin: ends at offset 9220, 1 bytes into a record"));
}

TEST(Cifar10, AnEmptyFileIsAnError) {
  const TempDirectory directory;
  write_cifar10(directory.path());
  fs::resize_file(directory / "data_batch_1.bin", 0);
  EXPECT_TRUE(contains(cifar10_error(directory), "data_batch_1.bin: ends at offset 0; expected 10000 records"));
}

TEST(Cifar10, AFileCutBetweenRecordsOfAnOfficialSetIsAnError) {
  const TempDirectory directory;
  write_cifar10(directory.path());
  for (int i = 1; i <= 5; ++i) {  // sparse: only sizes are looked at before the error
    fs::resize_file(directory / ("data_batch_" + std::to_string(i) + ".bin"), 10000 * kRecord10);
  }
  fs::resize_file(directory / "test_batch.bin", 5000 * kRecord10);
  const std::string message = cifar10_error(directory);
  EXPECT_TRUE(contains(message, "test_batch.bin: ends at offset 15365000 after 5000 records; expected 10000"))
      << message;
}

TEST(Cifar10, TrainingFilesOfASmallSetMustBeOfOneLength) {
  for (const std::int64_t records : {1, 3}) {
    const TempDirectory directory;
    write_cifar10(directory.path());
    fs::resize_file(directory / "data_batch_3.bin", records * kRecord10);
    const std::string message = cifar10_error(directory);
    const std::string expected =
        records == 1 ? "data_batch_3.bin: ends at offset 3073 after 1 records; expected 2 records (6146 bytes)"
                     : "data_batch_1.bin: ends at offset 6146 after 2 records; expected 3 records (9219 bytes)";
    EXPECT_TRUE(contains(message, expected)) << message;
  }
}

TEST(Cifar10, ALongFileInAnOfficialSetIsNamed) {
  const TempDirectory directory;
  write_cifar10(directory.path());
  for (int i = 1; i <= 5; ++i) {
    fs::resize_file(directory / ("data_batch_" + std::to_string(i) + ".bin"), (i == 2 ? 10001 : 10000) * kRecord10);
  }
  const std::string message = cifar10_error(directory);
  EXPECT_TRUE(contains(message, "data_batch_2.bin: ends at offset 30733073 after 10001 records; expected 10000"))
      << message;
}

TEST(Cifar10, AMissingFileOrDirectoryIsNamed) {
  const TempDirectory directory;
  write_cifar10(directory.path());
  fs::remove(directory / "data_batch_2.bin");
  const std::string message = cifar10_error(directory);
  EXPECT_TRUE(contains(message, (directory / "data_batch_2.bin").string() + ": no such file; expected 10000 records"))
      << message;
  const fs::path nowhere = directory / "nowhere";
  const std::string missing = message_of(ErrorKind::kData, [&] { open_cifar10(nowhere); });
  EXPECT_TRUE(contains(missing, nowhere.string() + ": no such directory or file")) << missing;
}

TEST(Cifar10, ALabelOutOfRangeIsNamedWithItsOffset) {
  const TempDirectory directory;
  write_cifar10(directory.path());
  overwrite_byte(directory / "data_batch_5.bin", kRecord10, 10);
  const std::string message = cifar10_error(directory);
  EXPECT_TRUE(contains(message, "data_batch_5.bin: label 10 at offset 3073 (record 1); expected 0..9")) << message;
}

TEST(Cifar100, TheFineLabelIsTheClass) {
  const TempDirectory directory;
  write_cifar100(directory / "cifar-100-binary");
  const DataSource source = open_cifar100(directory.path());
  ASSERT_EQ(source.train->size(), 3);
  EXPECT_EQ(source.train->classes(), 100);
  EXPECT_EQ(source.train->label(0), 99);
  EXPECT_EQ(source.test->label(0), 42);
  EXPECT_EQ(source.test->class_names()[42], "leopard");
  std::vector<std::uint8_t> image(3072);
  source.test->read_image(0, image);
  EXPECT_EQ(image[3 * 31 + 2], 4 + 100 + 31);
}

TEST(Cifar100, BothLabelsAreChecked) {
  const TempDirectory directory;
  write_cifar100(directory.path());
  const auto error = [&] { return message_of(ErrorKind::kData, [&] { open_cifar100(directory.path()); }); };
  overwrite_byte(directory / "train.bin", 2 * kRecord100 + 1, 100);
  EXPECT_TRUE(contains(error(), "train.bin: fine label 100 at offset 6149 (record 2); expected 0..99")) << error();
  overwrite_byte(directory / "train.bin", kRecord100, 20);
  EXPECT_TRUE(contains(error(), "train.bin: coarse label 20 at offset 3074 (record 1); expected 0..19")) << error();
}

}  // namespace
}  // namespace drift
