#include "tests/support/fake_backend.h"

#include <cstring>
#include <gtest/gtest.h>
#include <vector>

namespace drift::testing {
namespace {

void unexpected(const char* operation) {
  ADD_FAILURE() << "FakeBackend has no " << operation;
}

}  // namespace

void FakeBackend::copy(const TensorView& from, const TensorView& to) {
  ASSERT_EQ(from.bytes(), to.bytes());
  std::memcpy(to.data, from.data, from.bytes());
}

void FakeBackend::average(std::span<float* const> replicas, std::int64_t n) {
  const std::size_t count = replicas.size();
  std::vector<float> sums(count);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < count; ++k) sums[k] = replicas[k][i];
    for (std::size_t distance = 1; distance < count; distance *= 2) {
      for (std::size_t k = 0; k + distance < count; k += 2 * distance) sums[k] += sums[k + distance];
    }
    const float mean = sums[0] * (1.0f / static_cast<float>(count));
    for (float* replica : replicas) replica[i] = mean;
  }
}

void FakeBackend::upload(const void*, const TensorView&) {
  unexpected("upload");
}
void FakeBackend::download(const TensorView&, void*) {
  unexpected("download");
}
void FakeBackend::download_async(const TensorView&, const HostMemory&) {
  unexpected("download_async");
}
void FakeBackend::fill(const TensorView&, float) {
  unexpected("fill");
}
void FakeBackend::cast(const TensorView&, const TensorView&) {
  unexpected("cast");
}
void FakeBackend::conv2d_forward(const Conv2dForward&) {
  unexpected("conv2d_forward");
}
void FakeBackend::conv2d_backward_data(const Conv2dBackwardData&) {
  unexpected("conv2d_backward_data");
}
void FakeBackend::conv2d_backward_weights(const Conv2dBackwardWeights&) {
  unexpected("conv2d_backward_weights");
}
void FakeBackend::linear_forward(const LinearForward&) {
  unexpected("linear_forward");
}
void FakeBackend::linear_backward(const LinearBackward&) {
  unexpected("linear_backward");
}
void FakeBackend::batch_norm_forward(const BatchNormForward&) {
  unexpected("batch_norm_forward");
}
void FakeBackend::batch_norm_inference(const BatchNormInference&) {
  unexpected("batch_norm_inference");
}
void FakeBackend::batch_norm_backward(const BatchNormBackward&) {
  unexpected("batch_norm_backward");
}
void FakeBackend::group_norm_forward(const GroupNormForward&) {
  unexpected("group_norm_forward");
}
void FakeBackend::group_norm_backward(const GroupNormBackward&) {
  unexpected("group_norm_backward");
}
void FakeBackend::activation_forward(Activation, const TensorView&, const TensorView&) {
  unexpected("activation_forward");
}
void FakeBackend::activation_backward(Activation, const TensorView&, const TensorView&, const TensorView&) {
  unexpected("activation_backward");
}
void FakeBackend::add(const TensorView&, const TensorView&, const TensorView&) {
  unexpected("add");
}
void FakeBackend::shortcut_forward(std::int64_t, const TensorView&, const TensorView&) {
  unexpected("shortcut_forward");
}
void FakeBackend::shortcut_backward(std::int64_t, const TensorView&, const TensorView&) {
  unexpected("shortcut_backward");
}
void FakeBackend::pool_forward(const PoolForward&) {
  unexpected("pool_forward");
}
void FakeBackend::pool_backward(const PoolBackward&) {
  unexpected("pool_backward");
}
void FakeBackend::global_average_pool_forward(const TensorView&, const TensorView&) {
  unexpected("global_average_pool_forward");
}
void FakeBackend::global_average_pool_backward(const TensorView&, const TensorView&) {
  unexpected("global_average_pool_backward");
}
void FakeBackend::softmax_cross_entropy(const SoftmaxCrossEntropy&) {
  unexpected("softmax_cross_entropy");
}
void FakeBackend::sgd_update(const SgdUpdate&) {
  unexpected("sgd_update");
}
void FakeBackend::augment(const Augment&) {
  unexpected("augment");
}

}  // namespace drift::testing
