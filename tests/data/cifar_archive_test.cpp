// CIFAR from archives: the same sets as from the folders that were packed.
#include <algorithm>
#include <array>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "data/cifar.h"
#include "data/fingerprint.h"
#include "tests/data/cifar_support.h"
#include "tests/data/data_support.h"
#include "tests/support/file_damage.h"
#include "tests/support/tar_archive.h"
#include "tests/support/temp_directory.h"

namespace drift {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::entries_of;
using testing::expect_same_sets;
using testing::TarEntry;

class CifarArchive : public ::testing::Test {
 protected:
  CifarArchive() {
    testing::write_cifar10(directory_ / "ten");
    testing::write(directory_ / "ten/batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n");
    testing::write_cifar100(directory_ / "hundred");
  }
  fs::path archive(const std::vector<TarEntry>& entries) const {
    testing::set_file_text(directory_ / "a.tar.gz", testing::tar_gz_of(entries));
    return directory_ / "a.tar.gz";
  }
  std::string error(const std::vector<TarEntry>& entries) const {
    return testing::message_of(ErrorKind::kData, [&] { open_cifar10(archive(entries)); });
  }

  const testing::TempDirectory directory_;
};

TEST_F(CifarArchive, HasTheSetsOfTheFolder) {
  for (const char* inside : {"cifar-10-batches-bin/", "./cifar-10-batches-bin/", "", "./"}) {
    expect_same_sets(open_cifar10(directory_ / "ten"), open_cifar10(archive(entries_of(directory_ / "ten", inside))));
  }
  for (const char* inside : {"cifar-100-binary/", ""}) {
    expect_same_sets(open_cifar100(directory_ / "hundred"),
                     open_cifar100(archive(entries_of(directory_ / "hundred", inside))));
  }
}

// It is in checkpoints: another text for the same images would be another data set to them.
TEST_F(CifarArchive, TheFingerprintIsThatOfEarlierVersions) {
  EXPECT_EQ(fingerprint(open_cifar10(directory_ / "ten")),
            "cifar10: train 10 images of 10 classes, checksum a1fe46e51fea7863, test 3 images of 10 classes, checksum "
            "079b912ba2e64f09");
  EXPECT_EQ(fingerprint(open_cifar100(directory_ / "hundred")),
            "cifar100: train 3 images of 100 classes, checksum 4b9a34e8d87e0cb8, test 1 images of 100 classes, "
            "checksum 98c9e6ee5277c7f3");
}

TEST_F(CifarArchive, WhatIsNoneOfItsFilesIsPassedOver) {
  std::vector<TarEntry> entries = entries_of(directory_ / "ten", "cifar-10-batches-bin/");
  entries.insert(entries.begin(), {{"cifar-10-batches-bin/", "", '5'}, {"cifar-10-batches-bin/readme.html", "?"}});
  entries.push_back({"cifar-10-batches-bin/more/test_batch.bin", "?"});
  expect_same_sets(open_cifar10(directory_ / "ten"), open_cifar10(archive(entries)));
}

TEST_F(CifarArchive, ErrorsNameArchiveMemberAndOffset) {
  const std::string prefix = (directory_ / "a.tar.gz").string() + ": ";
  const auto changed = [&](auto change) {
    std::vector<TarEntry> entries = entries_of(directory_ / "ten", "cifar-10-batches-bin/");
    change(entries);
    return error(entries);
  };
  const auto named = [](std::vector<TarEntry>& entries, const std::string& name) -> TarEntry& {
    return *std::ranges::find(entries, "cifar-10-batches-bin/" + name, &TarEntry::name);
  };
  const std::string label = changed([&](auto& all) { named(all, "data_batch_5.bin").bytes[testing::kRecord10] = 10; });
  EXPECT_TRUE(contains(label, prefix + "cifar-10-batches-bin/data_batch_5.bin: label 10 at offset 3073 (record 1)"))
      << label;
  const std::string cut = changed([&](auto& all) { named(all, "test_batch.bin").bytes.resize(3074); });
  EXPECT_TRUE(contains(cut, prefix + "cifar-10-batches-bin/test_batch.bin: ends at offset 3074, 1 bytes into a record"))
      << cut;
  const std::string missing = changed([&](auto& all) {
    std::erase_if(all, [](const TarEntry& entry) { return entry.name.ends_with("data_batch_2.bin"); });
  });
  EXPECT_TRUE(contains(missing, prefix + "data_batch_2.bin: no such file; expected 10000 records")) << missing;
  const std::string bomb = changed([&](auto& all) { named(all, "data_batch_3.bin").size = 30'730'001; });
  EXPECT_TRUE(contains(bomb, prefix + "cifar-10-batches-bin/data_batch_3.bin: 30730001 bytes; a file of this name has"))
      << bomb;
  const std::string names = changed([&](auto& all) { named(all, "batches.meta.txt").bytes = "a\nb\n"; });
  EXPECT_TRUE(contains(names, prefix + "cifar-10-batches-bin/batches.meta.txt: 2 class names; expected 10")) << names;
}

TEST_F(CifarArchive, AnotherDataSetsArchiveIsRefused) {
  const std::string message = error(entries_of(directory_ / "hundred", "cifar-100-binary/"));
  EXPECT_TRUE(contains(message, "data_batch_1.bin: no such file")) << message;
}

}  // namespace
}  // namespace drift
