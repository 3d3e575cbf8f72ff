// Axis: from values to places and back, and the values that are written beside it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace drift {

enum class Scale : std::uint8_t { kLinear, kLog };

// How values are written.
enum class Unit : std::uint8_t { kNumber, kPercent, kBytes, kSeconds };

std::string value_text(double value, Unit unit);

struct Tick {
  double value;
  std::string text;
};

class Axis {
 public:
  // Over all of [low, high], and a little more where the ticks say so. On a log scale both must be above 0; where they
  // are equal the axis has a range all the same.
  Axis(double low, double high, Scale scale, Unit unit);

  // In [0,1] for values on the axis.
  double place(double value) const;
  double low() const { return low_; }
  double high() const { return high_; }
  Scale scale() const { return scale_; }
  Unit unit() const { return unit_; }
  // Around `about` of them, at round values.
  std::vector<Tick> ticks(int about) const;

 private:
  double low_, high_;
  Scale scale_;
  Unit unit_;
};

}  // namespace drift
