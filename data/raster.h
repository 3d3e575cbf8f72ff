// Anti-aliased filling and stroking on a 32x32 canvas from exact distances to edges. Only + - * / sqrt, so a picture
// has the same bits on every machine.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace drift {

constexpr int kCanvasSide = 32;
constexpr std::size_t kCanvasPixels = static_cast<std::size_t>(kCanvasSide) * kCanvasSide;

// In pixels, or in an outline's own units; y points down. The centre of the top left pixel is (0.5, 0.5).
struct Point {
  float x = 0, y = 0;
};

struct Edge {
  Point a, b;
};

// The part of each pixel that is covered, 0 .. 1, row by row.
using Coverage = std::array<float, kCanvasPixels>;

// Closed contours, in any order and direction; a point is inside by the even-odd rule.
void fill(std::span<const Edge> edges, Coverage& coverage);
// A line with round ends.
void stroke(Edge edge, float radius, Coverage& coverage);

}  // namespace drift
