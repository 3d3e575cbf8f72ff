// Axes with round values, and what stands in a figure's SVG.
#include "analysis/plot/plot.h"

#include <cmath>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "analysis/markup.h"

namespace drift {
namespace {

std::string ticks_text(const Axis& axis, int about) {
  std::string text;
  for (const Tick& tick : axis.ticks(about)) text += (text.empty() ? "" : ", ") + tick.text;
  return text;
}

TEST(Axis, HasRoundTicks) {
  EXPECT_EQ(ticks_text({0, 10, Scale::kLinear, Unit::kNumber}, 5), "0, 2, 4, 6, 8, 10");
  EXPECT_EQ(ticks_text({0.613, 0.722, Scale::kLinear, Unit::kPercent}, 5), "62 %, 64 %, 66 %, 68 %, 70 %, 72 %");
  EXPECT_EQ(ticks_text({-1.2, 1.2, Scale::kLinear, Unit::kNumber}, 4), "-1, -0.5, 0, 0.5, 1");
  EXPECT_EQ(ticks_text({0, 7000, Scale::kLinear, Unit::kSeconds}, 5), "0 min, 20 min, 40 min, 60 min, 80 min, 100 min");
  EXPECT_EQ(value_text(90, Unit::kSeconds), "90 s");
  EXPECT_EQ(value_text(9000, Unit::kSeconds), "2.5 h");
}

TEST(Axis, LogScalesHaveDecadesOrRoundValues) {
  EXPECT_EQ(ticks_text({1, 1000, Scale::kLog, Unit::kNumber}, 5), "1, 10, 100, 1000");
  EXPECT_EQ(ticks_text({1e3, 1e9, Scale::kLog, Unit::kBytes}, 3), "1 kB, 100 kB, 10 MB, 1 GB");
  EXPECT_EQ(ticks_text({2, 12, Scale::kLog, Unit::kNumber}, 5), "2, 4, 6, 8, 10, 12");
  const Axis axis(1, 100, Scale::kLog, Unit::kNumber);
  EXPECT_NEAR(axis.place(10), 0.5, 1e-12);
}

TEST(Axis, OfOneValueHasARange) {
  for (const double value : {0.0, 5.0, -3.0}) {
    const Axis axis(value, value, Scale::kLinear, Unit::kNumber);
    EXPECT_NEAR(axis.place(value), 0.5, 1e-12);
    EXPECT_FALSE(axis.ticks(5).empty());
  }
  EXPECT_FALSE(Axis(5, 5, Scale::kLog, Unit::kNumber).ticks(5).empty());
}

Plot small_plot() {
  return {.id = "small",
          .title = "Loss < 1 & falling",
          .x_name = "epoch",
          .lines = {{.name = "a \"b\"", .points = {{0, 2, 1.5, 2.5}, {1, 1, 0.5, 1.5}, {2, NAN, 0, 0}}, .dots = true},
                    {.name = "c", .colour = 9, .points = {{0, 1, NAN, NAN}, {2, 3, NAN, NAN}}, .dashed = true}},
          .marks = {{.colour = 1, .x = {0.5, 1, 5}}},
          .marks_name = "averages",
          .rules = {{.x = 1, .name = "falls"}}};
}

std::size_t count(std::string_view text, std::string_view word) {
  std::size_t times = 0;
  for (std::size_t at = 0; (at = text.find(word, at)) != std::string_view::npos; at += word.size()) ++times;
  return times;
}

TEST(Plot, DrawsLinesBandsDotsMarksAndRules) {
  const std::string svg = svg_element(small_plot());
  EXPECT_EQ(count(svg, "<polyline"), 2u);
  EXPECT_EQ(count(svg, "<polygon"), 1u);
  EXPECT_EQ(count(svg, "<circle"), 2u);  // not where there is no number
  EXPECT_EQ(count(svg, "class=\"rule\""), 1u);
  EXPECT_EQ(count(svg, "class=\"mark c1\" d=\"M"), 1u);
  EXPECT_NE(svg.find("class=\"line c1 dashed\""), std::string::npos) << "the ninth colour is the first again";
  EXPECT_NE(svg.find("Loss &lt; 1 &amp; falling"), std::string::npos);
  EXPECT_NE(svg.find("data-name=\"a &quot;b&quot;\""), std::string::npos);
  EXPECT_EQ(svg.find("nan"), std::string::npos) << svg;
  EXPECT_EQ(svg.find("inf"), std::string::npos) << svg;
}

TEST(Plot, AsAFileItHasItsOwnColoursAndLegend) {
  const std::string svg = svg_file(small_plot());
  EXPECT_TRUE(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
  EXPECT_EQ(svg.find("var(--"), std::string::npos);
  EXPECT_NE(svg.find(">a &quot;b&quot;</text>"), std::string::npos);
  EXPECT_NE(svg.find("Loss &lt; 1"), std::string::npos);
}

TEST(Plot, ALogAxisLeavesOutWhatItCannotShow) {
  Plot plot{.y_scale = Scale::kLog, .lines = {{.points = {{0, 0, NAN, NAN}, {1, -1, NAN, NAN}}}}};
  EXPECT_FALSE(plot.has_points());
  plot.lines[0].points.push_back({2, 10, NAN, NAN});
  EXPECT_TRUE(plot.has_points());
  const std::string svg = svg_element(plot);
  EXPECT_EQ(svg.find("nan"), std::string::npos) << svg;
}

TEST(Plot, AStepKeepsItsValueUntilTheNext) {
  Plot plot{.lines = {{.points = {{0, 1, NAN, NAN}, {1, 2, NAN, NAN}}, .steps = true}}};
  const std::string svg = svg_element(plot);
  const std::size_t begin = svg.find("points=\"", svg.find("<polyline")) + 8;
  EXPECT_EQ(count(svg.substr(begin, svg.find('"', begin) - begin), ","), 3u);
}

TEST(Escaped, LeavesNoMarkupAndNoControls) {
  EXPECT_EQ(escaped("<a href='x'>&\"\x01 ü"), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;? ü");
  EXPECT_EQ(escaped("a\xff"), "a?");
}

}  // namespace
}  // namespace drift
