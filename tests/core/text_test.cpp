#include "core/text.h"

#include <gtest/gtest.h>

namespace drift {
namespace {

TEST(DidYouMean, FindsTheNearestAndNothingFarOff) {
  const std::vector<std::string> names{"resnet20", "resnet56", "vgg16"};
  EXPECT_EQ(did_you_mean("resnet65", names), " Did you mean 'resnet56'?");
  EXPECT_EQ(did_you_mean("vg16", names), " Did you mean 'vgg16'?");
  EXPECT_EQ(did_you_mean("transformer", names), "");
}

TEST(Joined, PutsSeparatorsBetween) {
  const std::vector<std::string> words{"a", "b"};
  EXPECT_EQ(joined(words), "a, b");
  EXPECT_EQ(joined(std::vector<std::string>{}), "");
}

}  // namespace
}  // namespace drift
