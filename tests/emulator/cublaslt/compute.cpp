// The arithmetic: inputs as float32, products summed in float32 in the order of k, one rounding at the end, or one more
// in the middle.
#include <cstddef>
#include <vector>

#include "tests/emulator/cublaslt/matmul.h"
#include "tests/emulator/cudart/enqueue.h"

namespace drift::emulator::cublaslt {

namespace {

// One batch as float32, row after row.
std::vector<float> load(const Matrix& matrix, const void* memory, std::int64_t batch) {
  std::vector<float> values(static_cast<std::size_t>(matrix.rows * matrix.columns));
  for (std::int64_t row = 0; row < matrix.rows; ++row) {
    load_run(matrix.element, memory, batch * matrix.batch_stride + row * matrix.row_stride, matrix.column_stride,
             matrix.columns, &values[row * matrix.columns]);
  }
  return values;
}

void store(const Matrix& matrix, void* memory, std::int64_t batch, const std::vector<float>& values) {
  for (std::int64_t row = 0; row < matrix.rows; ++row) {
    store_run(matrix.element, memory, batch * matrix.batch_stride + row * matrix.row_stride, matrix.column_stride,
              matrix.columns, &values[row * matrix.columns]);
  }
}

void round_to(Element element, std::vector<float>& values) {
  const auto count = static_cast<std::int64_t>(values.size());
  std::vector<std::byte> memory(element_bytes(element, count));
  store_run(element, memory.data(), 0, 1, count, values.data());
  load_run(element, memory.data(), 0, 1, count, values.data());
}

// The terms [first, last) of the sums over k.
std::vector<float> partial_product(const Matmul& matmul, const std::vector<float>& a, const std::vector<float>& b,
                                   std::int64_t first, std::int64_t last) {
  const std::int64_t columns = matmul.d.columns;
  const std::int64_t inner = matmul.a.columns;
  std::vector<float> d(static_cast<std::size_t>(matmul.d.rows * columns), 0.0F);
  for (std::int64_t i = 0; i < matmul.d.rows; ++i) {
    float* const row = &d[i * columns];
    for (std::int64_t k = first; k < last; ++k) {
      const float factor = a[i * inner + k];
      const float* const line = &b[k * columns];
      for (std::int64_t j = 0; j < columns; ++j) row[j] += factor * line[j];
    }
  }
  return d;
}

std::vector<float> product(const Matmul& matmul, const std::vector<float>& a, const std::vector<float>& b,
                           bool rounds_parts) {
  const std::int64_t inner = matmul.a.columns;
  if (!rounds_parts) return partial_product(matmul, a, b, 0, inner);
  auto sums = partial_product(matmul, a, b, 0, inner / 2);
  auto rest = partial_product(matmul, a, b, inner / 2, inner);
  round_to(matmul.d.element, sums);
  round_to(matmul.d.element, rest);
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += rest[i];
  return sums;
}

void apply_epilogue(const Matmul& matmul, const void* bias_memory, std::vector<float>& d) {
  const std::int64_t columns = matmul.d.columns;
  if (bias_memory != nullptr) {
    std::vector<float> bias(static_cast<std::size_t>(matmul.d.rows));
    load_run(matmul.d.element, bias_memory, 0, 1, matmul.d.rows, bias.data());
    for (std::int64_t i = 0; i < matmul.d.rows; ++i) {
      for (std::int64_t j = 0; j < columns; ++j) d[i * columns + j] += bias[i];
    }
  }
  if (!matmul.relu) return;
  for (float& value : d) {
    if (value < 0.0F) value = 0.0F;  // NaN goes through
  }
}

void store_bias_gradient(const Matmul& matmul, void* device, const std::vector<float>& sums) {
  const auto count = static_cast<std::int64_t>(sums.size());
  void* memory = host_pointer(device, element_bytes(matmul.d.element, count), Access::kWrite);
  store_run(matmul.d.element, memory, 0, 1, count, sums.data());
}

void write_bias_gradients(const Matmul& matmul, const std::vector<float>& a, const std::vector<float>& b) {
  const std::int64_t inner = matmul.a.columns;
  if (matmul.a_row_sums != nullptr) {
    std::vector<float> sums(static_cast<std::size_t>(matmul.a.rows), 0.0F);
    for (std::int64_t i = 0; i < matmul.a.rows; ++i) {
      for (std::int64_t k = 0; k < inner; ++k) sums[i] += a[i * inner + k];
    }
    store_bias_gradient(matmul, matmul.a_row_sums, sums);
  }
  if (matmul.b_column_sums != nullptr) {
    std::vector<float> sums(static_cast<std::size_t>(matmul.b.columns), 0.0F);
    for (std::int64_t k = 0; k < inner; ++k) {
      for (std::int64_t j = 0; j < matmul.b.columns; ++j) sums[j] += b[k * matmul.b.columns + j];
    }
    store_bias_gradient(matmul, matmul.b_column_sums, sums);
  }
}

}  // namespace

std::size_t Matrix::bytes() const {
  const std::int64_t last = (rows - 1) * row_stride + (columns - 1) * column_stride + (batches - 1) * batch_stride;
  return element_bytes(element, last + 1);
}

void compute(const Matmul& matmul, float alpha, const void* a, const void* b, float beta, const void* c, void* d,
             bool rounds_parts) {
  const void* const a_memory = host_pointer(a, matmul.a.bytes(), Access::kRead);
  const void* const b_memory = host_pointer(b, matmul.b.bytes(), Access::kRead);
  const void* const c_memory = beta == 0.0F ? nullptr : host_pointer(c, matmul.c.bytes(), Access::kRead);
  const std::size_t bias_bytes = element_bytes(matmul.d.element, matmul.d.rows);
  const void* const bias = matmul.bias == nullptr ? nullptr : host_pointer(matmul.bias, bias_bytes, Access::kRead);
  void* const d_memory = host_pointer(d, matmul.d.bytes(), Access::kWrite);
  for (std::int64_t batch = 0; batch < matmul.d.batches; ++batch) {
    const auto a_values = load(matmul.a, a_memory, batch);
    const auto b_values = load(matmul.b, b_memory, batch);
    auto values = product(matmul, a_values, b_values, rounds_parts);
    for (float& value : values) value *= alpha;
    if (c_memory != nullptr) {
      const auto c_values = load(matmul.c, c_memory, batch);
      for (std::size_t i = 0; i < values.size(); ++i) values[i] += beta * c_values[i];
    }
    apply_epilogue(matmul, bias, values);
    store(matmul.d, d_memory, batch, values);
    write_bias_gradients(matmul, a_values, b_values);
  }
}

}  // namespace drift::emulator::cublaslt
