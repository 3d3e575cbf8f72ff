// See layer_trace.h.
#include "models/layer_trace.h"

#include <fmt/format.h>
#include <utility>

#include "core/check.h"
#include "kernels/cost.h"
#include "kernels/observed/null_backend.h"
#include "models/dry_model.h"

namespace drift {
namespace {

// What an operation says of its layer: all but the name and the multiply-adds.
LayerInfo row_of(std::string kind, const TensorView& y, std::int64_t parameters = 0) {
  const Shape& s = y.shape;
  return {{}, std::move(kind), s.rank() == 4 ? Shape{s[1], s[2], s[3]} : Shape{s[1]}, parameters, 0};
}

std::int64_t elements(const TensorView& view) {
  return view ? view.elements() : 0;
}

LayerInfo describe(const Conv2dForward& op) {
  return row_of(fmt::format("conv {0}x{0}/{1}", op.window.size, op.window.stride), op.y,
                elements(op.w) + elements(op.bias));
}
LayerInfo describe(const LinearForward& op) {
  return row_of("linear", op.y, elements(op.w) + elements(op.bias));
}
LayerInfo describe(const BatchNormInference& op) {
  return row_of(fmt::format("batch norm{}{}", op.z ? " + add" : "", op.relu ? " + relu" : ""), op.y,
                elements(op.gamma) + elements(op.beta));
}
LayerInfo describe(const GroupNormForward& op) {
  return row_of(fmt::format("group norm {}", op.groups), op.y, elements(op.gamma) + elements(op.beta));
}
LayerInfo describe(const ActivationForward& op) {
  return row_of(op.kind == Activation::kRelu ? "relu" : "silu", op.y);
}
LayerInfo describe(const Add& op) {
  return row_of("add", op.y);
}
LayerInfo describe(const ShortcutForward& op) {
  return row_of(fmt::format("shortcut /{}", op.stride), op.y);
}
LayerInfo describe(const PoolForward& op) {
  return row_of(fmt::format("{0} pool {1}x{1}/{2}", op.pooling == Pooling::kMax ? "max" : "average", op.window.size,
                            op.window.stride),
                op.y);
}
LayerInfo describe(const GlobalAveragePoolForward& op) {
  return row_of("global average pool", op.y);
}
template <class Other>
LayerInfo describe(const Other&) {
  DRIFT_FAIL(kInternal, "{} is no layer of a forward pass in float32", Other::kName);
}

class Tracer final : public NullBackend {
 public:
  using NullBackend::NullBackend;

  void begin_span(std::string_view name) override { layer_ = name; }
  void end_span() override { layer_.clear(); }
  void run(const Op& op) override {
    DRIFT_ASSERT(!layer_.empty(), "{} ran outside the span of a layer", name_of(op));
    LayerInfo row = std::visit([](const auto& args) { return describe(args); }, op);
    row.name = layer_;
    row.multiply_adds = cost_of(op).multiply_adds;
    rows_.push_back(std::move(row));
  }
  std::vector<LayerInfo> take() { return std::move(rows_); }

 private:
  std::string layer_;
  std::vector<LayerInfo> rows_;
};

}  // namespace

std::vector<LayerInfo> trace_layers(const ModelOptions& options) {
  const std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
  const std::unique_ptr<Model> model = make_dry_model(options);
  Tracer tracer(*stream);
  MemoryPool pool(Device{});
  Tape tape(tracer, pool, DType::kFloat32, kInference);
  const Shape& image = model->input;
  model->network->forward(tape, tape.scratch({1, image[0], image[1], image[2]}, DType::kFloat32));
  return tracer.take();
}

}  // namespace drift
