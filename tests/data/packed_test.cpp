// Packed sets: what comes out is what went in, however the packing was interrupted, and damage is named.
#include <array>
#include <cstring>
#include <gtest/gtest.h>
#include <vector>

#include "core/atomic_file.h"
#include "core/checked_file.h"
#include "data/open_data.h"
#include "data/pack.h"
#include "data/packed_source.h"
#include "tests/data/data_support.h"
#include "tests/support/drawn_images.h"
#include "tests/support/file_damage.h"
#include "tests/support/temp_directory.h"

namespace drift {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::file_text;
using testing::message_of;

class PackedTest : public ::testing::Test {
 protected:
  PackedTest() { testing::draw_image_folder(directory_ / "images", /*train=*/50, /*val=*/3); }

  std::string folder() const { return "imagefolder:" + (directory_ / "images").string(); }
  fs::path file(const std::string& name = "train.pack") const { return directory_ / name; }

  // stop_after: at so many images of the source.
  PackReport pack_train(const fs::path& path, const PackOptions& options = {}, int threads = 2,
                        std::int64_t stop_after = 1000, BadImages bad_images = BadImages::kFail) const {
    LoaderPool loading(threads);
    std::atomic<bool> stop{false};
    return pack(
        *open_image_sources(folder()).train, path, options, bad_images, loading,
        [&](std::int64_t done) { stop = done >= stop_after; }, stop);
  }
  std::string refusal(const std::string& bytes) const {
    testing::set_file_text(file("damaged"), bytes);
    const std::string message = message_of(ErrorKind::kData, [&] {
      LoaderPool loading(0);
      verify_packed(file("damaged"), loading);
    });
    EXPECT_TRUE(contains(message, file("damaged").string())) << message;
    return message;
  }

