// Memory of the CUDA backend: transfers larger than the staging ring, transfers inside a capture, and operands that are
// not aligned to 16 bytes, for which a GPU's packed accesses would trap.
#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>
#include <memory>
#include <numeric>
#include <vector>

#include "core/check.h"
#include "kernels/backend.h"
#include "tests/support/require_gpu.h"

namespace drift::testing {
namespace {

class CudaMemory : public ::testing::Test {
 protected:
  void SetUp() override {
    DRIFT_NEEDS_GPU();
    stream_ = make_stream(default_device(), 1);
    backend_ = make_backend(*stream_);
  }
  // Device memory for n floats.
  Storage floats(std::int64_t n) const {
    return Storage(stream_->device(), static_cast<std::size_t>(n) * sizeof(float));
  }

  std::unique_ptr<Stream> stream_;
  std::unique_ptr<Backend> backend_;
};

TEST_F(CudaMemory, TransfersMayBeLargerThanTheStagingRing) {
  constexpr std::int64_t kCount = (std::int64_t{20} << 20) / 4 + 3;  // the ring has 8 MiB
  std::vector<float> sent(kCount), got(kCount);
  std::iota(sent.begin(), sent.end(), 1.0f);
  const Storage memory = floats(kCount);
  const TensorView view{memory.data(), {kCount}};
  backend_->upload(sent.data(), view);
  std::fill(sent.begin(), sent.end(), -1.0f);  // the upload has taken what it needs
  backend_->download(view, got.data());
  std::iota(sent.begin(), sent.end(), 1.0f);
  EXPECT_TRUE(sent == got);
}

TEST_F(CudaMemory, AnAsynchronousDownloadIsThereWhenItsEventIs) {
  const Storage memory = floats(3);
  const TensorView view{memory.data(), {3}};
  const HostMemory host(stream_->device(), 3 * sizeof(float));
  Event done(stream_->device());
  backend_->fill(view, 0.5f);
  backend_->download_async(view, host);
  done.record(*stream_);
  done.synchronize();
  const std::vector<float> halves(3, 0.5f);
  EXPECT_EQ(std::memcmp(host.data(), halves.data(), 3 * sizeof(float)), 0);
}

TEST_F(CudaMemory, TransfersOfOrdinaryMemoryCannotBeCaptured) {
  const Storage memory = floats(1);
  const TensorView view{memory.data(), {1}};
  float value = 1;
  EXPECT_THROW(stream_->capture([&] { backend_->upload(&value, view); }), Error);
  EXPECT_THROW(stream_->capture([&] { backend_->download(view, &value); }), Error);
  backend_->upload(&value, view);  // the stream is usable again
  value = 0;
  backend_->download(view, &value);
  EXPECT_EQ(value, 1);
}

// y = a + b with each operand `shift` elements into its memory.
template <class T>
std::vector<T> shifted_sum(Backend& backend, std::int64_t n, std::int64_t shift) {
  const auto bytes = static_cast<std::size_t>(n + shift) * sizeof(T);
  const Storage a(backend.stream().device(), bytes), b(backend.stream().device(), bytes),
      y(backend.stream().device(), bytes);
  const auto view = [&](const Storage& storage) {
    return TensorView{static_cast<T*>(storage.data()) + shift, {n}, dtype_of<T>()};
  };
  std::vector<T> values(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) values[static_cast<std::size_t>(i)] = from_float<T>(static_cast<float>(i));
  backend.upload(values.data(), view(a));
  backend.fill(view(b), 0.25f);
  backend.add(view(a), view(b), view(y));
  backend.download(view(y), values.data());
  return values;
}

TEST_F(CudaMemory, OperandsNeedNoMoreAlignmentThanTheirType) {
  const auto same = [](const auto& one, const auto& other) {
    return std::memcmp(one.data(), other.data(), one.size() * sizeof one[0]) == 0;
  };
  for (const std::int64_t n : {1, 8, 100}) {
    for (const std::int64_t shift : {1, 2, 3, 5}) {
      EXPECT_TRUE(same(shifted_sum<float>(*backend_, n, shift), shifted_sum<float>(*backend_, n, 0)));
      EXPECT_TRUE(same(shifted_sum<BFloat16>(*backend_, n, shift), shifted_sum<BFloat16>(*backend_, n, 0)));
    }
  }
}

}  // namespace
}  // namespace drift::testing
