#include "data/outlines.h"

#include <cmath>
#include <numbers>
#include <utility>

namespace drift {
namespace {

using Contour = std::vector<Point>;

// Corners are rounded to multiples of 2^-12: the last bits of sin and cos differ between C libraries.
Point on_circle(double radius, double turns) {
  const double angle = 2 * std::numbers::pi * turns;
  const auto rounded = [](double value) { return static_cast<float>(std::round(value * 4096) / 4096); };
  return {rounded(radius * std::sin(angle)), rounded(-radius * std::cos(angle))};
}

Contour regular_polygon(int corners, double radius) {
  Contour contour;
  for (int i = 0; i < corners; ++i) contour.push_back(on_circle(radius, static_cast<double>(i) / corners));
  return contour;
}

Contour rectangle(Point low, Point high) {
  return {low, {high.x, low.y}, high, {low.x, high.y}};
}

Contour star() {
  Contour contour;
  for (int i = 0; i < 10; ++i) contour.push_back(on_circle(i % 2 == 0 ? 1.1 : 0.46, i / 10.0));
  return contour;
}

Contour cross() {
  constexpr float kArm = 1.0f, kHalf = 0.32f;
  return {{-kHalf, -kArm}, {kHalf, -kArm}, {kHalf, -kHalf}, {kArm, -kHalf}, {kArm, kHalf},   {kHalf, kHalf},
          {kHalf, kArm},   {-kHalf, kArm}, {-kHalf, kHalf}, {-kArm, kHalf}, {-kArm, -kHalf}, {-kHalf, -kHalf}};
}

Contour arrow() {
  return {{0, -1.1f}, {0.8f, -0.1f}, {0.28f, -0.1f}, {0.28f, 1}, {-0.28f, 1}, {-0.28f, -0.1f}, {-0.8f, -0.1f}};
}

// The outer arc clockwise from one horn to the other and a flatter arc back.
Contour crescent() {
  constexpr int kSteps = 12;
  constexpr double kHorn = 0.375;  // turns from the top
  Contour contour;
  for (int i = 0; i <= kSteps; ++i) contour.push_back(on_circle(1.0, kHorn * (2.0 * i / kSteps - 1)));
  for (int i = kSteps - 1; i > 0; --i) {
    const Point outer = on_circle(1.0, kHorn * (2.0 * i / kSteps - 1));
    constexpr float kHornY = 0.70703125f;  // -cos of the horn's angle
    contour.push_back({outer.x * 0.72f, kHornY + (outer.y - kHornY) * 0.55f});
  }
  return contour;
}

std::vector<Contour> stripes() {
  std::vector<Contour> contours;
  for (const float y : {-0.95f, -0.21f, 0.53f}) contours.push_back(rectangle({-0.9f, y}, {0.9f, y + 0.42f}));
  return contours;
}

std::vector<Contour> checker() {
  std::vector<Contour> contours;
  constexpr float kField = 0.6f;
  for (int row = 0; row < 3; ++row) {
    for (int column = row % 2; column < 3; column += 2) {
      const Point low{kField * (static_cast<float>(column) - 1.5f), kField * (static_cast<float>(row) - 1.5f)};
      contours.push_back(rectangle(low, {low.x + kField, low.y + kField}));
    }
  }
  return contours;
}

Outline outline(std::string name, const std::vector<Contour>& contours) {
  Outline result{std::move(name), {}};
  for (const Contour& contour : contours) {
    for (std::size_t i = 0; i < contour.size(); ++i) {
      result.edges.push_back({contour[i], contour[(i + 1) % contour.size()]});
    }
  }
  return result;
}

}  // namespace

std::span<const Outline> outlines() {
  static const std::vector<Outline> all{
      outline("disc", {regular_polygon(20, 0.9)}),
      outline("ring", {regular_polygon(20, 1.0), regular_polygon(16, 0.55)}),
      outline("crescent", {crescent()}),
      outline("triangle", {regular_polygon(3, 1.1)}),
      outline("square", {rectangle({-0.8f, -0.8f}, {0.8f, 0.8f})}),
      outline("cross", {cross()}),
      outline("star", {star()}),
      outline("arrow", {arrow()}),
      outline("stripes", stripes()),
      outline("checker", checker()),
  };
  return all;
}

}  // namespace drift
