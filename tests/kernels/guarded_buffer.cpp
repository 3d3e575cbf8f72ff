#include "tests/kernels/guarded_buffer.h"

#include <algorithm>

#include "core/check.h"

namespace drift::testing {
namespace {

constexpr std::size_t kGuard = 256;  // keeps the inside aligned to 64 bytes

}  // namespace

GuardedBuffer::GuardedBuffer(Backend& backend, const Shape& shape, DType dtype, std::uint8_t pattern)
    : backend_(&backend), pattern_(std::byte{pattern}) {
  view_.shape = shape;
  view_.dtype = dtype;
  storage_ = Storage(backend.stream().device(), view_.bytes() + 2 * kGuard);
  view_.data = static_cast<std::byte*>(storage_.data()) + kGuard;
  const std::vector<std::byte> all(storage_.bytes(), pattern_);
  backend.upload(all.data(), everything());
}

void GuardedBuffer::write(const std::vector<std::byte>& inside) {
  DRIFT_ASSERT(inside.size() == view_.bytes(), "{} bytes for a view of {}", inside.size(), view_.bytes());
  backend_->upload(inside.data(), view_);
}

std::vector<std::byte> GuardedBuffer::read() const {
  std::vector<std::byte> inside(view_.bytes());
  backend_->download(view_, inside.data());
  return inside;
}

bool GuardedBuffer::guards_intact() const {
  const std::vector<std::byte> all = read_everything();
  const auto untouched = [&](std::byte byte) { return byte == pattern_; };
  return std::all_of(all.begin(), all.begin() + kGuard, untouched) &&
         std::all_of(all.end() - kGuard, all.end(), untouched);
}

TensorView GuardedBuffer::everything() const {
  return {storage_.data(), {static_cast<std::int64_t>(storage_.bytes())}, DType::kUint8};
}

std::vector<std::byte> GuardedBuffer::read_everything() const {
  std::vector<std::byte> all(storage_.bytes());
  backend_->download(everything(), all.data());
  return all;
}

}  // namespace drift::testing
