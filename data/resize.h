// Antialiased bilinear resizing of 8-bit RGB images, with the bits of Image.resize(size, BILINEAR) of Pillow up to
// version 12 (later ones may begin with columns, and differ by 1 then): rows first, then columns, each output a sum of
// pixels weighted by a triangle as wide as two input pixels or, where the image gets smaller, two output pixels;
// weights in fixed point, results of either pass rounded to 8 bits.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/resize_weights.h"

namespace drift {

struct ImageSize {
  std::int64_t width = 0, height = 0;

  bool operator==(const ImageSize&) const = default;
};

// Pixels of an image: columns [left, left + width) of rows [top, top + height).
struct Box {
  std::int64_t left = 0, top = 0, width = 0, height = 0;

  bool operator==(const Box&) const = default;
};

// Pixels of the image each of whose pixels is one for shrink x shrink of these, or, at its right and lower edges, for
// fewer: all that have a part of the box.
Box shrunk(const Box& box, int shrink);

// Interleaved RGB, top row first, rows without gaps.
struct ImageView {
  std::span<const std::uint8_t> pixels;
  ImageSize size;
};

// Of a box, in fractions of its pixels.
struct Part {
  double left = 0, top = 0, width = 0, height = 0;
};

// A part of a box of an image is brought to a size, as if there were nothing around the box, and a window is cut out of
// that.
struct Resize {
  Box box;
  ImageSize size;
  Box window;
  Part part = {};         // without width and height: all of the box
  bool mirrored = false;  // the window, left to right

  static Resize whole(const Box& box, const ImageSize& size) { return {box, size, {0, 0, size.width, size.height}}; }

  // The same of an image each of whose pixels is the mean of shrink x shrink of these, or, at its right and lower
  // edges, of fewer.
  Resize of_shrunk(int shrink) const;
};

// Keeps its memory from one image to the next; for one thread.
class Resizer {
 public:
  // output: window.width * window.height * 3 bytes. The box lies in the image, the window in the resized box, and
  // neither is empty; sides up to 2^24.
  void run(const ImageView& image, const Resize& resize, std::span<std::uint8_t> output);

 private:
  void resize_rows(const std::uint8_t* pixels, std::int64_t apart, std::int64_t bytes, std::int64_t rows,
                   std::int64_t line);

  ResizeWeights across_, down_;
  std::vector<std::uint8_t> padded_;                     // an image that is very small
  std::vector<std::uint8_t> columns_, resized_columns_;  // of a few rows
  std::vector<std::uint8_t> rows_;                       // the input rows that matter, each resized
};

}  // namespace drift
