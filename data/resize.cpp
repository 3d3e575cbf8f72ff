#include "data/resize.h"

#include <algorithm>
#include <cstring>

#include "core/check.h"

namespace drift {
namespace {

constexpr std::int64_t kChannels = 3;
constexpr std::int64_t kTile = ResizeWeights::kLineMultiple;  // rows and bytes of them that are turned at once

using Bytes __attribute__((vector_size(kTile))) = std::uint8_t;

// Byte j of line i becomes byte i of line j. A shuffle of all bytes of a tile, as of a pack of cards, once for each bit
// of i.
void transpose(const std::uint8_t* from, std::int64_t from_apart, std::uint8_t* to, std::int64_t to_apart) {
  Bytes tile[kTile], mixed[kTile];
  for (std::int64_t i = 0; i < kTile; ++i) std::memcpy(&tile[i], from + i * from_apart, sizeof tile[i]);
#pragma GCC unroll 4
  for (int bits = 1; bits < kTile; bits *= 2) {
    for (int i = 0; i < kTile / 2; ++i) {
      const Bytes a = tile[i], b = tile[i + kTile / 2];
      mixed[2 * i] = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      mixed[2 * i + 1] = __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    }
    for (int i = 0; i < kTile; ++i) tile[i] = mixed[i];
  }
  for (std::int64_t i = 0; i < kTile; ++i) std::memcpy(to + i * to_apart, &tile[i], sizeof tile[i]);
}

bool contains(std::int64_t extent, std::int64_t begin, std::int64_t count) {
  return begin >= 0 && count > 0 && count <= extent - begin;
}

bool contains(const ImageSize& size, const Box& box) {
  return contains(size.width, box.left, box.width) && contains(size.height, box.top, box.height);
}

}  // namespace

Box shrunk(const Box& box, int shrink) {
  const auto up = [shrink](std::int64_t end) { return (end + shrink - 1) / shrink; };
  const std::int64_t left = box.left / shrink, top = box.top / shrink;
  return {left, top, up(box.left + box.width) - left, up(box.top + box.height) - top};
}

Resize Resize::of_shrunk(int shrink) const {
  DRIFT_ASSERT(part.width == 0, "a part of {}x{} is not shrunk again", part.width, part.height);
  Resize result = *this;
  result.box = shrunk(box, shrink);
  const auto pixels = [shrink](std::int64_t count) { return static_cast<double>(count) / shrink; };
  result.part = {pixels(box.left - result.box.left * shrink), pixels(box.top - result.box.top * shrink),
                 pixels(box.width), pixels(box.height)};
  return result;
}

void Resizer::run(const ImageView& image, const Resize& resize, std::span<std::uint8_t> output) {
  const Box &box = resize.box, &window = resize.window;
  DRIFT_ASSERT(std::ssize(image.pixels) == image.size.width * image.size.height * kChannels &&
                   contains(image.size, box) && contains(resize.size, window) &&
                   std::ssize(output) == window.width * window.height * kChannels,
               "box {}x{}+{}+{} of {}x{} in {} bytes to {}x{}, of that {}x{}+{}+{} to {} bytes", box.width, box.height,
               box.left, box.top, image.size.width, image.size.height, image.pixels.size(), resize.size.width,
               resize.size.height, window.width, window.height, window.left, window.top, output.size());
  const Part part = resize.part.width > 0
                        ? resize.part
                        : Part{.width = static_cast<double>(box.width), .height = static_cast<double>(box.height)};
  across_.set(box.width, part.left, part.width, resize.size.width, window.left, window.width);
  down_.set(box.height, part.top, part.height, resize.size.height, window.top, window.height);
  if (resize.mirrored) across_.mirror();
  const std::int64_t apart = image.size.width * kChannels;
  const std::int64_t left = box.left + across_.first_input(), columns = across_.end_input() - across_.first_input();
  const std::int64_t top = box.top + down_.first_input(), rows = down_.end_input() - down_.first_input();
  const std::int64_t bytes = window.width * kChannels, line = (bytes + kTile - 1) / kTile * kTile;
  resize_rows(image.pixels.data() + top * apart + left * kChannels, apart, columns * kChannels, rows, line);
  down_.apply(rows_.data(), line, bytes, output.data(), bytes);
}

// Makes rows_ of input rows of so many bytes, kTile rows at a time: turned into columns, their pixels are lines that
// can be weighted as a whole.
void Resizer::resize_rows(const std::uint8_t* pixels, std::int64_t apart, std::int64_t bytes, std::int64_t rows,
                          std::int64_t line) {
  if (rows < kTile || bytes < kTile) {  // less than a tile
    const std::int64_t more_rows = std::max(rows, kTile), more_bytes = std::max(bytes, kTile);
    padded_.resize(static_cast<std::size_t>(more_rows * more_bytes));
    for (std::int64_t row = 0; row < rows; ++row) {
      std::copy_n(pixels + row * apart, bytes, padded_.begin() + row * more_bytes);
    }
    return resize_rows(padded_.data(), more_bytes, more_bytes, more_rows, line);
  }
  constexpr std::int64_t kPixel = kChannels * kTile;  // bytes of a pixel of each of these rows
  columns_.resize(static_cast<std::size_t>(bytes * kTile));
  resized_columns_.resize(static_cast<std::size_t>(line * kTile));
  rows_.resize(static_cast<std::size_t>(rows * line));
  for (std::int64_t done = 0; done < rows; done += kTile) {
    const std::int64_t row = std::min(done, rows - kTile);
    for (std::int64_t turned = 0; turned < bytes; turned += kTile) {
      const std::int64_t at = std::min(turned, bytes - kTile);
      transpose(pixels + row * apart + at, apart, columns_.data() + at * kTile, kTile);
    }
    across_.apply(columns_.data(), kPixel, kPixel, resized_columns_.data(), kPixel);
    for (std::int64_t at = 0; at < line; at += kTile) {
      transpose(resized_columns_.data() + at * kTile, kTile, rows_.data() + row * line + at, line);
    }
  }
}

}  // namespace drift
