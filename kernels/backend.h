// Backend: the table of contents of all the maths. One object per stream; it holds what the vendor libraries keep per
// stream (handles, primitives or plans built once per shape, workspace) and is used by one thread at a time. Arguments
// are already checked by the ops that call it; work is enqueued on stream(); outputs are never allocated here. Shape
// rules and formulas: kernels/args.h. Nothing here knows the tape.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "kernels/args.h"
#include "kernels/device.h"

namespace drift {

struct OpTime {
  std::int64_t calls = 0;
  double milliseconds = 0;
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual Stream& stream() = 0;

  // For profilers: what happens between the two belongs to a layer or a phase of that name. See Span.
  virtual void begin_span(std::string_view) {}
  virtual void end_span() {}
  // Time on the device by kind of operation since the backend was made, where BackendOptions::op_times asked for it.
  // Waits for the stream.
  virtual std::map<std::string, OpTime> op_times() { return {}; }

  // Memory. Views are of equal size; `upload` and `download` cross between host memory and the device. The caller may
  // change `host` when upload returns; the device has it after the stream's earlier work.
  virtual void copy(const TensorView& from, const TensorView& to) = 0;
  virtual void upload(const void* host, const TensorView& to) = 0;
  virtual void download(const TensorView& from, void* host) = 0;                  // returns when done
  virtual void download_async(const TensorView& from, const HostMemory& to) = 0;  // enqueued; an Event says when
  virtual void fill(const TensorView& y, float value) = 0;                        // float32 or bfloat16
  virtual void cast(const TensorView& x, const TensorView& y) = 0;  // float32 <-> bfloat16, round to nearest even

  // Vendor operations.
  virtual void conv2d_forward(const Conv2dForward& args) = 0;
  virtual void conv2d_backward_data(const Conv2dBackwardData& args) = 0;
  virtual void conv2d_backward_weights(const Conv2dBackwardWeights& args) = 0;
  virtual void linear_forward(const LinearForward& args) = 0;
  virtual void linear_backward(const LinearBackward& args) = 0;

  // Our own kernels.
  virtual void batch_norm_forward(const BatchNormForward& args) = 0;
  virtual void batch_norm_inference(const BatchNormInference& args) = 0;
  virtual void batch_norm_backward(const BatchNormBackward& args) = 0;
  virtual void group_norm_forward(const GroupNormForward& args) = 0;
  virtual void group_norm_backward(const GroupNormBackward& args) = 0;
  virtual void activation_forward(Activation kind, const TensorView& x, const TensorView& y) = 0;
  // saved: y of the forward for ReLU, x for SiLU.
  virtual void activation_backward(Activation kind, const TensorView& saved, const TensorView& dy,
                                   const TensorView& dx) = 0;
  virtual void add(const TensorView& a, const TensorView& b, const TensorView& y) = 0;  // y may be a or b
  // Option-A shortcut: y[n,i,j,(O-I)/2 + c] = x[n, s i, s j, c], zero elsewhere. x T [N,H,W,I], y T
  // [N,ceil(H/s),ceil(W/s),O].
  virtual void shortcut_forward(std::int64_t stride, const TensorView& x, const TensorView& y) = 0;
  virtual void shortcut_backward(std::int64_t stride, const TensorView& dy, const TensorView& dx) = 0;
  virtual void pool_forward(const PoolForward& args) = 0;
  virtual void pool_backward(const PoolBackward& args) = 0;
  virtual void global_average_pool_forward(const TensorView& x, const TensorView& y) = 0;  // T [N,H,W,C] -> T [N,C]
  virtual void global_average_pool_backward(const TensorView& dy, const TensorView& dx) = 0;
  virtual void softmax_cross_entropy(const SoftmaxCrossEntropy& args) = 0;
  virtual void sgd_update(const SgdUpdate& args) = 0;
  // Element by element the mean of K replicas, summed in a fixed balanced tree over k (pairs at distance 1, 2, 4, ...),
  // then times 1/K, written to every replica. replicas: K pointers to n floats each.
  virtual void average(std::span<float* const> replicas, std::int64_t n) = 0;
  virtual void augment(const Augment& args) = 0;
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

// What only the backend of a GPU has a use for.
struct BackendOptions {
  bool tf32 = false;      // float32 convolutions and matmuls may round what they multiply to TF32
  std::string plan_file;  // plans chosen by an earlier run: read, used, and new ones added; "": none
  std::function<void(std::string_view)> explain_plan = {};  // receives a line about each plan that is built
  bool op_times = false;  // measure every operation by a pair of events; not while steps are captured
};

// The backend of the stream's device, working on `stream`, which must outlive it.
std::unique_ptr<Backend> make_backend(Stream& stream, const BackendOptions& options = {});

}  // namespace drift
