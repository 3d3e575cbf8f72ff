// Event files as TensorBoard reads them: records with checksums, and in them messages, taken apart here by the wire
// format alone.
#include "train/runs/tensorboard.h"

#include <bit>
#include <cstring>
#include <filesystem>
#include <gtest/gtest.h>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "tests/support/file_damage.h"
#include "tests/support/temp_directory.h"
#include "train/runs/record_fields.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

// Field number -> what it had, each time: eight, four or any number of bytes, or a varint in eight.
using Message = std::multimap<int, std::string>;

std::uint64_t number(std::string_view bytes) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data(), bytes.size());
  return value;
}

Message parse(std::string_view bytes) {
  const auto varint = [&] {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes.at(0));
      bytes.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
  };
  Message message;
  while (!bytes.empty()) {
    const std::uint64_t key = varint();
    std::string value;
    if ((key & 7) == 0) {
      const std::uint64_t integer = varint();
      value.assign(reinterpret_cast<const char*>(&integer), 8);
    } else {
      const std::size_t size = (key & 7) == 1 ? 8 : (key & 7) == 5 ? 4 : varint();
      value = bytes.substr(0, size);
      bytes.remove_prefix(size);
    }
    message.emplace(static_cast<int>(key >> 3), value);
  }
  return message;
}

std::string at(const Message& message, int field) {
  const auto found = message.find(field);
  EXPECT_NE(found, message.end()) << field;
  return found == message.end() ? "" : found->second;
}

std::vector<Message> events_in(const fs::path& directory) {
  std::vector<Message> events;
  for (const auto& entry : fs::directory_iterator(directory)) {
    EXPECT_TRUE(entry.path().filename().string().starts_with("events.out.tfevents.")) << entry.path();
    const std::string file = testing::file_text(entry.path());
    for (std::string_view rest = file; !rest.empty();) {
      const std::size_t size = number(rest.substr(0, 8));
      EXPECT_EQ(number(rest.substr(8, 4)), masked_crc(rest.substr(0, 8)));
      const std::string_view event = rest.substr(12, size);
      EXPECT_EQ(number(rest.substr(12 + size, 4)), masked_crc(event));
      events.push_back(parse(event));
      rest.remove_prefix(16 + size);
    }
  }
  return events;
}

std::map<std::string, float> scalars_of(const Message& event) {
  std::map<std::string, float> scalars;
  const Message summary = parse(at(event, 5));
  for (const auto& [field, bytes] : summary) {
    const Message value = parse(bytes);
    scalars[at(value, 1)] = std::bit_cast<float>(static_cast<std::uint32_t>(number(at(value, 2))));
  }
  return scalars;
}

TEST(EventFile, HasTheChecksumOfTheStandards) {
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);            // RFC 3720's polynomial; the usual check value
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);  // RFC 3720, B.4
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43u);
}

TEST(TensorBoard, WritesScalarsUnderTheTagsOfTheFields) {
  const testing::TempDirectory directory;
  {
    TensorBoard board(directory / "tb", {}, 0);
    StepRecord step{.step = 4, .loss = 1.5, .lr = 0.25, .images_per_second = 300};
    board.step(step);
    step.loss = std::numeric_limits<double>::quiet_NaN();
    board.step(step);
    board.evaluation({.step = 5, .loss = 0.75, .top1 = 0.5});
  }
  const std::vector<Message> events = events_in(directory / "tb");
  ASSERT_EQ(events.size(), 5u);
  EXPECT_EQ(at(events[0], 3), "brain.Event:2");
  EXPECT_EQ(number(at(events[2], 2)), 5u) << "steps done";
  const auto scalars = scalars_of(events[2]);
  EXPECT_EQ(scalars.at("train/loss"), 1.5f);
  EXPECT_EQ(scalars.at("train/lr"), 0.25f);
  EXPECT_EQ(scalars.at("speed/img_s"), 300.0f);
  std::size_t tags = 0;
  for (const auto& field : fields_of<StepRecord>()) tags += field.text.tag.empty() ? 0 : 1;
  EXPECT_EQ(scalars.size(), tags);
  EXPECT_FALSE(scalars_of(events[3]).contains("train/loss")) << "not finite";
  EXPECT_EQ(scalars_of(events[4]).at("test/top1"), 0.5f);
  EXPECT_FALSE(scalars_of(events[4]).contains("val/top1")) << "nothing is held out";
}

TEST(TensorBoard, HasTheSettingsAsAText) {
  const testing::TempDirectory directory;
  TrainConfig config;
  config.lr.lr = 0.375;
  { const TensorBoard board(directory / "tb", config, 0); }
  const Message value = parse(at(parse(at(events_in(directory / "tb").at(1), 5)), 1));
  EXPECT_EQ(at(value, 1), "config");
  EXPECT_EQ(at(parse(at(parse(at(value, 9)), 1)), 1), "text");
  EXPECT_NE(at(parse(at(value, 8)), 8).find("\n    lr = 0.375\n"), std::string::npos);
}

TEST(TensorBoard, ASessionThatGoesOnHidesLaterStepsOfTheOneBefore) {
  const testing::TempDirectory directory;
  { const TensorBoard board(directory / "tb", {}, 0); }
  { const TensorBoard board(directory / "tb", {}, 7); }
  int files = 0, starts = 0;
  for (const auto& entry : fs::directory_iterator(directory / "tb")) files += entry.is_regular_file() ? 1 : 0;
  for (const Message& event : events_in(directory / "tb")) {
    if (!event.contains(7)) continue;
    ++starts;
    EXPECT_EQ(number(at(event, 2)), 8u);
    EXPECT_EQ(number(at(parse(at(event, 7)), 1)), 1u);
  }
  EXPECT_EQ(files, 2) << "in one second, of one process";
  EXPECT_EQ(starts, 1);
}

}  // namespace
}  // namespace drift
