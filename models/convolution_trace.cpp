#include "models/convolution_trace.h"

#include <fmt/format.h>
#include <utility>

#include "kernels/observed/null_backend.h"
#include "models/dry_model.h"

namespace drift {
namespace {

class ConvolutionTracer final : public NullBackend {
 public:
  // Sees one image, and traces `batch`.
  ConvolutionTracer(Stream& stream, std::int64_t batch, ConvolutionChoice choice)
      : NullBackend(stream), batch_(batch), choice_(choice) {}

  void begin_span(std::string_view name) override { layer_ = name; }
  void run(const Op& op) override {
    if (const auto* forward = std::get_if<Conv2dForward>(&op)) add(*forward);
  }
  std::vector<ConvolutionTrace> take() { return std::move(traces_); }

 private:
  void add(Conv2dForward op) {
    op.x.shape = {batch_, op.x.shape[1], op.x.shape[2], op.x.shape[3]};
    op.y.shape = {batch_, op.y.shape[1], op.y.shape[2], op.y.shape[3]};
    const Conv2dBackwardData data{.window = op.window, .dy = op.y, .w = op.w, .dx = op.x};
    const Conv2dBackwardWeights weights{.window = op.window, .x = op.x, .dy = op.y, .dw = op.w, .dbias = op.bias};
    const bool reads_images = traces_.empty();
    traces_.push_back({.layer = layer_,
                       .window = op.window,
                       .x = op.x.shape,
                       .w = op.w.shape,
                       .forward = form_of(op, choice_),
                       .backward_data = reads_images ? std::nullopt : std::optional(form_of(data, choice_)),
                       .backward_weights = form_of(weights, choice_)});
  }

  std::int64_t batch_;
  ConvolutionChoice choice_;
  std::string layer_;
  std::vector<ConvolutionTrace> traces_;
};

}  // namespace

std::vector<ConvolutionTrace> trace_convolutions(const ModelOptions& options, std::int64_t batch, DType precision,
                                                 ConvolutionChoice choice) {
  const std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
  const std::unique_ptr<Model> model = make_dry_model(options);
  ConvolutionTracer tracer(*stream, batch, choice);
  MemoryPool pool(Device{});
  Tape tape(tracer, pool, precision, kInference);
  const Shape& image = model->input;
  model->network->forward(tape, tape.scratch({1, image[0], image[1], image[2]}, precision));
  return tracer.take();
}

std::string summary(const std::vector<ConvolutionTrace>& convolutions) {
  std::int64_t all = 0, by_winograd = 0;
  const auto count = [&](ConvolutionForm form) {
    ++all;
    by_winograd += form == ConvolutionForm::kWinograd ? 1 : 0;
  };
  for (const ConvolutionTrace& convolution : convolutions) {
    count(convolution.forward);
    if (convolution.backward_data) count(*convolution.backward_data);
    count(convolution.backward_weights);
  }
  return fmt::format("{} by {}, {} {}", by_winograd, name_of(ConvolutionForm::kWinograd), all - by_winograd,
                     name_of(ConvolutionForm::kDirect));
}

}  // namespace drift