  const testing::TempDirectory directory_;
};

TEST_F(PackedTest, HasTheImagesLabelsAndNamesOfTheFolder) {
  const PackReport report = pack_train(file());
  EXPECT_EQ(report.images, 100);
  EXPECT_EQ(report.left_out + report.taken_up, 0);
  EXPECT_EQ(report.bytes, fs::file_size(file()));
  const PackedSource packed(file());
  const auto source = open_image_sources(folder()).train;
  ASSERT_EQ(packed.size(), source->size());
  std::string memory;
  for (std::int64_t i = 0; i < packed.size(); ++i) {
    EXPECT_EQ(packed.label(i), source->label(i));
    EXPECT_EQ(packed.name(i), source->name(i));
    if (!source->name(i).ends_with(".jpg")) continue;  // these are small enough to stay as they are
    const auto bytes = packed.read(i, memory);
    EXPECT_EQ(std::string(bytes.begin(), bytes.end()), file_text(directory_ / "images/train" / source->name(i)));
  }
  LoaderPool loading(3);
  EXPECT_EQ(verify_packed(file(), loading), 100);
}

TEST_F(PackedTest, HasTheSameBytesForAnyNumberOfThreads) {
  for (const auto quality : {std::optional<int>(), std::optional(80)}) {
    const PackOptions options{.short_side = 24, .jpeg_quality = quality};
    fs::remove(file("none"));
    fs::remove(file("three"));
    pack_train(file("none"), options, 0);
    pack_train(file("three"), options, 3);
    EXPECT_EQ(file_text(file("none")), file_text(file("three")));
  }
}

// Pixels at the short side that evaluation asks for are those that it would make of the file.
TEST_F(PackedTest, RawImagesAreEvaluatedAsTheirFilesAre) {
  LoaderPool loading(2);
  const std::atomic<bool> go_on{false};
  const ImageSources sources = open_image_sources(folder());
  for (const auto& [source, name] : {std::pair(sources.train.get(), kPackedTrain), {sources.val.get(), kPackedVal}}) {
    pack(
        *source, file(name), {.short_side = 22, .jpeg_quality = {}}, BadImages::kFail, loading, [](auto) {}, go_on);
  }
  const ImageOptions options{.side = 20, .short_side = 22};
  const DataSource images = open_data(folder(), 1, options);
  const DataSource packed = open_data("packed:" + directory_.path().string(), 1, options);
  EXPECT_EQ(packed.name, "packed");
  std::vector<std::uint8_t> expected(20 * 20 * 3), got(expected.size());
  for (std::int64_t i = 0; i < images.train->size(); ++i) {
    images.train->read_image(i, expected);
    packed.train->read_image(i, got);
    ASSERT_EQ(got, expected) << i;
  }
  EXPECT_EQ(packed.test->size(), 6);
}

TEST_F(PackedTest, AnInterruptedPackingGoesOnWithTheSameBytes) {
  pack_train(file("whole"));
  const Error stopped = testing::error_of([&] { pack_train(file(), {}, 2, 64); });
  EXPECT_EQ(stopped.kind(), ErrorKind::kStopped);
  EXPECT_TRUE(contains(stopped.message(), "64 of 100 images are packed")) << stopped.message();
  EXPECT_FALSE(fs::exists(file()));
  const PackReport report = pack_train(file());
  EXPECT_EQ(report.taken_up, 64);
  EXPECT_EQ(file_text(file()), file_text(file("whole")));
  EXPECT_EQ(pack_train(file()).taken_up, 100) << "it was there already";
  for (const auto& entry : fs::directory_iterator(directory_.path())) {
    EXPECT_FALSE(entry.path().filename().string().starts_with('.')) << entry.path();
  }
}

// As a power loss may leave it: less of the file than was noted, or other bytes.
TEST_F(PackedTest, WhatIsNotAsItWasNotedIsPackedAgain) {
  pack_train(file("whole"));
  for (const bool shorter : {true, false}) {
    fs::remove(file());
    EXPECT_EQ(testing::error_of([&] { pack_train(file(), {}, 2, 64); }).kind(), ErrorKind::kStopped);
    const fs::path partial = aside(file());
    if (shorter) {
      fs::resize_file(partial, fs::file_size(partial) / 2);
    } else {
      testing::flip_middle_bit(partial);
    }
    const PackReport report = pack_train(file());
    EXPECT_GT(report.taken_up, 10);
    EXPECT_LT(report.taken_up, 50);
    EXPECT_EQ(file_text(file()), file_text(file("whole")));
  }
}

TEST_F(PackedTest, OtherOptionsBeginAnewOrAreRefused) {
  EXPECT_EQ(testing::error_of([&] { pack_train(file(), {}, 2, 64); }).kind(), ErrorKind::kStopped);
  EXPECT_EQ(pack_train(file(), {.short_side = 30}).taken_up, 0);
  const std::string message = message_of(ErrorKind::kUsage, [&] { pack_train(file(), {.short_side = 31}); });
  EXPECT_TRUE(contains(message, "with other options")) << message;
}

TEST_F(PackedTest, BadImagesEndItOrAreLeftOut) {
  testing::set_file_text(directory_ / "images/train/blue/7.jpg", "not an image");
  const std::string message = message_of(ErrorKind::kData, [&] { pack_train(file()); });
  EXPECT_TRUE(contains(message, "train/blue/7.jpg: neither JPEG nor PNG")) << message;
  ::testing::internal::CaptureStderr();
  const PackReport report = pack_train(file(), {}, 2, 1000, BadImages::kSkip);
  EXPECT_TRUE(contains(::testing::internal::GetCapturedStderr(), "train/blue/7.jpg"));
  EXPECT_EQ(report.images, 99);
  EXPECT_EQ(report.left_out, 1);
  EXPECT_EQ(PackedSource(file()).label(49), 1);
}

TEST_F(PackedTest, EveryFlippedBitIsFoundAndNamed) {
  pack_train(file(), {.short_side = 20});
  const std::string whole = file_text(file());
  const PackedSource source(file());
  for (std::size_t at = 0; at < whole.size(); at += at < 64 ? 1 : 977) {
    std::string text = whole;
    text[at] = static_cast<char>(text[at] ^ 4);
    const std::string message = refusal(text);
    const bool of_image = contains(message, "damaged: image ");
    EXPECT_TRUE(of_image || contains(message, "header") || contains(message, "index") ||
                contains(message, "not a packed file") || contains(message, "version"))
        << at << ": " << message;
  }
}

TEST_F(PackedTest, EveryCutIsFoundAndForeignFilesAreNamed) {
  pack_train(file(), {.short_side = 20});
  const std::string whole = file_text(file());
  for (std::size_t size = 1; size < whole.size(); size += size < 70 ? 1 : 1013) {
    const std::string message = refusal(whole.substr(0, size));
    EXPECT_TRUE(contains(message, "cut off") || contains(message, "not a packed file")) << size << ": " << message;
  }
  EXPECT_TRUE(contains(refusal(whole + "x"), "its header says"));
  EXPECT_TRUE(contains(refusal(""), "empty"));
  EXPECT_TRUE(contains(refusal("PK\x03\x04 and so on, for a while"), "not a packed file"));
}

// An index whose checksum is right, as somebody else's program might write it.
TEST_F(PackedTest, AnIndexThatMakesNoSenseIsRefused) {
  const PackIndex sound{.class_names = {"a", "b"}, .images = {{56, 4, 1, 0}}, .names = {"a/1"}};
  const auto file_with = [](const PackIndex& index, std::uint64_t images) {
    const std::vector<std::byte> bytes = bytes_of(index);
    std::string text;
    const auto append = [&text](std::span<const std::byte> part) {
      text.append(reinterpret_cast<const char*>(part.data()), part.size());
    };
    append(bytes_of(PackHeader{.images = images,
                               .index_begin = kPackHeaderBytes + 4,
                               .index_bytes = bytes.size(),
                               .index_checksum = digest_of(bytes).checksum}));
    text += "four";
    append(bytes);
    return text;
  };
  EXPECT_TRUE(contains(refusal(file_with(sound, 1)), "damaged: image 0 (a/1), bytes 56 to 60"));
  EXPECT_TRUE(contains(refusal(file_with(sound, 2)), "images"));
  EXPECT_TRUE(contains(refusal(file_with(sound, 0)), "belong to nothing"));
  EXPECT_TRUE(contains(refusal(file_with(sound, std::uint64_t{1} << 60)), "images"));
  PackIndex other = sound;
  other.images[0].label = 2;
  EXPECT_TRUE(contains(refusal(file_with(other, 1)), "image 0 of class 2"));
  other = sound;
  other.images[0].bytes = 5;
  EXPECT_TRUE(contains(refusal(file_with(other, 1)), "with 5 bytes"));
  other = sound;
  other.images[0].begin = 55;
  EXPECT_TRUE(contains(refusal(file_with(other, 1)), "at byte 55"));
}

TEST_F(PackedTest, HalvesWithOtherClassesAreRefused) {
  pack_train(file(kPackedTrain));
  const std::string message =
      message_of(ErrorKind::kData, [&] { open_data("packed:" + directory_.path().string(), 1); });
  EXPECT_TRUE(contains(message, "val.pack")) << message;
  EXPECT_TRUE(contains(message_of(ErrorKind::kUsage, [] { open_image_sources("shapes"); }), "imagefolder:DIR"));
}

}  // namespace
}  // namespace drift
