// What no single case of batch norm can see: that its outputs agree with each other, and what is optional changes
// nothing else.
#include <gtest/gtest.h>
#include <memory>

#include "tests/kernels/case_list.h"
#include "tests/kernels/case_runner.h"
#include "tests/support/seed.h"

namespace drift::testing {
namespace {

class BatchNorm : public ::testing::TestWithParam<DType> {
 protected:
  CaseRun run(const OpCase& op_case) { return run_case(op_case, make_inputs(op_case, seed()), *backend_, 0xff); }

  std::unique_ptr<Stream> stream_ = make_stream(Device{}, 2);
  std::unique_ptr<Backend> backend_ = make_backend(*stream_);
};

TEST_P(BatchNorm, MaskIsSetExactlyWhereTheOutputIsPositive) {
  for (const std::int64_t channels : {1, 3, 8, 16, 17}) {
    const Shape x{3, 7, 5, channels};
    const CaseRun result =
        run(BatchNormForwardCase{.x = x, .relu = true, .residual = true, .dtype = GetParam()}.make());
    const Array y = decode(result.outputs["y"], x, GetParam());
    const std::int64_t bytes = (channels + 7) / 8;
    const Array mask = decode(result.outputs["mask"], {x.rows(), bytes}, DType::kUint8);
    for (std::int64_t row = 0; row < x.rows(); ++row) {
      for (std::int64_t c = 0; c < 8 * bytes; ++c) {
        const bool bit = (static_cast<int>(mask.at(row, c / 8)) >> (c % 8)) & 1;
        ASSERT_EQ(bit, c < channels && y.at(row, c) > 0) << "row " << row << " channel " << c << " of " << channels;
      }
    }
  }
}

TEST_P(BatchNorm, StatisticsDoNotDependOnWhatIsFused) {
  const Shape x{3, 7, 5, 17};
  const CaseRun plain = run(BatchNormForwardCase{.x = x, .running = false, .dtype = GetParam()}.make());
  const CaseRun fused = run(BatchNormForwardCase{.x = x, .relu = true, .running = false, .dtype = GetParam()}.make());
  EXPECT_TRUE(plain.outputs["mean"] == fused.outputs["mean"]);
  EXPECT_TRUE(plain.outputs["inv_std"] == fused.outputs["inv_std"]);
}

TEST_P(BatchNorm, WhereDzGoesDoesNotMatter) {
  BatchNormBackwardCase c{.x = {3, 7, 5, 17}, .mask = true, .dy2 = true, .dz = Dz::kOwn, .dtype = GetParam()};
  const CaseRun own = run(c.make());
  c.dz = Dz::kOverDy;
  const CaseRun over_dy = run(c.make());
  c.dz = Dz::kOverDy2;
  const CaseRun over_dy2 = run(c.make());
  EXPECT_TRUE(over_dy.outputs["dy"] == own.outputs["dz"]);
  EXPECT_TRUE(over_dy2.outputs["dy2"] == own.outputs["dz"]);
  for (const CaseRun* other : {&over_dy, &over_dy2}) {
    for (const char* name : {"dx", "dgamma", "dbeta"}) EXPECT_TRUE(other->outputs[name] == own.outputs[name]) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Cpu, BatchNorm, ::testing::Values(DType::kFloat32, DType::kBFloat16),
                         [](const auto& parameter) { return std::string(name_of(parameter.param)); });

}  // namespace
}  // namespace drift::testing
