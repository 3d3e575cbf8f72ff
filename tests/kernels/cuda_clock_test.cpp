// The device's clock: stamps, captured ones among them, and times of operations (op_clock.h).
#include <array>
#include <gtest/gtest.h>
#include <memory>

#include "kernels/backend.h"
#include "tests/support/require_gpu.h"

namespace drift::testing {
namespace {

constexpr std::int64_t kManyFloats = 1 << 20;

class CudaClock : public ::testing::Test {
 protected:
  void SetUp() override {
    DRIFT_NEEDS_GPU();
    stream_ = make_stream(default_device(), 1);
  }
  Storage memory(std::int64_t bytes) const { return Storage(stream_->device(), static_cast<std::size_t>(bytes)); }

  std::unique_ptr<Stream> stream_;
};

TEST_F(CudaClock, StampsAreInOrderAndOfEachReplay) {
  const std::unique_ptr<Backend> backend = make_backend(*stream_);
  using Stamps = std::array<std::int64_t, 6>;
  const Storage memory_of_stamps = memory(sizeof(Stamps)), values = memory(kManyFloats * sizeof(float));
  auto* const stamps = static_cast<std::int64_t*>(memory_of_stamps.data());
  const TensorView all{stamps, {6}, DType::kInt64};
  const Stamps nothing = {-1, -1, -1, -1, -1, -1};
  const std::unique_ptr<CapturedWork> captured = stream_->capture([&] {
    backend->stamp({stamps + 1, {4}, DType::kInt64});
    backend->fill({values.data(), {kManyFloats}}, 1);
    backend->stamp({stamps + 3, {2}, DType::kInt64});
  });
  backend->upload(nothing.data(), all);
  std::int64_t latest = 0;
  for (int replay = 0; replay < 2; ++replay) {
    captured->replay();
    Stamps found{};
    backend->download(all, found.data());
    EXPECT_EQ(found[0], -1);
    EXPECT_GT(found[1], latest);
    EXPECT_EQ(found[2], found[1]);
    EXPECT_GT(found[3], found[2]) << "a fill of 4 MB takes longer than the clock's step of a microsecond";
    EXPECT_EQ(found[4], found[3]);
    EXPECT_EQ(found[5], -1);
    latest = found[4];
  }
}

// Of a download the host waits for the device: nobody can say what it took on the device alone.
TEST_F(CudaClock, OperationsAreTimedIfAllOfThemWasEnqueuedBefore) {
  const std::unique_ptr<Backend> backend = make_backend(*stream_, {.op_times = true});
  const Storage values = memory(kManyFloats * sizeof(float));
  const TensorView few{values.data(), {4}}, many{values.data(), {kManyFloats}};
  std::array<float, 4> host{};
  constexpr int kCalls = 4;
  for (int call = 0; call < kCalls; ++call) backend->fill(many, 1);
  for (int call = 0; call < kCalls; ++call) backend->download(few, host.data());
  auto times = backend->op_times();
  EXPECT_EQ(times.at("fill").calls, kCalls);
  EXPECT_GE(times.at("fill").timed, 1);
  EXPECT_GT(times.at("fill").milliseconds, 0);
  EXPECT_EQ(times.at("download").calls, kCalls);
  EXPECT_EQ(times.at("download").timed, 0);
  EXPECT_EQ(times.at("download").estimated_milliseconds(), 0);
  const double filled = times.at("fill").estimated_milliseconds();
  EXPECT_DOUBLE_EQ(filled, times.at("fill").milliseconds * kCalls / static_cast<double>(times.at("fill").timed));
}

}  // namespace
}  // namespace drift::testing
