// What is averaged and what is not, in words.
#include "train/config/sync.h"

#include <gtest/gtest.h>

namespace drift {
namespace {

TEST(SyncScope, IsSpelledOut) {
  SyncConfig sync;
  EXPECT_EQ(describe_scope(sync, true),
            "one model, gradients averaged at every step, batch-norm statistics re-estimated on 100 batches");
  sync.algorithm = Algorithm::kPostLocal;
  EXPECT_EQ(describe_scope(sync, true),
            "averaged model, batch-norm statistics re-estimated on 100 batches, momentum kept local");
  sync.scope = {.momentum = MomentumSync::kReset, .batch_norm = BatchNormPolicy::kAverage};
  EXPECT_EQ(describe_scope(sync, true),
            "averaged model, batch-norm statistics averaged, momentum reset at each average");
  EXPECT_EQ(describe_scope(sync, false), "averaged model, momentum reset at each average");
}

}  // namespace
}  // namespace drift
