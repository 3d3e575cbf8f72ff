#include "data/shapes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <thread>
#include <utility>

#include "core/check.h"
#include "core/rng.h"
#include "core/thread_team.h"
#include "data/memory_dataset.h"
#include "data/outlines.h"
#include "data/raster.h"

namespace drift {
namespace {

constexpr std::uint32_t kClasses = 10;
constexpr std::size_t kImageBytes = 3 * kCanvasPixels;

using Colour = std::array<float, 3>;                             // 0 .. 255
using Canvas = std::array<std::array<float, kCanvasPixels>, 3>;  // one plane per channel

// An image's draws, in the order in which the recipe asks for them.
class Draws {
 public:
  Draws(std::uint64_t seed, std::uint64_t stream) : rng_(seed, stream) {}

  float between(float low, float high) { return low + (high - low) * rng_.uniform(next_++); }
  std::uint32_t below(std::uint32_t n) { return rng_.below(next_++, n); }

  // Uniform on the unit circle: a point of the disc, by rejection, moved outwards (no trigonometry).
  Point direction() {
    for (;;) {
      const Point p{between(-1, 1), between(-1, 1)};
      const float squared = p.x * p.x + p.y * p.y;
      if (squared > 1 || squared < 0.01f) continue;
      const float length = std::sqrt(squared);
      return {p.x / length, p.y / length};
    }
  }

  // `base` moved by `contrast` in a random direction of the colour cube.
  Colour colour_apart(const Colour& base, float contrast) {
    for (;;) {
      Colour d{between(-1, 1), between(-1, 1), between(-1, 1)};
      const float squared = d[0] * d[0] + d[1] * d[1] + d[2] * d[2];
      if (squared > 1 || squared < 0.01f) continue;
      const float scale = contrast / std::sqrt(squared);
      for (std::size_t c = 0; c < 3; ++c) d[c] = base[c] + d[c] * scale;
      return d;
    }
  }

 private:
  Rng rng_;
  std::uint64_t next_ = 0;
};

// Bilinear interpolation between random colours around `base` on a lattice of 4, 8 or 16 pixels.
void draw_texture(Draws& draws, const Colour& base, float amplitude, Canvas& canvas) {
  const std::uint32_t log2_cell = 2 + draws.below(3);
  const int cell = 1 << log2_cell;
  const int knots = kCanvasSide / cell + 1;
  std::array<float, 9 * 9> lattice;
  std::array<float, kCanvasSide> part;  // of a cell that lies before each pixel
  for (int i = 0; i < kCanvasSide; ++i) {
    part[static_cast<std::size_t>(i)] = (static_cast<float>(i % cell) + 0.5f) / static_cast<float>(cell);
  }
  for (std::size_t c = 0; c < 3; ++c) {
    for (int i = 0; i < knots * knots; ++i) {
      lattice[static_cast<std::size_t>(i)] = base[c] + draws.between(-amplitude, amplitude);
    }
    for (std::size_t y = 0; y < kCanvasSide; ++y) {
      const float* upper = &lattice[(y >> log2_cell) * static_cast<std::size_t>(knots)];
      const float* lower = upper + knots;
      for (std::size_t x = 0; x < kCanvasSide; ++x) {
        const std::size_t knot = x >> log2_cell;
        const float top = upper[knot] + part[x] * (upper[knot + 1] - upper[knot]);
        const float bottom = lower[knot] + part[x] * (lower[knot + 1] - lower[knot]);
        canvas[c][y * kCanvasSide + x] = top + part[y] * (bottom - top);
      }
    }
  }
}

template <class Paint>  // float paint(channel, pixel)
void blend(const Coverage& coverage, const Paint& paint, Canvas& canvas) {
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t i = 0; i < kCanvasPixels; ++i) canvas[c][i] += coverage[i] * (paint(c, i) - canvas[c][i]);
  }
}

void draw_clutter(Draws& draws, const Colour& background, std::uint32_t strokes, Canvas& canvas) {
  for (std::uint32_t i = 0; i < strokes; ++i) {
    const Point middle{draws.between(0, kCanvasSide), draws.between(0, kCanvasSide)};
    const Point direction = draws.direction();
    const float half = draws.between(0, 9);
    const Edge edge{{middle.x - half * direction.x, middle.y - half * direction.y},
                    {middle.x + half * direction.x, middle.y + half * direction.y}};
    const Colour colour = draws.colour_apart(background, draws.between(20, 80));
    Coverage coverage;
    stroke(edge, draws.between(0.5f, 1.6f), coverage);
    const auto paint = [&](std::size_t c, std::size_t) { return colour[c]; };
    blend(coverage, paint, canvas);
  }
}

