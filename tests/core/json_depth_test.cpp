#include "core/json_depth.h"

#include <gtest/gtest.h>
#include <string>

namespace drift {
namespace {

TEST(JsonDepth, CountsWhatIsOpenAtOnce) {
  EXPECT_EQ(json_depth(""), 0);
  EXPECT_EQ(json_depth("3"), 0);
  EXPECT_EQ(json_depth("{}"), 1);
  EXPECT_EQ(json_depth("[[],[],[{}]]"), 3);
  EXPECT_EQ(json_depth(std::string(1'000'000, '[')), 1'000'000);
}

TEST(JsonDepth, BracketsInStringsAreText) {
  EXPECT_EQ(json_depth(R"({"[[[":"{{"})"), 1);
  EXPECT_EQ(json_depth(R"(["\"[[", "\\", []])"), 2);
  EXPECT_EQ(json_depth(R"(["\\"[)"), 2);
  EXPECT_EQ(json_depth(R"("[[ never closed)"), 0);
  EXPECT_EQ(json_depth("\"\\"), 0);
}

}  // namespace
}  // namespace drift
