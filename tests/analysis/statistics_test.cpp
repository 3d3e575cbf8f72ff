// Student's t against published values, and intervals that cover as often as they say.
#include "analysis/statistics.h"

#include <array>
#include <cmath>
#include <gtest/gtest.h>
#include <numbers>
#include <vector>

#include "core/rng.h"
#include "tests/support/seed.h"

namespace drift {
namespace {

TEST(Student, HasThePublishedQuantiles) {
  struct Row {
    int degrees_of_freedom;
    double at_975, at_95;
  };
  // Any table of the t distribution.
  for (const Row& row : {Row{1, 12.7062, 6.3138}, Row{2, 4.3027, 2.9200}, Row{3, 3.1824, 2.3534},
                         Row{4, 2.7764, 2.1318}, Row{5, 2.5706, 2.0150}, Row{9, 2.2622, 1.8331},
                         Row{10, 2.2281, 1.8125}, Row{30, 2.0423, 1.6973}, Row{1000, 1.9623, 1.6464}}) {
    EXPECT_NEAR(student_quantile(0.975, row.degrees_of_freedom), row.at_975, 6e-5) << row.degrees_of_freedom;
    EXPECT_NEAR(student_quantile(0.95, row.degrees_of_freedom), row.at_95, 6e-5) << row.degrees_of_freedom;
  }
}

TEST(Student, IsCauchyWithOneDegreeAndSymmetric) {
  for (const double t : {-3.0, -0.5, 0.0, 1.0, 20.0}) {
    EXPECT_NEAR(student_cdf(t, 1), 0.5 + std::atan(t) / std::numbers::pi, 1e-12);
    for (const int degrees : {1, 2, 5, 8}) {
      EXPECT_NEAR(student_cdf(t, degrees) + student_cdf(-t, degrees), 1, 1e-12);
    }
  }
}

TEST(EstimateMean, OfTwoOfManyAndOfNone) {
  const Estimate pair = estimate_mean(std::vector{1.0, 3.0});
  EXPECT_EQ(pair.mean, 2);
  EXPECT_NEAR(pair.half_width, 12.7062, 1e-4);  // the standard error is 1
  const Estimate five = estimate_mean(std::vector{1.0, 2.0, 3.0, 4.0, 5.0});
  EXPECT_EQ(five.count, 5u);
  EXPECT_NEAR(five.high() - five.low(), 2 * 2.7764 * std::sqrt(2.5 / 5), 1e-4);
  EXPECT_EQ(estimate_mean(std::vector{7.0}).mean, 7);
  EXPECT_TRUE(std::isinf(estimate_mean(std::vector{7.0}).half_width));
  EXPECT_TRUE(std::isnan(estimate_mean({}).mean));
}

// Of 4000 samples of four normal values 95 % must cover: within 4 standard deviations of that count.
TEST(EstimateMean, CoversAsOftenAsItSays) {
  const std::uint64_t seed = testing::seed();
  const Rng rng(seed, stream_id(Purpose::kTest));
  constexpr int kSamples = 4000;
  int covered = 0;
  std::uint64_t draw = 0;
  for (int sample = 0; sample < kSamples; ++sample) {
    std::vector<double> values(4);
    for (double& value : values) value = 3 + rng.normal(draw++);
    const Estimate estimate = estimate_mean(values);
    covered += estimate.low() <= 3 && 3 <= estimate.high() ? 1 : 0;
  }
  EXPECT_NEAR(covered, 0.95 * kSamples, 4 * std::sqrt(0.95 * 0.05 * kSamples)) << "seed=" << seed;
}

TEST(MiddleMean, LeavesOutAQuarterAtEachEnd) {
  EXPECT_EQ(middle_mean(std::array{3.0}), 3);
  EXPECT_EQ(middle_mean(std::array{1.0, 9.0}), 5);
  EXPECT_EQ(middle_mean(std::array{1.0, 4.0, 100.0}), 4);
  EXPECT_EQ(middle_mean(std::array{-50.0, 4.0, 6.0, 100.0}), 5);
  EXPECT_EQ(middle_mean(std::array{0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 0.0, 0.0}), 2.5);
}

}  // namespace
}  // namespace drift