// The outline turned, stretched, scaled and moved, so that most of it lies inside the picture.
std::vector<Edge> place_outline(Draws& draws, const Outline& outline) {
  const Point turn = draws.direction();
  const float radius = draws.between(6.5f, 11.5f);
  const float stretch = draws.between(0.75f, 1.0f);
  const float margin = 0.8f * radius;
  const Point centre{draws.between(margin, kCanvasSide - margin), draws.between(margin, kCanvasSide - margin)};
  const Point scale = draws.below(2) == 0 ? Point{radius, radius * stretch} : Point{radius * stretch, radius};
  const auto placed = [&](Point p) {
    const Point scaled{p.x * scale.x, p.y * scale.y};
    return Point{centre.x + scaled.x * turn.x - scaled.y * turn.y, centre.y + scaled.x * turn.y + scaled.y * turn.x};
  };
  std::vector<Edge> edges = outline.edges;
  for (Edge& edge : edges) edge = {placed(edge.a), placed(edge.b)};
  return edges;
}

// Triangular noise in -amplitude .. amplitude from two bytes a value, then rounding.
void develop(const Canvas& canvas, float amplitude, std::uint64_t seed, std::uint64_t stream,
             std::span<std::uint8_t> image) {
  constexpr std::uint64_t kNoiseStart = std::uint64_t{1} << 32;  // beyond any index that Draws reaches
  const float unit = amplitude / 255.0f;
  for (std::size_t value = 0; value < kImageBytes;) {
    const Random4 random = philox(seed, stream, kNoiseStart + value / 8);
    for (int half = 0; half < 8; ++half, ++value) {
      const std::uint32_t bits = random.word[half / 2] >> (16 * (half % 2));
      const int noise = static_cast<int>(bits & 255u) - static_cast<int>(bits >> 8 & 255u);
      const float shade = canvas[value % 3][value / 3] + unit * static_cast<float>(noise);
      image[value] = static_cast<std::uint8_t>(std::clamp(shade, 0.0f, 255.0f) + 0.5f);
    }
  }
}

struct Pixels {
  std::vector<std::uint8_t> images;
  std::vector<std::int32_t> labels;
};

Pixels draw_split(std::uint64_t seed, Split split, std::int64_t size) {
  Pixels pixels;
  pixels.images.resize(static_cast<std::size_t>(size) * kImageBytes);
  pixels.labels.resize(static_cast<std::size_t>(size));
  const std::int64_t threads = std::max(1u, std::thread::hardware_concurrency());
  const auto draw_every = [&](int first, const std::stop_token&) {
    for (std::int64_t index = first; index < size; index += threads) {
      const auto i = static_cast<std::size_t>(index);
      pixels.labels[i] = shape_label(seed, split, index);
      draw_shape(seed, split, index, std::span(pixels.images).subspan(i * kImageBytes, kImageBytes));
    }
  };
  ThreadTeam("drawing images", static_cast<int>(threads), draw_every);
  return pixels;
}

}  // namespace

std::int32_t shape_label(std::uint64_t seed, Split split, std::int64_t index) {
  // Streams 0 and 1 draw the images of the two splits, 2 and 3 their labels.
  const auto block = static_cast<std::uint64_t>(index) / kClasses;
  const Rng rng(seed, stream_id(Purpose::kImages, 2 + static_cast<std::uint64_t>(split), block));
  std::array<std::int32_t, kClasses> order{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  for (std::uint32_t i = kClasses - 1; i > 0; --i) std::swap(order[i], order[rng.below(i, i + 1)]);
  return order[static_cast<std::uint64_t>(index) % kClasses];
}

void draw_shape(std::uint64_t seed, Split split, std::int64_t index, std::span<std::uint8_t> image) {
  DRIFT_ASSERT(index >= 0 && image.size() == kImageBytes, "shape {} into {} bytes", index, image.size());
  const std::uint64_t stream =
      stream_id(Purpose::kImages, static_cast<std::uint64_t>(split), static_cast<std::uint64_t>(index));
  const Outline& outline = outlines()[static_cast<std::size_t>(shape_label(seed, split, index))];
  Draws draws(seed, stream);

  const Colour background{draws.between(50, 205), draws.between(50, 205), draws.between(50, 205)};
  const Colour foreground = draws.colour_apart(background, draws.between(65, 175));
  Canvas canvas, texture;
  draw_texture(draws, background, draws.between(3, 20), canvas);
  draw_clutter(draws, background, draws.below(4), canvas);

  Coverage coverage;
  fill(place_outline(draws, outline), coverage);
  draw_texture(draws, foreground, draws.between(3, 15), texture);
  const auto paint = [&](std::size_t c, std::size_t i) { return texture[c][i]; };
  blend(coverage, paint, canvas);

  draw_clutter(draws, background, draws.below(2), canvas);
  develop(canvas, draws.between(3, 26), seed, stream, image);
}

DataSource open_shapes(std::int64_t train_size, std::int64_t test_size, std::uint64_t seed) {
  std::vector<std::string> class_names;
  for (const Outline& outline : outlines()) class_names.push_back(outline.name);
  const auto dataset = [&](Split split, std::int64_t size) {
    Pixels pixels = draw_split(seed, split, size);
    return std::make_unique<MemoryDataset>(Shape{kCanvasSide, kCanvasSide, 3}, class_names, std::move(pixels.images),
                                           std::move(pixels.labels));
  };
  return {"shapes",
          dataset(Split::kTrain, train_size),
          dataset(Split::kTest, test_size),
          {{0.5f, 0.5f, 0.5f}, {0.2f, 0.2f, 0.2f}}};
}

}  // namespace drift
