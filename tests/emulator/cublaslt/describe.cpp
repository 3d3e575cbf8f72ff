// From the real library's descriptors, which need no device, to a Matmul. The real functions are called through their
// addresses, so that this library can be preloaded into programs that have no cuBLASLt.
#include <utility>

#include "tests/emulator/cublaslt/matmul.h"
#include "tests/emulator/cublaslt/replaced.h"

namespace drift::emulator::cublaslt {

namespace {

template <class T>
T attribute(cublasLtMatrixLayout_t layout, cublasLtMatrixLayoutAttribute_t name) {
  DRIFT_REAL(cublasLtMatrixLayoutGetAttribute);
  T value{};
  std::size_t written = 0;
  const auto status = real(layout, name, &value, sizeof(value), &written);
  if (status != CUBLAS_STATUS_SUCCESS) throw Refused(status, "a matrix layout cannot be read");
  return value;
}

template <class T>
T attribute(cublasLtMatmulDesc_t descriptor, cublasLtMatmulDescAttributes_t name) {
  DRIFT_REAL(cublasLtMatmulDescGetAttribute);
  T value{};
  std::size_t written = 0;
  const auto status = real(descriptor, name, &value, sizeof(value), &written);
  if (status != CUBLAS_STATUS_SUCCESS) throw Refused(status, "a matmul descriptor cannot be read");
  return value;
}

Element element_of(std::int32_t type) {
  switch (type) {
    case CUDA_R_32F:
      return Element::kFloat32;
    case CUDA_R_16F:
      return Element::kFloat16;
    case CUDA_R_16BF:
      return Element::kBfloat16;
    default:
      throw Refused(CUBLAS_STATUS_NOT_SUPPORTED, "cudaDataType_t " + std::to_string(type) + " is not emulated");
  }
}

Matrix matrix_of(cublasLtMatrixLayout_t layout) {
  const auto leading = attribute<std::int64_t>(layout, CUBLASLT_MATRIX_LAYOUT_LD);
  const auto order = attribute<std::int32_t>(layout, CUBLASLT_MATRIX_LAYOUT_ORDER);
  if (order != CUBLASLT_ORDER_COL && order != CUBLASLT_ORDER_ROW) {
    throw Refused(CUBLAS_STATUS_NOT_SUPPORTED, "tiled matrix orders are not emulated");
  }
  const bool by_rows = order == CUBLASLT_ORDER_ROW;
  Matrix matrix{element_of(attribute<std::int32_t>(layout, CUBLASLT_MATRIX_LAYOUT_TYPE)),
                static_cast<std::int64_t>(attribute<std::uint64_t>(layout, CUBLASLT_MATRIX_LAYOUT_ROWS)),
                static_cast<std::int64_t>(attribute<std::uint64_t>(layout, CUBLASLT_MATRIX_LAYOUT_COLS)),
                by_rows ? leading : 1,
                by_rows ? 1 : leading,
                attribute<std::int32_t>(layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT),
                attribute<std::int64_t>(layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET)};
  if (leading < (by_rows ? matrix.columns : matrix.rows)) {
    throw Refused(CUBLAS_STATUS_INVALID_VALUE, "a leading dimension is smaller than its row or column");
  }
  return matrix;
}

Matrix transposed(Matrix matrix, std::int32_t operation) {
  if (operation == CUBLAS_OP_N) return matrix;
  std::swap(matrix.rows, matrix.columns);
  std::swap(matrix.row_stride, matrix.column_stride);
  return matrix;
}

void check_shapes(const Matmul& matmul) {
  const auto& [a, b, c, d, relu, bias, a_row_sums, b_column_sums, lacks_bias] = matmul;
  if (a.columns != b.rows || d.rows != a.rows || d.columns != b.columns || c.rows != d.rows || c.columns != d.columns) {
    throw Refused(CUBLAS_STATUS_INVALID_VALUE, "the matrices' shapes do not fit");
  }
  if (a.batches != d.batches || b.batches != d.batches || c.batches != d.batches) {
    throw Refused(CUBLAS_STATUS_INVALID_VALUE, "the matrices have different numbers of batches");
  }
}

// The combinations that the library's table for compute type 32F lists.
void check_types(const Matmul& matmul) {
  const Element input = matmul.a.element;
  const Element output = matmul.d.element;
  if (matmul.b.element != input || matmul.c.element != output || (output != input && output != Element::kFloat32)) {
    throw Refused(CUBLAS_STATUS_NOT_SUPPORTED, "no product has this combination of types");
  }
}

bool is_float_compute(std::int32_t compute) {
  return compute == CUBLAS_COMPUTE_32F || compute == CUBLAS_COMPUTE_32F_PEDANTIC ||
         compute == CUBLAS_COMPUTE_32F_FAST_TF32;
}

void set_epilogue(cublasLtMatmulDesc_t descriptor, Matmul& matmul) {
  const auto epilogue = attribute<std::uint32_t>(descriptor, CUBLASLT_MATMUL_DESC_EPILOGUE);
  auto* const bias = attribute<void*>(descriptor, CUBLASLT_MATMUL_DESC_BIAS_POINTER);
  switch (epilogue) {
    case CUBLASLT_EPILOGUE_DEFAULT:
      return;
    case CUBLASLT_EPILOGUE_RELU:
      matmul.relu = true;
      return;
    case CUBLASLT_EPILOGUE_BIAS:
      matmul.bias = bias;
      break;
    case CUBLASLT_EPILOGUE_RELU_BIAS:
      matmul.relu = true;
      matmul.bias = bias;
      break;
    case CUBLASLT_EPILOGUE_BGRADA:
      matmul.a_row_sums = bias;
      break;
    case CUBLASLT_EPILOGUE_BGRADB:
      matmul.b_column_sums = bias;
      break;
    default:
      throw Refused(CUBLAS_STATUS_NOT_SUPPORTED, "epilogue " + std::to_string(epilogue) + " is not emulated");
  }
  matmul.lacks_bias = bias == nullptr;
  const auto type = attribute<std::int32_t>(descriptor, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE);
  if (type >= 0 && element_of(type) != matmul.d.element) {
    throw Refused(CUBLAS_STATUS_NOT_SUPPORTED, "the bias must have the type of D");
  }
  if (matmul.d.batches != 1) throw Refused(CUBLAS_STATUS_NOT_SUPPORTED, "a bias with batches is not emulated");
}

}  // namespace

Matmul describe(cublasLtMatmulDesc_t descriptor, cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d) {
  if (attribute<std::int32_t>(descriptor, CUBLASLT_MATMUL_DESC_POINTER_MODE) != CUBLASLT_POINTER_MODE_HOST) {
    throw Refused(CUBLAS_STATUS_NOT_SUPPORTED, "alpha and beta in device memory are not emulated");
  }
  if (!is_float_compute(attribute<std::int32_t>(descriptor, CUBLASLT_MATMUL_DESC_COMPUTE_TYPE)) ||
      attribute<std::int32_t>(descriptor, CUBLASLT_MATMUL_DESC_SCALE_TYPE) != CUDA_R_32F) {
    throw Refused(CUBLAS_STATUS_NOT_SUPPORTED, "only float32 as compute and scale type is emulated");
  }
  Matmul matmul{transposed(matrix_of(a), attribute<std::int32_t>(descriptor, CUBLASLT_MATMUL_DESC_TRANSA)),
                transposed(matrix_of(b), attribute<std::int32_t>(descriptor, CUBLASLT_MATMUL_DESC_TRANSB)),
                matrix_of(c),
                matrix_of(d),
                false,
                nullptr,
                nullptr,
                nullptr,
                false};
  check_shapes(matmul);
  check_types(matmul);
  set_epilogue(descriptor, matmul);
  return matmul;
}

}  // namespace drift::emulator::cublaslt
