// Backend: the table of contents of all the maths, and its one door: every call below is an Op that goes through
// run(). One object per stream; it holds what the vendor libraries keep per stream (handles, primitives or plans built
// once per shape, workspace) and is used by one thread at a time. Arguments are already checked by the ops that call
// it; work is enqueued on stream(); outputs are never allocated here. Shape rules and formulas: kernels/op.h. Nothing
// here knows the tape.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "kernels/convolution_form.h"
#include "kernels/cost.h"
#include "kernels/device.h"
#include "kernels/op.h"

namespace drift {

// Of all calls of one kind.
struct OpTime {
  std::int64_t calls = 0;
  OpCost cost;              // of all of them
  std::int64_t timed = 0;   // of these: that the device came to when all of their work was enqueued
  double milliseconds = 0;  // of the timed ones

  void add_call(const OpCost& call) {
    ++calls;
    cost += call;
  }
  void add(const OpTime& more) {
    calls += more.calls;
    timed += more.timed;
    milliseconds += more.milliseconds;
    cost += more.cost;
  }
  double estimated_milliseconds() const {  // of all: as if the others had taken as long
    return timed > 0 ? milliseconds * static_cast<double>(calls) / static_cast<double>(timed) : 0;
  }
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual Stream& stream() = 0;
  virtual void run(const Op& op) = 0;

  // For profilers: what happens between the two belongs to a layer or a phase of that name. See Span.
  virtual void begin_span(std::string_view) {}
  virtual void end_span() {}
  // The name of the last one that began, for errors; "" on a CPU, where what was enqueued is done.
  virtual std::string_view last_span() const { return ""; }
  // Time and cost by name of operation since the backend was made, where BackendOptions::op_times asked for it.
  // Waits for the stream.
  virtual std::map<std::string, OpTime> op_times() { return {}; }

  // Memory.
  void copy(const TensorView& from, const TensorView& to) { run(Copy{from, to}); }
  void upload(const void* host, const TensorView& to) { run(Upload{host, to}); }
  void download(const TensorView& from, void* host) { run(Download{from, host}); }
  void download_async(const TensorView& from, const HostMemory& to) { run(DownloadAsync{from, &to}); }
  void fill(const TensorView& y, float value) { run(Fill{y, value}); }
  void cast(const TensorView& x, const TensorView& y) { run(Cast{x, y}); }

  // Whether this convolution and the gradient of its weights take an InputNorm.
  virtual bool normalises_input(const Conv2dForward&) const { return false; }

  // Whether this one gains by an addend.
  virtual bool adds_to_gradient(const Conv2dBackwardData&) const { return false; }

  // Scratch memory that run(op) takes while it runs, as far as it is known beforehand: on a CPU; 0 elsewhere.
  virtual std::int64_t workspace_bytes(const Op&) { return 0; }

  // Layers.
  void conv2d_forward(const Conv2dForward& args) { run(args); }
  void conv2d_backward_data(const Conv2dBackwardData& args) { run(args); }
  void conv2d_backward_weights(const Conv2dBackwardWeights& args) { run(args); }
  void linear_forward(const LinearForward& args) { run(args); }
  void linear_backward(const LinearBackward& args) { run(args); }
  void batch_norm_forward(const BatchNormForward& args) { run(args); }
  void batch_norm_inference(const BatchNormInference& args) { run(args); }
  void batch_norm_backward(const BatchNormBackward& args) { run(args); }
  void group_norm_forward(const GroupNormForward& args) { run(args); }
  void group_norm_backward(const GroupNormBackward& args) { run(args); }
  void activation_forward(Activation kind, const TensorView& x, const TensorView& y) {
    run(ActivationForward{kind, x, y});
  }
  void activation_backward(Activation kind, const TensorView& saved, const TensorView& dy, const TensorView& dx) {
    run(ActivationBackward{kind, saved, dy, dx});
  }
  void add(const TensorView& a, const TensorView& b, const TensorView& y) { run(Add{a, b, y}); }
  void shortcut_forward(std::int64_t stride, const TensorView& x, const TensorView& y) {
    run(ShortcutForward{stride, x, y});
  }
  void shortcut_backward(std::int64_t stride, const TensorView& dy, const TensorView& dx) {
    run(ShortcutBackward{stride, dy, dx});
  }
  void pool_forward(const PoolForward& args) { run(args); }
  void pool_backward(const PoolBackward& args) { run(args); }
  void global_average_pool_forward(const TensorView& x, const TensorView& y) { run(GlobalAveragePoolForward{x, y}); }
  void global_average_pool_backward(const TensorView& dy, const TensorView& dx) {
    run(GlobalAveragePoolBackward{dy, dx});
  }

  // The ends of a step.
  void augment(const Augment& args) { run(args); }
  void softmax_cross_entropy(const SoftmaxCrossEntropy& args) { run(args); }
  void clip_scale(const ClipScale& args) { run(args); }
  void sgd_update(const SgdUpdate& args) { run(args); }
  void outer_update(const OuterUpdate& args) { run(args); }
  void compress(const Compress& args) { run(args); }
  void average(std::span<const float* const> sources, std::span<float* const> targets, std::int64_t n,
               std::int64_t divisor = 0, DType rounded = DType::kFloat32) {
    run(Average{sources, targets, n, divisor, rounded});
  }
  void count_non_finite(const CountNonFinite& args) { run(args); }
  void squared_distance(const SquaredDistance& args) { run(args); }
  void stamp(const TensorView& y) { run(Stamp{y}); }
};

// A name for what its scope enqueues, on a profiler's time line.
class Span {
 public:
  Span(Backend& backend, std::string_view name) : backend_(backend) { backend.begin_span(name); }
  ~Span() { backend_.end_span(); }
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;

 private:
  Backend& backend_;
};

// Whose kernels normalise batches on a GPU.
enum class BatchNormKernels : std::uint8_t { kOwn, kCudnn };

// What only the backend of a GPU has a use for, but for the first and the last.
struct BackendOptions {
  ConvolutionChoice convolutions = ConvolutionChoice::kAuto;  // on a CPU
  bool tf32 = false;           // float32 convolutions and matmuls may round what they multiply to TF32
  bool time_plans = false;     // convolutions take the engine of cuDNN that is fastest here, not the first it advises
  std::string plan_file = {};  // plans chosen by an earlier run: read, used, and new ones added; "": none
  std::function<void(std::string_view)> explain_plan = {};  // receives a line about each plan that is built
  BatchNormKernels batch_norm = BatchNormKernels::kOwn;
  // Blocks of a batch norm of cuDNN wait for each other, so each needs all of the multiprocessors that it counts on:
  // what NCCL may take is left alone, and backends that compute on the GPU at the same time share out the rest.
  int nccl_multiprocessors = 0;
  int backends_on_device = 1;
  bool op_times = false;  // measure every operation, one after the other; not while steps are captured
};

// The backend of the stream's device, working on `stream`, which must outlive it.
std::unique_ptr<Backend> make_backend(Stream& stream, const BackendOptions& options = {});

}  // namespace drift
