// A matrix product as cuBLASLt describes it: read back from the real library's descriptors, checked, and computed.
#pragma once

#include <cstdint>
#include <cublasLt.h>
#include <stdexcept>
#include <string>

#include "tests/emulator/cudnn/element.h"

namespace drift::emulator::cublaslt {

// The call is refused, with the status that it returns.
struct Refused : std::runtime_error {
  Refused(cublasStatus_t refused_status, const std::string& why) : std::runtime_error(why), status(refused_status) {}
  cublasStatus_t status;
};

struct Matrix {
  Element element;
  std::int64_t rows, columns;
  std::int64_t row_stride, column_stride;  // in elements
  std::int64_t batches, batch_stride;

  std::size_t bytes() const;
};

// D = epilogue(alpha * op(A) op(B) + beta * C). A and B are seen after their transposition.
struct Matmul {
  Matrix a, b, c, d;
  bool relu;
  const void* bias;  // one number of D's type per row of D; nullptr without
  void* a_row_sums;  // bias gradients, of D's type; nullptr without
  void* b_column_sums;
  bool lacks_bias;  // its epilogue wants one and has no pointer: heuristics accept that, a product does not
};

// Throws Refused if shapes or types do not fit or the product is not emulated.
Matmul describe(cublasLtMatmulDesc_t descriptor, cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d);

// Inside enqueued work: computes it in device memory. rounds_parts: the sum over k is cut in two, each rounded to the
// type of D, as the library may do where a preference allows CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE.
void compute(const Matmul& matmul, float alpha, const void* a, const void* b, float beta, const void* c, void* d,
             bool rounds_parts);

}  // namespace drift::emulator::cublaslt
