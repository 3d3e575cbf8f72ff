#include "bench/common/conv_floor.h"

#include <omp.h>

#include "kernels/cpu/onednn.h"

namespace drift::bench {
namespace {

using dnnl::memory;
using dnnl::prop_kind;

// Activations rotate through this many buffers, so that together they do not fit in the last-level cache more than in a
// real step.
constexpr std::size_t kBuffers = 12;

// One convolution of a step, by shapes: x or its gradient, y or its gradient.
struct ConvCall {
  std::string_view direction;  // the operation's name
  Window window;
  Shape x, w, y;
  DType dtype;
};

std::vector<ConvCall> convolutions_of(std::span<const TimedOp> ops) {
  std::vector<ConvCall> calls;
  const auto add = [&](std::string_view direction, const Window& window, const TensorView& x, const TensorView& w,
                       const TensorView& y) {
    calls.push_back({direction, window, x.shape, w.shape, y.shape, x.dtype});
  };
  for (const auto& [op, cost, seconds] : ops) {
    if (const auto* const forward = std::get_if<Conv2dForward>(&op)) {
      add(Conv2dForward::kName, forward->window, forward->x, forward->w, forward->y);
    } else if (const auto* const data = std::get_if<Conv2dBackwardData>(&op)) {
      add(Conv2dBackwardData::kName, data->window, data->dx, data->w, data->dy);
    } else if (const auto* const weights = std::get_if<Conv2dBackwardWeights>(&op)) {
      add(Conv2dBackwardWeights::kName, weights->window, weights->x, weights->dw, weights->dy);
    }
  }
  return calls;
}

}  // namespace

struct ConvFloor::Primitives {
  struct Call {
    std::string_view direction;
    dnnl::primitive primitive;
    std::unordered_map<int, memory> arguments;
  };

  std::vector<Storage> storage;
  std::vector<Call> calls;
  dnnl::stream stream{onednn::engine()};
  int threads = 1;

  void* buffer(std::size_t bytes) {
    storage.emplace_back(Device{}, std::max<std::size_t>(bytes, 64));
    std::memset(storage.back().data(), 0, storage.back().bytes());
    return storage.back().data();
  }
};

ConvFloor::ConvFloor(std::span<const TimedOp> ops, int threads) : primitives_(std::make_unique<Primitives>()) {
  Primitives& p = *primitives_;
  p.threads = threads;
  const std::vector<ConvCall> calls = convolutions_of(ops);
  omp_set_num_threads(threads);
  std::size_t largest = 0;
  for (const ConvCall& call : calls) {
    largest = std::max({largest, static_cast<std::size_t>(call.x.elements()) * size_of(call.dtype),
                        static_cast<std::size_t>(call.y.elements()) * size_of(call.dtype)});
  }
  std::vector<void*> ring;
  for (std::size_t i = 0; i < kBuffers; ++i) ring.push_back(p.buffer(largest));
  std::size_t next = 0;
  for (const ConvCall& call : calls) {
    const TensorView x{nullptr, call.x, call.dtype}, w{nullptr, call.w, call.dtype}, y{nullptr, call.y, call.dtype};
    const memory::dims strides{call.window.stride, call.window.stride}, pad{call.window.pad, call.window.pad};
    constexpr auto kDirect = dnnl::algorithm::convolution_direct;
    const auto forward = onednn::describe<dnnl::convolution_forward>(
        prop_kind::forward_training, kDirect, onednn::image(x), onednn::any_layout(w, call.dtype), memory::desc(),
        onednn::image(y), strides, pad, pad);
    const auto bind = [&](const dnnl::primitive& primitive, const memory::desc& weights, const memory::desc& scratch,
                          int x_arg, int w_arg, int y_arg) {
      const auto at = [&](const memory::desc& desc, void* data) { return memory(desc, onednn::engine(), data); };
      void* const x_data = ring[next++ % kBuffers];
      void* const y_data = ring[next++ % kBuffers];
      p.calls.push_back({call.direction,
                         primitive,
                         {{x_arg, at(onednn::image(x), x_data)},
                          {w_arg, at(weights, p.buffer(weights.get_size()))},
                          {y_arg, at(onednn::image(y), y_data)},
                          {DNNL_ARG_SCRATCHPAD, at(scratch, p.buffer(scratch.get_size()))}}});
    };
    if (call.direction == Conv2dForward::kName) {
      bind(dnnl::convolution_forward(forward), forward.weights_desc(), forward.scratchpad_desc(), DNNL_ARG_SRC,
           DNNL_ARG_WEIGHTS, DNNL_ARG_DST);
    } else if (call.direction == Conv2dBackwardData::kName) {
      const auto d = onednn::describe_backward<dnnl::convolution_backward_data>(
          forward, kDirect, onednn::image(x), onednn::any_layout(w, call.dtype), onednn::image(y), strides, pad, pad);
      bind(dnnl::convolution_backward_data(d), d.weights_desc(), d.scratchpad_desc(), DNNL_ARG_DIFF_SRC,
           DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST);
    } else {
      const auto d = onednn::describe_backward<dnnl::convolution_backward_weights>(
          forward, kDirect, onednn::image(x), onednn::any_layout(w, DType::kFloat32), memory::desc(), onednn::image(y),
          strides, pad, pad);
      bind(dnnl::convolution_backward_weights(d), d.diff_weights_desc(), d.scratchpad_desc(), DNNL_ARG_SRC,
           DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST);
    }
  }
}

ConvFloor::~ConvFloor() = default;

std::map<std::string_view, double> ConvFloor::run() {
  omp_set_num_threads(primitives_->threads);
  std::map<std::string_view, double> seconds;
  for (const auto& call : primitives_->calls) {
    const double start = steady_clock().seconds();
    call.primitive.execute(primitives_->stream, call.arguments);
    seconds[call.direction] += steady_clock().seconds() - start;
  }
  return seconds;
}

}  // namespace drift::bench
