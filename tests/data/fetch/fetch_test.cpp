#include "data/fetch/fetch.h"

#include <filesystem>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include "data/fetch/unpack.h"
#include "tests/data/fetch/fetch_support.h"

namespace drift {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::FullDisk;
using testing::HttpServer;
using testing::TarEntry;

class Fetch : public testing::FetchTest {
 protected:
  // What comes of an archive whose checksum is right and whose members are not.
  std::string error_of_archive(const std::vector<TarEntry>& entries) {
    const std::string bytes = testing::tar_gz_of(entries);
    const HttpServer server(bytes);
    const std::string message = error_of_fetch(ErrorKind::kData, server, described(bytes));
    EXPECT_FALSE(fs::exists(place()));
    fs::remove_all(directory_ / "made");
    return message;
  }
};

TEST_F(Fetch, DownloadsVerifiesAndUnpacks) {
  HttpServer server(bytes_);
  EXPECT_EQ(fetch_from(server, archive_), Fetched::kNow);
  expect_fetched();
  EXPECT_EQ(testing::file_text(place() / kChecksumsFile),
            testing::md5_of(images_) + "  images.bin\n" + testing::md5_of("a\nb\n") + "  names.txt\n");
}

TEST_F(Fetch, WhatIsThereIsVerifiedAndLeft) {
  HttpServer server(bytes_);
  fetch_from(server, archive_);
  server.seen();
  EXPECT_EQ(fetch_from(server, archive_), Fetched::kBefore);
  EXPECT_EQ(fetch(archive_, place().string() + "/", server.url(), options()), Fetched::kBefore);
  EXPECT_TRUE(server.seen().empty());
  expect_fetched();

  testing::flip_middle_bit(place() / "images.bin");
  const std::string changed = error_of_fetch(ErrorKind::kData, server, archive_);
  EXPECT_TRUE(contains(changed, (place() / "images.bin").string() + ": is not as it was unpacked")) << changed;
  fs::remove(place() / "images.bin");
  const std::string missing = error_of_fetch(ErrorKind::kData, server, archive_);
  EXPECT_TRUE(contains(missing, (place() / "images.bin").string() + ": cannot be read")) << missing;
}

TEST_F(Fetch, ADirectoryOfSomethingElseIsRefused) {
  HttpServer server(bytes_);
  fs::create_directories(place());
  testing::set_file_text(place() / "mine", "precious");
  const std::string foreign = error_of_fetch(ErrorKind::kUsage, server, archive_);
  EXPECT_TRUE(contains(foreign, place().string() + ": is there already, and not what `drift data fetch set` made"))
      << foreign;
  testing::set_file_text(place() / kChecksumsFile, "0  mine\n");
  error_of_fetch(ErrorKind::kUsage, server, archive_);
  EXPECT_EQ(testing::file_text(place() / "mine"), "precious");
  EXPECT_TRUE(server.seen().empty());
  fs::remove_all(place());
  testing::set_file_text(place(), "a file");
  error_of_fetch(ErrorKind::kUsage, server, archive_);
  EXPECT_EQ(testing::file_text(place()), "a file");
}

TEST_F(Fetch, AnEmptyDirectoryAndWhatACrashLeftAreTaken) {
  HttpServer server(bytes_);
  fs::create_directories(place());
  fs::create_directories(directory_ / "made/.set.partial/deep");
  testing::set_file_text(directory_ / "made/.set.partial/images.bin", "half");
  fetch_from(server, archive_);
  expect_fetched();
  EXPECT_FALSE(fs::exists(place() / "deep"));
}

TEST_F(Fetch, AWholeArchiveIsNotDownloadedAgain) {
  HttpServer server(bytes_);
  fs::create_directories(directory_ / "made");
  testing::set_file_text(partial(), bytes_);
  fetch_from(server, archive_);
  expect_fetched();
  EXPECT_TRUE(server.seen().empty());
}

TEST_F(Fetch, AWrongChecksumNamesBothAndRemovesTheFile) {
  std::string wrong = bytes_;
  wrong[wrong.size() / 2] ^= 1;
  HttpServer server(wrong);
  const std::string message = error_of_fetch(ErrorKind::kData, server, archive_);
  EXPECT_TRUE(contains(message, server.url() + ": MD5 is " + testing::md5_of(wrong))) << message;
  EXPECT_TRUE(contains(message, archive_.md5)) << message;
  EXPECT_TRUE(beside().empty());
}

TEST_F(Fetch, NoMemberLeavesTheDirectory) {
  for (const char* name : {"../evil", "/evil", "set/../../evil"}) {
    std::vector<TarEntry> entries = good_entries();
    entries.insert(entries.begin() + 1, {name, "evil"});
    const std::string message = error_of_archive(entries);
    EXPECT_TRUE(contains(message, "member '" + std::string(name) + "' ")) << message;
  }
}

TEST_F(Fetch, LinksDevicesAndTwinsAreRefused) {
  const std::vector<std::pair<TarEntry, std::string>> cases = {
      {{"set/names.txt", "", '2', "/etc/passwd"}, "is a symbolic link"},
      {{"set/names.txt", "", '1', "set/images.bin"}, "is a hard link"},
      {{"set/names.txt", "", '3'}, "is a device"},
      {{"set/images.bin", images_}, "is there twice"}};
  for (const auto& [entry, what] : cases) {
    std::vector<TarEntry> entries = good_entries();
    entries.insert(entries.begin() + 2, entry);
    const std::string message = error_of_archive(entries);
    EXPECT_TRUE(contains(message, "member '" + entry.name + "' " + what)) << message;
  }
}

TEST_F(Fetch, MembersHaveTheSizesThatAreKnown) {
  for (const std::size_t size : {images_.size() - 1, images_.size() + 1, std::size_t{1} << 32}) {
    std::vector<TarEntry> entries = good_entries();
    entries[1].size = size;
    const std::string message = error_of_archive(entries);
    EXPECT_TRUE(contains(message, "set/images.bin: " + std::to_string(size) + " bytes; expected 20000")) << message;
  }
  std::vector<TarEntry> entries = good_entries();
  entries.back().bytes = std::string(101, 'a');
  EXPECT_TRUE(contains(error_of_archive(entries), "set/names.txt: 101 bytes; expected at most 100"));
  entries.pop_back();
  EXPECT_TRUE(contains(error_of_archive(entries), "has no member set/names.txt"));
}

// Of the archive, while it comes; then of what is in it, which is larger.
TEST_F(Fetch, AFullDiskIsNamed) {
  HttpServer server(bytes_);
  for (const std::size_t room : {std::size_t{5000}, images_.size() - 100}) {
    const RemoteArchive& archive = archive_;
    const FullDisk full(room);
    const std::string message = error_of_fetch(ErrorKind::kOutput, server, archive);
    EXPECT_TRUE(contains(message, partial().string() + ": writing failed: ")) << message;
    EXPECT_EQ(fs::file_size(partial()), room);
    EXPECT_FALSE(fs::exists(place()));
  }
  fetch_from(server, archive_);
  expect_fetched();
}

TEST_F(Fetch, ADiskThatIsFullOfTheArchiveIsNamed) {
  std::vector<TarEntry> entries = good_entries();
  entries[1].bytes = std::string(images_.size(), '0');
  const std::string bytes = testing::tar_gz_of(entries);
  HttpServer server(bytes);
  ASSERT_LT(bytes.size(), 5000u);
  const FullDisk full(5000);
  const std::string message = error_of_fetch(ErrorKind::kOutput, server, described(bytes));
  EXPECT_TRUE(contains(message, ".set.partial/images.bin: writing failed: ")) << message;
  EXPECT_FALSE(fs::exists(place()));
}

// The same on a file system that has no more room, where this process may have one of its own.
TEST_F(Fetch, AFullFileSystemIsNamed) {
  fs::create_directories(directory_ / "made");
  if (::mount("tmpfs", (directory_ / "made").c_str(), "tmpfs", 0, "size=16k") != 0) {
    GTEST_SKIP() << "no small file system can be mounted here";
  }
  HttpServer server(bytes_);
  const std::string message = error_of_fetch(ErrorKind::kOutput, server, archive_);
  ::umount2((directory_ / "made").c_str(), MNT_DETACH);
  EXPECT_TRUE(contains(message, partial().string() + ": writing failed: No space left on device")) << message;
}

TEST_F(Fetch, AStopWhileItIsUnpackedLeavesTheArchive) {
  HttpServer server(bytes_);
  DownloadOptions stopping = options();
  stopping.message = [this](const std::string& text) { stop_ = contains(text, "unpacking"); };
  testing::message_of(ErrorKind::kStopped, [&] { fetch(archive_, place(), server.url(), stopping); });
  EXPECT_FALSE(fs::exists(place()));
  EXPECT_EQ(testing::file_text(partial()), bytes_);
  stop_ = false;
  server.seen();
  fetch_from(server, archive_);
  expect_fetched();
  EXPECT_TRUE(server.seen().empty());
}

TEST(OfficialArchives, AreThoseThatAreReadAsDataSets) {
  ASSERT_EQ(official_archives().size(), 2u);
  for (const RemoteArchive& archive : official_archives()) {
    EXPECT_TRUE(archive.url.starts_with("https://www.cs.toronto.edu/~kriz/cifar-")) << archive.url;
    EXPECT_EQ(archive.md5.size(), 32u);
  }
  const RemoteArchive& ten = official_archive("cifar10");
  ASSERT_EQ(ten.files.size(), 7u);
  EXPECT_EQ(ten.files[5].name, "test_batch.bin");
  EXPECT_EQ(ten.files[5].bytes, 30'730'000u);
  EXPECT_EQ(official_archive("cifar100").files[0].bytes, 153'700'000u);
  const std::string message = testing::message_of(ErrorKind::kUsage, [] { official_archive("cifar1000"); });
  EXPECT_TRUE(contains(message, "Did you mean 'cifar10")) << message;
}

// RFC 1321, A.5.
TEST(Md5, IsThatOfItsTestSuite) {
  EXPECT_EQ(testing::md5_of(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(testing::md5_of("abc"), "900150983cd24fb0d6963f7d28e17f72");
  const testing::TempDirectory directory;
  testing::set_file_text(directory / "a", std::string(1'000'000, 'a'));
  EXPECT_EQ(md5_of_file(directory / "a"), "7707d6ae4e027c70eea2a935c2296f21");
}

}  // namespace
}  // namespace drift
