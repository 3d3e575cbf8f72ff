// nan_check.h sees each way to lose a NaN or to spread one, planted in a case of its own; and what no case can see:
// which bits of a ReLU's mask a NaN leaves.
#include <cmath>
#include <functional>
#include <gtest/gtest.h>
#include <limits>
#include <memory>

#include "tests/kernels/case_list.h"
#include "tests/kernels/case_runner.h"
#include "tests/kernels/mistaken_backend.h"
#include "tests/kernels/nan_check.h"
#include "tests/support/seed.h"

namespace drift::testing {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

class NanCheck : public ::testing::Test {
 protected:
  using Element = std::function<float(const float* x, int i)>;

  // How many faults are seen in y = x on 5 floats, made by whatever `element` is of each.
  std::size_t faults(Element element) {
    MistakenBackend backend(*backend_, [element = std::move(element)](Backend&, auto& x, auto& y) {
      for (int i = 0; i < 5; ++i) y.template as<float>()[i] = element(x.template as<float>(), i);
    });
    return nan_faults(case_, seed(), backend).size();
  }

  OpCase case_ = CopyCase{{5}}.make();
  std::unique_ptr<Stream> stream_ = make_stream(Device{}, 2);
  std::unique_ptr<Backend> backend_ = make_backend(*stream_);
};

TEST_F(NanCheck, ACorrectOpPasses) {
  EXPECT_EQ(faults([](const float* x, int i) { return x[i]; }), 0u);
}

TEST_F(NanCheck, SeesALostNan) {
  EXPECT_EQ(faults([](const float* x, int i) { return x[i] == x[i] ? x[i] : 0; }), 1u);
}

TEST_F(NanCheck, SeesASpreadNanUnlessALibraryMadeIt) {
  const Element spread = [](const float* x, int i) { return std::isnan(x[(i + 1) % 5]) ? kNan : x[i]; };
  EXPECT_EQ(faults(spread), 1u);
  case_.vendor = true;
  EXPECT_EQ(faults(spread), 0u);
}

TEST_F(NanCheck, SeesAWrongNumberBesideTheNanOfALibrary) {
  case_.vendor = true;
  EXPECT_EQ(faults([](const float* x, int i) { return std::isnan(x[(i + 1) % 5]) ? x[i] + 1 : x[i]; }), 1u);
}

TEST_F(NanCheck, WantsAReasonWhereNoNanArrives) {
  const Element one = [](const float*, int) { return 1.0f; };
  case_.expect = [](const Named<Array>&) {
    Named<Expected> expected;
    expected.set("y", {Array(Shape{5}, 1.0), {}});
    return expected;
  };
  EXPECT_EQ(faults(one), 1u);
  case_.operands.front().stops_nan = "y does not depend on x";
  EXPECT_EQ(faults(one), 0u);
}

TEST_F(NanCheck, SeesAReasonThatIsNotTrue) {
  case_.operands.front().stops_nan = "so it is said";
  EXPECT_EQ(faults([](const float* x, int i) { return x[i]; }), 1u);
}

// A gradient must not be blocked where it is not known whether the ReLU passed. (cuDNN's masks differ: kernels/op.h.)
TEST_F(NanCheck, TheMaskOfANanIsSet) {
  for (const DType dtype : {DType::kFloat32, DType::kBFloat16}) {
    for (const std::int64_t channels : {1, 8, 17, 32}) {
      const Shape x{1, 3, 5, channels};
      const OpCase c = BatchNormForwardCase{.x = x, .relu = true, .residual = true, .dtype = dtype}.make();
      Named<Array> inputs = make_inputs(c, seed());
      Named<Array> marked;
      for (const char* name : {"x", "gamma", "beta", "running_mean", "running_var"}) marked.set(name, inputs[name]);
      Array z = inputs["z"];
      for (std::int64_t i = 0; i < z.elements(); i += 3) z[i] = kNan;
      marked.set("z", z);
      const CaseRun run = run_case(c, marked, *backend_, 0x00);
      const std::int64_t bytes = (channels + 7) / 8;
      const Array y = decode(run.outputs["y"], x, dtype);
      const Array mask = decode(run.outputs["mask"], {x.rows(), bytes}, DType::kUint8);
      for (std::int64_t i = 0; i < z.elements(); ++i) {
        const int byte = static_cast<int>(mask.at(i / channels, i % channels / 8));
        ASSERT_EQ(std::isnan(y[i]), i % 3 == 0) << i;
        ASSERT_EQ((byte >> (i % channels % 8)) & 1, i % 3 == 0 || y[i] > 0 ? 1 : 0) << i;
      }
    }
  }
}

}  // namespace
}  // namespace drift::testing
