// How the arenas of real networks are cut, and when a part of them is final.
#include "train/step/buckets.h"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/rng.h"
#include "models/dry_model.h"
#include "tests/support/seed.h"

namespace drift {
namespace {

constexpr std::int64_t kFloat = sizeof(float);

TEST(Buckets, CoverTheArenasOnceFromTheTailOfTheWeightsOn) {
  for (const char* const name : {"cifar-resnet8", "resnet20", "vgg16", "resnet50"}) {
    const std::unique_ptr<Model> model = make_dry_model({.name = name});
    const ParameterSet& set = model->parameters;
    const std::int64_t weights = set.decayed_count(), all = std::ssize(set.values());
    for (const std::int64_t bytes : {std::int64_t{1}, std::int64_t{100'000}, all * kFloat}) {
      SCOPED_TRACE(fmt::format("{}, {} bytes", name, bytes));
      const Buckets buckets(set, bytes);
      std::int64_t end = weights;
      const std::vector<ArenaRange>& ranges = buckets.ranges();
      for (std::size_t i = 0; i + 1 < ranges.size(); ++i) {
        EXPECT_EQ(ranges[i].end, end);
        const bool last = i > 0 && end * kFloat <= bytes;
        if (ranges[i].begin > 0) {
          EXPECT_GE(ranges[i].size() * kFloat, last ? bytes / 8 : bytes);
        }
        if (last) {
          EXPECT_GE(2 * ranges[i].size(), end);
        }
        end = ranges[i].begin;
        EXPECT_TRUE(std::ranges::any_of(set.parameters(), [&](const Parameter* p) { return p->offset() == end; }));
      }
      EXPECT_EQ(end, 0);
      EXPECT_EQ(ranges.back(), (ArenaRange{weights, all}));
      if (bytes == all * kFloat) {
        EXPECT_EQ(ranges.size(), 2u);
      }
    }
  }
}

TEST(Buckets, AreFinalOnceInTheirOrderWhenAllOfTheirParametersAre) {
  const std::unique_ptr<Model> model = make_dry_model({.name = "resnet20"});
  const Buckets buckets(model->parameters, 100'000);
  std::vector<const Parameter*> order(model->parameters.parameters().begin(), model->parameters.parameters().end());
  const Rng rng(testing::seed(), stream_id(Purpose::kTest, 14));
  for (std::size_t i = order.size() - 1; i > 0; --i) {
    std::swap(order[i], order[rng.below(i, static_cast<std::uint32_t>(i + 1))]);
  }
  BucketProgress progress(buckets);
  std::vector<ArenaRange> seen;
  std::vector<int> missing = buckets.parameters();
  for (const Parameter* const parameter : order) {
    --missing[buckets.of(*parameter)];
    progress.parameter_final(*parameter, [&](const ArenaRange& range) {
      EXPECT_EQ(missing[seen.size()], 0);
      seen.push_back(range);
    });
  }
  EXPECT_EQ(seen, buckets.ranges());
}

}  // namespace
}  // namespace drift
