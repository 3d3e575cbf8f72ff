// FakeBackend: a CPU backend of plain loops for tests of what sits beside the maths. It can copy and average host
// memory; every other operation fails the test that asks for it. Derive from it to fake more.
#pragma once

#include "kernels/backend.h"

namespace drift::testing {

class FakeStream final : public Stream {
 public:
  Device device() const override { return {}; }
  int threads() const override { return 1; }
  void synchronize() override {}
};

class FakeBackend : public Backend {
 public:
  Stream& stream() override { return stream_; }
  void copy(const TensorView& from, const TensorView& to) override;
  void average(std::span<float* const> replicas, std::int64_t n) override;

  void upload(const void*, const TensorView&) override;
  void download(const TensorView&, void*) override;
  void download_async(const TensorView&, const HostMemory&) override;
  void fill(const TensorView&, float) override;
  void cast(const TensorView&, const TensorView&) override;
  void conv2d_forward(const Conv2dForward&) override;
  void conv2d_backward_data(const Conv2dBackwardData&) override;
  void conv2d_backward_weights(const Conv2dBackwardWeights&) override;
  void linear_forward(const LinearForward&) override;
  void linear_backward(const LinearBackward&) override;
  void batch_norm_forward(const BatchNormForward&) override;
  void batch_norm_inference(const BatchNormInference&) override;
  void batch_norm_backward(const BatchNormBackward&) override;
  void group_norm_forward(const GroupNormForward&) override;
  void group_norm_backward(const GroupNormBackward&) override;
  void activation_forward(Activation, const TensorView&, const TensorView&) override;
  void activation_backward(Activation, const TensorView&, const TensorView&, const TensorView&) override;
  void add(const TensorView&, const TensorView&, const TensorView&) override;
  void shortcut_forward(std::int64_t, const TensorView&, const TensorView&) override;
  void shortcut_backward(std::int64_t, const TensorView&, const TensorView&) override;
  void pool_forward(const PoolForward&) override;
  void pool_backward(const PoolBackward&) override;
  void global_average_pool_forward(const TensorView&, const TensorView&) override;
  void global_average_pool_backward(const TensorView&, const TensorView&) override;
  void softmax_cross_entropy(const SoftmaxCrossEntropy&) override;
  void sgd_update(const SgdUpdate&) override;
  void augment(const Augment&) override;

 private:
  FakeStream stream_;
};

}  // namespace drift::testing
