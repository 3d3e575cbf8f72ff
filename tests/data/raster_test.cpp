#include "data/raster.h"

#include <gtest/gtest.h>
#include <numeric>
#include <vector>

#include "data/outlines.h"

namespace drift {
namespace {

std::vector<Edge> box(Point low, Point high) {
  const Point a = low, b{high.x, low.y}, c = high, d{low.x, high.y};
  return {{a, b}, {b, c}, {c, d}, {d, a}};
}

float sum(const Coverage& coverage) {
  return std::accumulate(coverage.begin(), coverage.end(), 0.0f);
}

float at(const Coverage& coverage, int y, int x) {
  return coverage[static_cast<std::size_t>(y * kCanvasSide + x)];
}

TEST(Fill, ABoxOnPixelBordersCoversItsPixelsExactly) {
  Coverage coverage;
  fill(box({4, 6}, {14, 9}), coverage);
  EXPECT_FLOAT_EQ(sum(coverage), 10 * 3);
  EXPECT_EQ(at(coverage, 6, 4), 1.0f);
  EXPECT_EQ(at(coverage, 8, 13), 1.0f);
  EXPECT_EQ(at(coverage, 5, 4), 0.0f);
  EXPECT_EQ(at(coverage, 6, 14), 0.0f);
}

TEST(Fill, ABorderThroughPixelsCoversThemInPart) {
  Coverage coverage;
  fill(box({4, 6}, {14.25f, 12}), coverage);
  EXPECT_FLOAT_EQ(at(coverage, 8, 14), 0.25f);
}

TEST(Fill, AContourInsideAnotherIsAHole) {
  std::vector<Edge> edges = box({2, 2}, {20, 20});
  const std::vector<Edge> hole = box({6, 6}, {10, 12});
  edges.insert(edges.end(), hole.begin(), hole.end());
  Coverage coverage;
  fill(edges, coverage);
  EXPECT_FLOAT_EQ(sum(coverage), 18 * 18 - 4 * 6);
  EXPECT_EQ(at(coverage, 8, 8), 0.0f);
  EXPECT_EQ(at(coverage, 3, 3), 1.0f);
}

TEST(Fill, WhatLiesOutsideTheCanvasIsCutOff) {
  Coverage coverage;
  fill(box({-10, -10}, {100, 5}), coverage);
  EXPECT_FLOAT_EQ(sum(coverage), 32 * 5);
}

TEST(Stroke, CoversLengthTimesWidthAndRoundEnds) {
  Coverage coverage;
  stroke({{8, 16}, {24, 16}}, 2, coverage);
  EXPECT_NEAR(sum(coverage), 16 * 4 + 3.14159f * 4, 1.0f);
  EXPECT_EQ(at(coverage, 15, 16), 1.0f);
  EXPECT_EQ(at(coverage, 20, 16), 0.0f);
}

// Every edge's end is the start of another, and no corner is far out.
TEST(Outlines, AreClosedAndAboutOneInRadius) {
  for (const Outline& outline : outlines()) {
    std::vector<Edge> edges = outline.edges;
    std::vector<int> degree(edges.size());
    for (std::size_t i = 0; i < edges.size(); ++i) {
      for (const Edge& edge : edges) degree[i] += edge.a.x == edges[i].b.x && edge.a.y == edges[i].b.y;
      const float squared = edges[i].a.x * edges[i].a.x + edges[i].a.y * edges[i].a.y;
      EXPECT_LE(squared, 1.35f * 1.35f) << outline.name;
    }
    for (const int starts : degree) EXPECT_GE(starts, 1) << outline.name << " has an open contour";
  }
}

}  // namespace
}  // namespace drift
