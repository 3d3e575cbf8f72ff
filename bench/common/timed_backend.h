// A backend that passes every call on and keeps, per kind of operation, how often it ran, for how long, and how many
// bytes and floating-point operations it must at least have moved and done. Bytes count each pass over memory that the
// operation makes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/clock.h"
#include "kernels/backend.h"

namespace drift::bench {

// What one call must at least move and compute.
struct OpCost {
  double bytes = 0;
  double flops = 0;
};

struct OpTotals {
  std::int64_t calls = 0;
  double seconds = 0;
  double bytes = 0;
  double flops = 0;
  std::vector<OpCost> costs;  // of each call
};

// One convolution of a step, by shapes: x or its gradient, y or its gradient.
struct ConvCall {
  enum class Direction { kForward, kBackwardData, kBackwardWeights } direction;
  Window window;
  Shape x, w, y;
  DType dtype;
};

class TimedBackend final : public Backend {
 public:
  explicit TimedBackend(Backend& backend) : backend_(backend) {}

  const std::map<std::string, OpTotals>& totals() const { return totals_; }
  const std::vector<ConvCall>& conv_calls() const { return conv_calls_; }
  void reset() {
    totals_.clear();
    conv_calls_.clear();
  }

  Stream& stream() override { return backend_.stream(); }
  void copy(const TensorView& from, const TensorView& to) override;
  void upload(const void* host, const TensorView& to) override;
  void download(const TensorView& from, void* host) override;
  void download_async(const TensorView& from, const HostMemory& to) override;
  void fill(const TensorView& y, float value) override;
  void cast(const TensorView& x, const TensorView& y) override;
  void conv2d_forward(const Conv2dForward& args) override;
  void conv2d_backward_data(const Conv2dBackwardData& args) override;
  void conv2d_backward_weights(const Conv2dBackwardWeights& args) override;
  void linear_forward(const LinearForward& args) override;
  void linear_backward(const LinearBackward& args) override;
  void batch_norm_forward(const BatchNormForward& args) override;
  void batch_norm_inference(const BatchNormInference& args) override;
  void batch_norm_backward(const BatchNormBackward& args) override;
  void group_norm_forward(const GroupNormForward& args) override;
  void group_norm_backward(const GroupNormBackward& args) override;
  void activation_forward(Activation kind, const TensorView& x, const TensorView& y) override;
  void activation_backward(Activation kind, const TensorView& saved, const TensorView& dy,
                           const TensorView& dx) override;
  void add(const TensorView& a, const TensorView& b, const TensorView& y) override;
  void shortcut_forward(std::int64_t stride, const TensorView& x, const TensorView& y) override;
  void shortcut_backward(std::int64_t stride, const TensorView& dy, const TensorView& dx) override;
  void pool_forward(const PoolForward& args) override;
  void pool_backward(const PoolBackward& args) override;
  void global_average_pool_forward(const TensorView& x, const TensorView& y) override;
  void global_average_pool_backward(const TensorView& dy, const TensorView& dx) override;
  void softmax_cross_entropy(const SoftmaxCrossEntropy& args) override;
  void sgd_update(const SgdUpdate& args) override;
  void average(std::span<float* const> replicas, std::int64_t n) override;
  void augment(const Augment& args) override;

 private:
  // Runs `call` and books it under `kind`.
  template <class Call>
  void timed(const char* kind, double bytes, double flops, const Call& call) {
    const double start = steady_clock().seconds();
    call();
    OpTotals& total = totals_[kind];
    total.seconds += steady_clock().seconds() - start;
    ++total.calls;
    total.bytes += bytes;
    total.flops += flops;
    total.costs.push_back({bytes, flops});
  }

  Backend& backend_;
  std::map<std::string, OpTotals> totals_;
  std::vector<ConvCall> conv_calls_;
};

}  // namespace drift::bench
