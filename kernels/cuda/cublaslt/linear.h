// The linear layer on cuBLASLt: y = x w^T + bias with the bias in the matmul's epilogue, dx = dy w and dw = dy^T x.
// dy is float32; where the activations are bfloat16 it is copied to bfloat16 first, so that both factors of a product
// have one type. Sums are in float32; TF32 only where it was asked for. One plan per shape.
#pragma once

#include <array>
#include <cublasLt.h>
#include <map>
#include <memory>
#include <tuple>

#include "kernels/cuda/workspace.h"
#include "kernels/op.h"

namespace drift {

class CublasLtLinears {
 public:
  CublasLtLinears(Stream& stream, CudaWorkspace& workspace, bool tf32);
  ~CublasLtLinears();
  CublasLtLinears(const CublasLtLinears&) = delete;
  CublasLtLinears& operator=(const CublasLtLinears&) = delete;

  void forward(const LinearForward& args);
  void backward(const LinearBackward& args);  // dx and dw; the sums over rows for dbias are the caller's

 private:
  // A factor as it lies in memory, row by row.
  struct Operand {
    TensorView view;
    bool transposed = false;
  };
  struct Plan;
  using Key = std::tuple<std::array<std::int64_t, 3>, DType, DType, bool, bool, std::uintptr_t>;  // the last: the bias

  // c = a b + bias, bias along the columns of c.
  void multiply(const Operand& a, const Operand& b, const TensorView& bias, const TensorView& c, std::byte* scratch);
  Plan& plan(const Operand& a, const Operand& b, const TensorView& bias, const TensorView& c);
  cublasLtMatmulAlgo_t algorithm_for(const Plan& plan);

  Device device_;
  cudaStream_t stream_;
  CudaWorkspace& workspace_;
  bool tf32_;
  cublasLtHandle_t handle_ = nullptr;
  std::map<Key, std::unique_ptr<Plan>> plans_;
};

}  // namespace drift
