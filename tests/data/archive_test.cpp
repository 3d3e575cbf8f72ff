#include "data/archive.h"

#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "data/data_files.h"
#include "tests/data/data_support.h"
#include "tests/support/file_damage.h"
#include "tests/support/tar_archive.h"
#include "tests/support/temp_directory.h"

namespace drift {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::message_of;
using testing::TarEntry;

std::string contents(ArchiveReader& reader, const ArchiveReader::Member& member) {
  std::string text(static_cast<std::size_t>(member.bytes), '\0');
  reader.read(std::as_writable_bytes(std::span(text)), "all of it");
  return text;
}

class Archive : public ::testing::Test {
 protected:
  void write(const std::vector<TarEntry>& entries) { testing::set_file_text(path(), testing::tar_gz_of(entries)); }
  fs::path path() const { return directory_ / "a.tar.gz"; }
  // "NAME=CONTENTS" of each member.
  std::vector<std::string> read_all() const {
    ArchiveReader reader(path());
    std::vector<std::string> members;
    while (const auto member = reader.next()) members.push_back(member->name + "=" + contents(reader, *member));
    return members;
  }
  // That reading it ends in, which names the archive first.
  std::string refusal() const {
    std::string message = message_of(ErrorKind::kData, [&] { read_all(); });
    EXPECT_TRUE(message.starts_with(path().string() + ": ")) << message;
    return message;
  }

