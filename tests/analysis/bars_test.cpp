#include "analysis/plot/bars.h"

#include <gtest/gtest.h>

#include "analysis/report/ledger_section.h"
#include "tests/analysis/profiled_run.h"

namespace drift {
namespace {

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(BarsTest, APartIsAsLongAsItsAmountAndHasItsColourAndName) {
  const Bars bars{.title = "times & more",
                  .unit = "ms",
                  .parts = {"one", "never", "<two>"},
                  .bars = {{"a", {30, 0, 10}}, {"b", {20, -1, 0}}}};
  const std::string svg = svg_element(bars);
  // Forty are 480 - 104 - 14 pixels.
  EXPECT_NE(svg.find(R"(<rect class="bar c0" x="104.0" y="12.0" width="271.5")"), std::string::npos) << svg;
  EXPECT_NE(svg.find(R"(<rect class="bar c2" x="375.5" y="12.0" width="90.5")"), std::string::npos) << svg;
  EXPECT_NE(svg.find("<title>a, &lt;two&gt;: 10 ms</title>"), std::string::npos) << svg;
  EXPECT_EQ(count_of(svg, "<title>"), 3u);
  EXPECT_EQ(count_of(svg, "never"), 0u) << "not in the legend either";
  EXPECT_EQ(count_of(svg, ">&lt;two&gt;</text>"), 1u);
  const std::string file = svg_file(bars);
  EXPECT_TRUE(file.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
  EXPECT_EQ(count_of(file, "var(--"), 0u);
  EXPECT_EQ(count_of(file, ">times &amp; more</text>"), 1u);
  EXPECT_EQ(count_of(file, "<rect class=\"bar"), count_of(svg, "<rect class=\"bar"));
}

class LedgerSectionTest : public testing::ProfiledRun {};

TEST_F(LedgerSectionTest, ShowsBarsAndARooflineOfRunsWithAProfile) {
  EXPECT_EQ(ledger_section({{.name = "arm", .runs = {{.path = directory_.path()}}}}), "");
  EXPECT_FALSE(profile_figures({.name = "arm", .runs = {{.path = directory_.path()}}}));
  ProfileFile file = open();
  for (const int worker : {0, 1}) {
    file.write(testing::local_step(1, worker, file));
    file.write(testing::round_end(2, worker, file, 8));
  }
  const Profile profile = read_profile(directory_.path());
  const Bars bars = step_bars(make_ledger(profile));
  ASSERT_EQ(bars.bars.size(), 2u);
  EXPECT_EQ(bars.bars[1].name, "round end");
  double sum = 0;
  for (const double amount : bars.bars[1].amounts) sum += amount;
  EXPECT_NEAR(sum, 23, 1e-9) << "all of the step";
  const auto figures = profile_figures({.name = "arm", .runs = {{.path = "elsewhere"}, {.path = directory_.path()}}});
  ASSERT_TRUE(figures);
  EXPECT_EQ(figures->run, directory_.path());
  EXPECT_EQ(svg_file(figures->steps), svg_file(bars));
  const Plot plot = roofline(profile);
  ASSERT_EQ(plot.lines.size(), 2u);
  EXPECT_EQ(plot.lines[0].points[1].y, 2e9) << "the peak";
  EXPECT_EQ(plot.lines[1].name, "conv2d_forward");
  EXPECT_NEAR(plot.lines[1].points[0].x, 4e4, 1e-6);
  EXPECT_NEAR(plot.lines[1].points[0].y, 4e8, 1e-3) << "4 million in 10 ms";
  const std::string html = ledger_section({{.name = "arm", .runs = {{.path = directory_.path()}}}});
  EXPECT_EQ(count_of(html, "<figure id="), 2u);
  EXPECT_EQ(count_of(html, "<h3>"), 0u) << "one arm needs no name";
  EXPECT_NE(html.find("x floor"), std::string::npos) << "the tables too";
}

}  // namespace
}  // namespace drift
