#include "comm/control/frame.h"

#include "core/check.h"

namespace drift {
namespace {

constexpr std::size_t kLengthBytes = 4;

void put_length(std::string& bytes, std::size_t length) {
  for (std::size_t byte = 0; byte < kLengthBytes; ++byte) bytes += static_cast<char>((length >> (8 * byte)) & 0xff);
}

std::size_t length_at(std::string_view bytes) {
  std::size_t length = 0;
  for (std::size_t byte = 0; byte < kLengthBytes; ++byte) {
    length |= static_cast<std::size_t>(static_cast<unsigned char>(bytes[byte])) << (8 * byte);
  }
  return length;
}

// Removes `count` bytes from the front.
std::string_view take(std::string_view& bytes, std::size_t count) {
  DRIFT_CHECK(kComm, count <= bytes.size(), "a control frame has {} bytes where {} are announced", bytes.size(), count);
  const std::string_view taken = bytes.substr(0, count);
  bytes.remove_prefix(count);
  return taken;
}

Frame decode(std::string_view body) {
  Frame frame;
  const auto kind = static_cast<unsigned char>(take(body, 1)[0]);
  DRIFT_CHECK(
      kComm,
      kind >= static_cast<unsigned char>(FrameKind::kHello) && kind <= static_cast<unsigned char>(FrameKind::kBye),
      "a control frame of unknown kind {}", kind);
  frame.kind = static_cast<FrameKind>(kind);
  while (!body.empty()) frame.fields.emplace_back(take(body, length_at(take(body, kLengthBytes))));
  return frame;
}

}  // namespace

std::string encode(const Frame& frame) {
  std::string body;
  body += static_cast<char>(frame.kind);
  for (const std::string& field : frame.fields) {
    put_length(body, field.size());
    body += field;
  }
  DRIFT_ASSERT(body.size() <= kMostFrameBytes, "a control frame of {} bytes", body.size());
  std::string bytes;
  put_length(bytes, body.size());
  return bytes + body;
}

std::optional<Frame> FrameReader::next() {
  if (bytes_.size() < kLengthBytes) return std::nullopt;
  const std::size_t length = length_at(bytes_);
  DRIFT_CHECK(kComm, length >= 1 && length <= kMostFrameBytes, "a control frame of {} bytes; from 1 to {} are allowed",
              length, kMostFrameBytes);
  if (bytes_.size() < kLengthBytes + length) return std::nullopt;
  Frame frame = decode(std::string_view(bytes_).substr(kLengthBytes, length));
  bytes_.erase(0, kLengthBytes + length);
  return frame;
}

}  // namespace drift
