#include "data/open_data.h"

#include <gtest/gtest.h>

#include "tests/data/data_support.h"

namespace drift {
namespace {

using testing::contains;
using testing::message_of;

std::string usage_error(const std::string& spec) {
  return message_of(ErrorKind::kUsage, [&] { open_data(spec, 1); });
}

TEST(OpenData, ShapesTakesItsSizesFromTheSpec) {
  const DataSource source = open_data("shapes:30:20", 1);
  EXPECT_EQ(source.name, "shapes");
  EXPECT_EQ(source.train->size(), 30);
  EXPECT_EQ(source.test->size(), 20);
  EXPECT_EQ(open_data("shapes:10", 1).test->size(), 5000);
}

TEST(OpenData, AMalformedSpecIsAUsageError) {
  for (const std::string spec : {"shapes:", "shapes:ten", "shapes:0", "shapes:-5", "shapes:10k", "shapes:1000001",
                                 "shapes:10:", "shapes:10:20:30"}) {
    const std::string message = usage_error(spec);
    EXPECT_TRUE(contains(message, "expected shapes[:TRAIN_SIZE[:TEST_SIZE]]")) << message;
  }
  EXPECT_TRUE(contains(usage_error("cifar10"), "Expected cifar10:DIR"));
  EXPECT_TRUE(contains(usage_error("cifar100:"), "Expected cifar100:DIR"));
}

TEST(OpenData, AnUnknownKindGetsASuggestion) {
  EXPECT_TRUE(contains(usage_error("cifar01:/data"), "Did you mean 'cifar10'?")) << usage_error("cifar01:/data");
  EXPECT_TRUE(contains(usage_error("shape"), "Did you mean 'shapes'?"));
  EXPECT_TRUE(contains(usage_error(""), "unknown data set ''"));
}

TEST(OpenData, CifarErrorsAreDataErrors) {
  const std::string message = message_of(ErrorKind::kData, [] { open_data("cifar10:/no/such/place", 1); });
  EXPECT_TRUE(contains(message, "/no/such/place")) << message;
}

}  // namespace
}  // namespace drift
