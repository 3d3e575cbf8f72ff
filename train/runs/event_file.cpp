#include "train/runs/event_file.h"

#include <array>
#include <bit>
#include <cstdint>
#include <fmt/format.h>
#include <system_error>
#include <unistd.h>

#include "core/atomic_file.h"
#include "core/check.h"
#include "core/host_name.h"

namespace drift {
namespace {

// Protocol buffers' wire format: a field is its number and type, then a varint, eight or four bytes, or a length and so
// many bytes.
class Message {
 public:
  Message& integer(int field, std::uint64_t value) {
    varint(static_cast<std::uint64_t>(field) << 3 | 0);
    varint(value);
    return *this;
  }
  Message& number(int field, double value) { return fixed(field, 1, std::bit_cast<std::uint64_t>(value), 8); }
  Message& number(int field, float value) { return fixed(field, 5, std::bit_cast<std::uint32_t>(value), 4); }
  Message& bytes(int field, std::string_view value) {
    varint(static_cast<std::uint64_t>(field) << 3 | 2);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  Message& message(int field, const Message& value) { return bytes(field, value.bytes_); }
  const std::string& text() const { return bytes_; }

 private:
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
  }
  Message& fixed(int field, int type, std::uint64_t value, int size) {
    varint(static_cast<std::uint64_t>(field) << 3 | static_cast<std::uint64_t>(type));
    for (int i = 0; i < size; ++i) bytes_ += static_cast<char>(value >> (8 * i));
    return *this;
  }

  std::string bytes_;
};

// Event: wall_time = 1, step = 2, file_version = 3, summary = 5, session_log = 7.
Message event(double seconds, Step step) {
  Message message;
  return message.number(1, seconds).integer(2, static_cast<std::uint64_t>(step));
}

std::string little_endian(std::uint64_t value, int size) {
  std::string bytes;
  for (int i = 0; i < size; ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

// TensorBoard looks for "tfevents", and reads several files of a directory in the order of their names.
std::filesystem::path file_name(const std::filesystem::path& directory, double seconds) {
  make_directories(directory);
  const std::string stem = fmt::format("events.out.tfevents.{:010.0f}.{}.{}", seconds, host_name(), ::getpid());
  std::filesystem::path path = directory / stem;
  std::error_code absent;
  for (int number = 1; std::filesystem::exists(path, absent); ++number) {
    path = directory / fmt::format("{}.{}", stem, number);
  }
  return path;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  constexpr std::uint32_t kPolynomial = 0x82F63B78;  // reflected
  static constexpr std::array<std::uint32_t, 256> kTable = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
      std::uint32_t rest = byte;
      for (int bit = 0; bit < 8; ++bit) rest = (rest >> 1) ^ ((rest & 1) != 0 ? kPolynomial : 0);
      table[byte] = rest;
    }
    return table;
  }();
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char byte : bytes) crc = (crc >> 8) ^ kTable[(crc ^ static_cast<unsigned char>(byte)) & 0xFF];
  return ~crc;
}

std::uint32_t masked_crc(std::string_view bytes) {
  return std::rotr(crc32c(bytes), 15) + 0xA282EAD8;
}

EventFile::EventFile(const std::filesystem::path& directory, double seconds) : file_(file_name(directory, seconds)) {
  record(event(seconds, 0).bytes(3, "brain.Event:2").text());
}

EventFile::~EventFile() = default;

void EventFile::record(std::string_view event) {
  const std::string length = little_endian(event.size(), 8);
  std::string whole = length + little_endian(masked_crc(length), 4);
  whole += event;
  whole += little_endian(masked_crc(event), 4);
  file_.write(whole);
}

// SessionLog: status = 1, of which START is 1.
void EventFile::begin_session(double seconds, Step step) {
  record(event(seconds, step).message(7, Message().integer(1, 1)).text());
}

// Summary: value = 1; Value: tag = 1, simple_value = 2.
void EventFile::write(double seconds, Step step, std::span<const Scalar> scalars) {
  Message summary;
  for (const Scalar& scalar : scalars) {
    summary.message(1, Message().bytes(1, scalar.tag).number(2, static_cast<float>(scalar.value)));
  }
  record(event(seconds, step).message(5, summary).text());
}

// Value: tensor = 8, metadata = 9; TensorProto: dtype = 1 (DT_STRING is 7), tensor_shape = 2, string_val = 8;
// SummaryMetadata: plugin_data = 1 with plugin_name = 1.
void EventFile::write_text(double seconds, std::string_view tag, std::string_view markdown) {
  const Message shape = Message().message(2, Message().integer(1, 1));  // one dimension, of size 1
  const Message tensor = Message().integer(1, 7).message(2, shape).bytes(8, markdown);
  const Message metadata = Message().message(1, Message().bytes(1, "text"));
  const Message value = Message().bytes(1, tag).message(8, tensor).message(9, metadata);
  record(event(seconds, 0).message(5, Message().message(1, value)).text());
}

}  // namespace drift
