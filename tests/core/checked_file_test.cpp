#include "core/checked_file.h"

#include <gtest/gtest.h>
#include <string>
#include <utility>

#include "core/atomic_file.h"
#include "tests/support/checkpoint_error.h"
#include "tests/support/file_damage.h"
#include "tests/support/temp_directory.h"

namespace drift {
namespace {

using testing::expect_checkpoint_error;
using testing::expect_output_error;
using testing::file_text;
using testing::TempDirectory;

TEST(CheckedFile, ChecksumIsTheOneInOldCheckpoints) {
  // XXH3's published value for no bytes; the second one fixes the format against a library that changes.
  EXPECT_EQ(digest_of(""), (Digest{0, 0x2D06800538D394C2ull}));
  EXPECT_EQ(digest_of("Local SGD"), (Digest{9, 0xD9792CFD885C3480ull}));
}

TEST(CheckedFile, DigestDoesNotDependOnThePieces) {
  const TempDirectory directory;
  const std::string text(100'000, 'x');
  OutputFile output(directory / "file");
  output.write(text.substr(0, 1));
  output.write(text.substr(1));
  EXPECT_EQ(output.finish(), digest_of(text));

  InputFile input(directory / "file");
  std::string read(text.size(), '\0');
  for (const auto& [first, count] : {std::pair<std::size_t, std::size_t>{0, 70'001}, {70'001, 29'999}}) {
    input.read(std::as_writable_bytes(std::span(read).subspan(first, count)), "a piece");
  }
  EXPECT_EQ(read, text);
  EXPECT_EQ(input.remaining(), 0u);
  EXPECT_EQ(input.digest(), digest_of(text));
}

TEST(CheckedFile, FailuresNameTheFileAndTheReason) {
  const TempDirectory directory;
  expect_checkpoint_error([&] { InputFile(directory / "absent"); }, {"absent", "No such file"});
  expect_checkpoint_error([&] { InputFile(directory.path()); }, {"not a file"});
  expect_output_error([&] { OutputFile(directory / "absent" / "file"); }, {"absent/file", "No such file"});
  expect_output_error([] { OutputFile("/dev/full").write("x"); }, {"/dev/full", "No space left"});

  testing::set_file_text(directory / "short", "12345");
  InputFile file(directory / "short");
  std::string text(6, '\0');
  expect_checkpoint_error([&] { file.read(std::as_writable_bytes(std::span(text)), "the number"); },
                          {"short", "the number", "needs 6 bytes", "has 5"});
}

TEST(AtomicFile, ReplacesWholeOrNotAtAll) {
  const TempDirectory directory;
  const auto path = directory / "summary.json";
  write_file_atomically(path, "first");
  write_file_atomically(path, "second");
  EXPECT_EQ(file_text(path), "second");
  EXPECT_FALSE(std::filesystem::exists(aside(path)));
  {
    const testing::FullDisk full(3);
    expect_output_error([&] { write_file_atomically(path, "third"); }, {"summary.json", "File too large"});
  }
  EXPECT_EQ(file_text(path), "second");
}

TEST(AtomicFile, NeverReplacesADirectoryByAFile) {
  const TempDirectory directory;
  std::filesystem::create_directories(directory / "mine" / "inside");
  expect_output_error([&] { write_file_atomically(directory / "mine", "text"); }, {"mine", "Is a directory"});
  EXPECT_TRUE(std::filesystem::exists(directory / "mine" / "inside"));
}

}  // namespace
}  // namespace drift
