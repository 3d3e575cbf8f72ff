#include "core/text.h"

#include <gtest/gtest.h>
#include <limits>

namespace drift {
namespace {

TEST(DidYouMean, FindsTheNearestAndNothingFarOff) {
  const std::vector<std::string> names{"resnet20", "resnet56", "vgg16"};
  EXPECT_EQ(did_you_mean("resnet65", names), " Did you mean 'resnet56'?");
  EXPECT_EQ(did_you_mean("vg16", names), " Did you mean 'vgg16'?");
  EXPECT_EQ(did_you_mean("transformer", names), "");
}

TEST(ParseInteger, TakesTheWholeTextOrNothing) {
  EXPECT_EQ(parse_integer("-12"), -12);
  EXPECT_EQ(parse_integer("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  for (const char* text : {"", " 1", "1 ", "+1", "1.0", "0x1", "9223372036854775808"}) {
    EXPECT_EQ(parse_integer(text), std::nullopt) << "'" << text << "'";
  }
}

TEST(Joined, PutsSeparatorsBetween) {
  const std::vector<std::string> words{"a", "b"};
  EXPECT_EQ(joined(words), "a, b");
  EXPECT_EQ(joined(std::vector<std::string>{}), "");
}

}  // namespace
}  // namespace drift
