#include "data/raster.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace drift {
namespace {

using Row = std::array<float, kCanvasSide>;

void distances_squared(const Edge& edge, float y, Row& nearest) {
  const float dx = edge.b.x - edge.a.x;
  const float dy = edge.b.y - edge.a.y;
  const float inverse = 1.0f / std::max(dx * dx + dy * dy, 1e-12f);
  const float from_a_y = y - edge.a.y;
  for (int i = 0; i < kCanvasSide; ++i) {
    const float from_a_x = static_cast<float>(i) + 0.5f - edge.a.x;
    const float along = std::clamp((from_a_x * dx + from_a_y * dy) * inverse, 0.0f, 1.0f);
    const float off_x = from_a_x - along * dx;
    const float off_y = from_a_y - along * dy;
    const float squared = off_x * off_x + off_y * off_y;
    nearest[static_cast<std::size_t>(i)] = std::min(nearest[static_cast<std::size_t>(i)], squared);
  }
}

// Turns the sign of each pixel whose ray to the right crosses the edge.
void cross(const Edge& edge, float y, Row& sign) {
  if ((edge.a.y > y) == (edge.b.y > y)) return;
  const float at = edge.a.x + (y - edge.a.y) / (edge.b.y - edge.a.y) * (edge.b.x - edge.a.x);
  for (int i = 0; i < kCanvasSide; ++i) {
    const float x = static_cast<float>(i) + 0.5f;
    sign[static_cast<std::size_t>(i)] = x < at ? -sign[static_cast<std::size_t>(i)] : sign[static_cast<std::size_t>(i)];
  }
}

// Half covered on the outline, fully half a pixel inside, not at all half a pixel outside.
float covered(float distance_inside) {
  return std::clamp(0.5f + distance_inside, 0.0f, 1.0f);
}

}  // namespace

void fill(std::span<const Edge> edges, Coverage& coverage) {
  for (int row = 0; row < kCanvasSide; ++row) {
    const float y = static_cast<float>(row) + 0.5f;
    Row nearest, sign;
    nearest.fill(std::numeric_limits<float>::max());
    sign.fill(-1.0f);
    for (const Edge& edge : edges) {
      distances_squared(edge, y, nearest);
      cross(edge, y, sign);
    }
    float* out = coverage.data() + static_cast<std::size_t>(row) * kCanvasSide;
    for (std::size_t i = 0; i < kCanvasSide; ++i) out[i] = covered(sign[i] * std::sqrt(nearest[i]));
  }
}

void stroke(Edge edge, float radius, Coverage& coverage) {
  for (int row = 0; row < kCanvasSide; ++row) {
    Row nearest;
    nearest.fill(std::numeric_limits<float>::max());
    distances_squared(edge, static_cast<float>(row) + 0.5f, nearest);
    float* out = coverage.data() + static_cast<std::size_t>(row) * kCanvasSide;
    for (std::size_t i = 0; i < kCanvasSide; ++i) out[i] = covered(radius - std::sqrt(nearest[i]));
  }
}

}  // namespace drift