  const testing::TempDirectory directory_;
};

TEST_F(Archive, MembersInOrderWithTheirContents) {
  const std::string large(200'000, 'x');
  write({{"folder/", "", '5'}, {"folder/a", "first"}, {"./folder//b", large}, {"c"}});
  EXPECT_EQ(read_all(), (std::vector<std::string>{"folder/a=first", "folder/b=" + large, "c="}));
}

TEST_F(Archive, WhatIsNotReadIsPassedOver) {
  write({{"a", "first"}, {"b", std::string(5000, 'b')}, {"c", "third"}});
  ArchiveReader reader(path());
  reader.next();
  std::string part(2, '\0');
  reader.read(std::as_writable_bytes(std::span(part)), "two bytes");
  EXPECT_EQ(part, "fi");
  EXPECT_EQ(reader.next()->name, "b");
  EXPECT_EQ(contents(reader, *reader.next()), "third");
  EXPECT_FALSE(reader.next());
}

TEST_F(Archive, NamesThatLeadOutOfItAreRefused) {
  for (const char* name : {"/etc/passwd", "//a", "../a", "a/../../b", "a/..", ".."}) {
    write({{"fine", "1"}, {name, "2"}});
    const std::string message = refusal();
    EXPECT_TRUE(contains(message, "member '" + std::string(name) + "' ")) << message;
    EXPECT_TRUE(contains(message, "absolute path") || contains(message, "by '..'")) << message;
  }
  write({{"../folder/", "", '5'}});
  EXPECT_TRUE(contains(refusal(), "by '..'")) << "a folder's, too";
  write({{"a..b/..c", "fine"}});
  EXPECT_EQ(read_all(), std::vector<std::string>{"a..b/..c=fine"});
}

TEST_F(Archive, OnlyFilesAreMembers) {
  const std::vector<std::pair<TarEntry, std::string>> cases = {
      {{"l", "", '1', "fine"}, "a hard link"},
      {{"l", "with bytes", '1', "fine"}, "a hard link"},
      {{"l", "", '2', "/etc/passwd"}, "a symbolic link"},
      {{"l", "", '3'}, "a device"},
      {{"l", "", '4'}, "a device"},
      {{"l", "", '6'}, "a pipe"},
  };
  for (const auto& [entry, what] : cases) {
    write({{"fine", "1"}, entry});
    EXPECT_TRUE(contains(refusal(), "member 'l' is " + what)) << refusal();
  }
}

TEST_F(Archive, AMemberThatIsThereTwiceIsRefused) {
  write({{"folder/a", "1"}, {"./folder/a", "2"}});
  EXPECT_TRUE(contains(refusal(), "member './folder/a' is there twice")) << refusal();
}

TEST_F(Archive, WhatANameHidesIsShown) {
  write({{"a\nb\x1b[2J/../c", "1"}});
  EXPECT_TRUE(contains(refusal(), "member 'a\\x0ab\\x1b[2J/../c'")) << refusal();
}

TEST_F(Archive, ABombIsNotUnpacked) {
  write({{"small", "1"}, {"large", std::string(1000, '0'), '0', "", ArchiveReader::kPassedOverMax + 1}});
  const std::string message = message_of(ErrorKind::kData, [&] {
    ArchiveReader reader(path());
    while (reader.next()) continue;
  });
  EXPECT_TRUE(contains(message, "a.tar.gz: large: 67108865 bytes that are none of the data set's")) << message;

  testing::set_file_text(path(), testing::gzipped(testing::tar_of({{"a", "1"}}) + std::string(2 << 20, '\0')));
  EXPECT_TRUE(contains(refusal(), "bytes behind the archive's end")) << refusal();
}

TEST_F(Archive, SeveralPartsOfACommonLimitArePassedOver) {
  const std::string third(std::size_t{ArchiveReader::kPassedOverMax / 3 + 1}, '\0');
  write({{"a", third}, {"b", third}, {"c", third}});
  const std::string message = message_of(ErrorKind::kData, [&] {
    ArchiveReader reader(path());
    while (reader.next()) continue;
  });
  EXPECT_TRUE(contains(message, "a.tar.gz: c: ")) << message;
}

TEST_F(Archive, TooManyMembersAreRefused) {
  write(std::vector<TarEntry>(ArchiveReader::kMembersMax + 1, TarEntry{"f/", "", '5'}));
  EXPECT_TRUE(contains(refusal(), "more than 10000 members")) << refusal();
}

TEST_F(Archive, ATruncatedOneIsNamedWithWhereItEnds) {
  std::string noise;
  for (std::uint32_t i = 0, x = 1; i < 100'000; ++i) noise += static_cast<char>((x = 1664525 * x + 1013904223) >> 24);
  const std::string whole = testing::tar_gz_of({{"a", noise}, {"b", noise}});
  for (const std::size_t bytes : {whole.size() / 4, whole.size() / 2, whole.size() - 9, whole.size() - 1}) {
    testing::set_file_text(path(), whole.substr(0, bytes));
    EXPECT_TRUE(contains(refusal(), "truncated: ends at offset " + std::to_string(bytes))) << refusal();
  }
  const std::string tar = testing::tar_of({{"a", noise}, {"b", noise}});
  testing::set_file_text(path(), testing::gzipped(tar.substr(0, tar.size() / 2 + 20'000)));
  EXPECT_TRUE(contains(refusal(), "a.tar.gz: b: ")) << refusal();
}

// libarchive's own gzip filter does not look at it.
TEST_F(Archive, ItsChecksumIsLookedAt) {
  std::string bytes = testing::tar_gz_of({{"a", "first"}});
  bytes[bytes.size() - 6] ^= 1;
  testing::set_file_text(path(), bytes);
  EXPECT_TRUE(contains(refusal(), "incorrect data check")) << refusal();
}

TEST_F(Archive, WhatIsNoArchiveIsNamed) {
  testing::set_file_text(path(), "<html>not found</html>");
  EXPECT_TRUE(contains(refusal(), "is no gzip file")) << refusal();
  testing::set_file_text(path(), "");
  EXPECT_TRUE(contains(refusal(), "is no gzip file")) << refusal();
  testing::set_file_text(path(), testing::gzipped(std::string(5000, 'x')));
  EXPECT_TRUE(contains(refusal(), "it is no tar archive")) << refusal();
  fs::remove(path());
  EXPECT_TRUE(contains(refusal(), "cannot be read: No such file")) << refusal();
}

TEST_F(Archive, FilesOfADataSetAreFoundByName) {
  write({{"set/a", "first"}, {"set/readme", "?"}, {"b", "second"}});
  const std::vector<WantedFile> wanted = {{"a", 5}, {"b", 6}, {"c", 7}};
  const std::string folder = "set";
  const std::unique_ptr<DataFiles> files = files_in_archive(path(), wanted, std::span(&folder, 1));
  EXPECT_EQ(files->size_of("a"), 5u);
  EXPECT_EQ(files->size_of("c"), std::nullopt);
  EXPECT_EQ(files->size_of("readme"), std::nullopt);
  EXPECT_EQ(files->place("a"), path().string() + ": set/a");
  std::string text(6, '\0');
  files->open("b")->read(std::as_writable_bytes(std::span(text)), "all of it");
  EXPECT_EQ(text, "second");
}

TEST_F(Archive, FilesOfADataSetHaveALargestSizeAndOnePlace) {
  const std::vector<WantedFile> wanted = {{"a", 5}};
  const std::string folder = "set";
  const auto error = [&] {
    return message_of(ErrorKind::kData, [&] { files_in_archive(path(), wanted, std::span(&folder, 1)); });
  };
  write({{"set/a", "second"}});
  EXPECT_TRUE(contains(error(), ": set/a: 6 bytes; a file of this name has at most 5")) << error();
  write({{"set/a", "1"}, {"a", "2"}});
  EXPECT_TRUE(contains(error(), ": a: the archive has another file of this name: ")) << error();
}

}  // namespace
}  // namespace drift
