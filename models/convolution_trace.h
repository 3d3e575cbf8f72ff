// The convolutions of a network and the forms by which a CPU like this one computes them, read off a dry run like the
// rows of layer_trace.h. Which forms a run had is part of what decides its last bits (train/conditions.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kernels/convolution_form.h"
#include "models/registry.h"

namespace drift {

struct ConvolutionTrace {
  std::string layer;  // "layer1.0.conv1"
  Window window;
  Shape x, w;  // [N,H,W,I], [O,k,k,I]
  ConvolutionForm forward = ConvolutionForm::kDirect;
  std::optional<ConvolutionForm> backward_data;  // not of the images
  ConvolutionForm backward_weights = ConvolutionForm::kDirect;
};

// In the order of the forward pass, of a batch of so many images. Throws what make_model() throws.
std::vector<ConvolutionTrace> trace_convolutions(const ModelOptions& options, std::int64_t batch, DType precision,
                                                 ConvolutionChoice choice);

// "162 by winograd, 3 direct": of all convolutions of a training step.
std::string summary(const std::vector<ConvolutionTrace>& convolutions);

}  // namespace drift
