// cudnn-frontend graphs for the tests, behind an interface without its headers, which take half a minute to compile.
// The real cuDNN validates each graph and finalizes a plan for the given device properties, or from a handle.
#pragma once

#include <array>
#include <cstdint>
#include <cuda_runtime_api.h>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/emulator/cudnn/element.h"

namespace drift::emulator::testing {

using Shape = std::vector<std::int64_t>;  // cuDNN's order: N, C, H, W

struct Window {
  std::int64_t padding = 0, stride = 1, dilation = 1;
};

class CudnnGraph {
 public:
  using Tensor = std::int64_t;  // a uid
  struct Norm {
    Tensor y, mean, inverse_deviation, next_mean, next_variance;
  };
  struct NormGradient {
    Tensor dx, dscale, dbias;
  };
  struct Pooled {
    Tensor y, index;
  };

  // For compute capability sm / 10. Tensors are of type io unless said otherwise; virtual ones are float32.
  CudnnGraph(int sm, Element io);
  ~CudnnGraph();

  Tensor input(const Shape& shape, Element element);
  Tensor channel_vector(std::int64_t channels) { return input({1, channels, 1, 1}, Element::kFloat32); }
  Tensor by_value(float value);
  // A float32 by value whose host address is given to run().
  Tensor by_value();

  Tensor convolution(Tensor x, Tensor w, Window window);
  Tensor convolution_backward_data(Tensor dy, Tensor w, Window window, const Shape& dx);
  Tensor convolution_backward_filter(Tensor dy, Tensor x, Window window, const Shape& dw);
  // `mode` is cuDNN's name without its prefix, e.g. "RELU_FWD".
  Tensor pointwise(const std::string& mode, Tensor x);
  Tensor pointwise(const std::string& mode, Tensor x, Tensor b);
  Norm batch_norm(Tensor x, Tensor scale, Tensor bias, Tensor mean, Tensor variance, float epsilon, float momentum);
  NormGradient batch_norm_backward(Tensor dy, Tensor x, Tensor scale, Tensor mean, Tensor inverse_deviation);
  // `mode` MAXPOOL (with an index), AVGPOOL_INCLUDE_PADDING or AVGPOOL_EXCLUDE_PADDING; index is -1 without one.
  Pooled pool(const std::string& mode, Tensor x, std::int64_t size, Window window);
  Tensor sum(Tensor x, const Shape& y);
  Tensor matmul(Tensor a, Tensor b);

  void output(Tensor tensor, Element element);
  void keep_virtual_as(Tensor tensor, Element element);

  // For the given properties; from a handle, for the emulated device. Each throws std::runtime_error with cuDNN's text.
  void build();
  void build_from_handle();
  std::string engine() const;
  std::int64_t workspace_bytes() const;
  // Addresses of all inputs and outputs; returns cuDNN's text, empty for success. `workspace` may be nullptr if none is
  // needed.
  std::string run(const std::map<Tensor, void*>& addresses, void* workspace, cudaStream_t stream);
  // The same with a workspace of its own; throws; waits for the device.
  void run(const std::map<Tensor, void*>& addresses);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace drift::emulator::testing
