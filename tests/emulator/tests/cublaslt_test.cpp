#include <algorithm>
#include <cstdlib>
#include <cublasLt.h>
#include <gtest/gtest.h>

#include "tests/emulator/tests/device_array.h"
#include "tests/emulator/tests/image.h"
#include "tests/support/seed.h"

namespace drift::emulator::testing {

namespace {

struct Case {
  const char* name;
  Element input, output;
  bool transpose_a, transpose_b, by_rows;
  std::int64_t batches;
  cublasLtEpilogue_t epilogue;
};

constexpr std::int64_t kRows = 24, kColumns = 10, kInner = 40;
constexpr float kAlpha = 0.5F, kBeta = 0.25F;
constexpr std::size_t kWorkspace = 1 << 16;

constexpr auto kF32 = Element::kFloat32;
constexpr auto kBf16 = Element::kBfloat16;
constexpr auto kF16 = Element::kFloat16;
constexpr Case kCases[] = {
    {"plain", kF32, kF32, false, false, false, 1, CUBLASLT_EPILOGUE_DEFAULT},
    {"a_transposed_bias", kF32, kF32, true, false, false, 1, CUBLASLT_EPILOGUE_BIAS},
    {"b_transposed_relu", kF32, kF32, false, true, false, 1, CUBLASLT_EPILOGUE_RELU},
    {"bfloat16_bias_relu", kBf16, kBf16, true, true, false, 1, CUBLASLT_EPILOGUE_RELU_BIAS},
    {"bfloat16_to_float32", kBf16, kF32, true, false, false, 1, CUBLASLT_EPILOGUE_BIAS},
    {"float16_rows", kF16, kF16, false, true, true, 1, CUBLASLT_EPILOGUE_DEFAULT},
    {"batches", kF32, kF32, false, true, true, 3, CUBLASLT_EPILOGUE_DEFAULT},
    {"bias_gradient_a", kBf16, kF32, false, true, false, 1, CUBLASLT_EPILOGUE_BGRADA},
    {"bias_gradient_b", kF32, kF32, true, false, false, 1, CUBLASLT_EPILOGUE_BGRADB},
};

cudaDataType_t data_type(Element element) {
  return element == kF32 ? CUDA_R_32F : element == kBf16 ? CUDA_R_16BF : CUDA_R_16F;
}

void check(cublasStatus_t status, const char* what) {
  if (status != CUBLAS_STATUS_SUCCESS) throw std::runtime_error(std::string(what) + ": " + std::to_string(status));
}

class Layout {
 public:
  // Two elements wider than needed: a leading dimension that is ignored shows.
  Layout(Element element, std::int64_t rows, std::int64_t columns, const Case& product)
      : by_rows_(product.by_rows), leading_((by_rows_ ? columns : rows) + 2), other_(by_rows_ ? rows : columns) {
    check(cublasLtMatrixLayoutCreate(&layout_, data_type(element), static_cast<std::uint64_t>(rows),
                                     static_cast<std::uint64_t>(columns), leading_),
          "cublasLtMatrixLayoutCreate");
    set(CUBLASLT_MATRIX_LAYOUT_ORDER, static_cast<std::int32_t>(by_rows_ ? CUBLASLT_ORDER_ROW : CUBLASLT_ORDER_COL));
    set(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, static_cast<std::int32_t>(product.batches));
    set(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, size());
  }
  ~Layout() { cublasLtMatrixLayoutDestroy(layout_); }
  Layout(const Layout&) = delete;
  Layout& operator=(const Layout&) = delete;

  cublasLtMatrixLayout_t get() const { return layout_; }
  std::int64_t size() const { return leading_ * other_; }
  std::int64_t index(std::int64_t batch, std::int64_t row, std::int64_t column) const {
    return batch * size() + (by_rows_ ? row * leading_ + column : column * leading_ + row);
  }

 private:
  template <class T>
  void set(cublasLtMatrixLayoutAttribute_t name, T value) {
    check(cublasLtMatrixLayoutSetAttribute(layout_, name, &value, sizeof(value)), "cublasLtMatrixLayoutSetAttribute");
  }

  bool by_rows_;
  std::int64_t leading_, other_;
  cublasLtMatrixLayout_t layout_ = nullptr;
};

// D = epilogue(alpha * op(A) op(B) + beta * C), on the device and by definition.
class Product {
 public:
  explicit Product(const Case& product) : case_(product) {
    check(cublasLtCreate(&handle_), "cublasLtCreate");
    check(cublasLtMatmulDescCreate(&descriptor_, CUBLAS_COMPUTE_32F, CUDA_R_32F), "cublasLtMatmulDescCreate");
    set(CUBLASLT_MATMUL_DESC_TRANSA, static_cast<std::int32_t>(product.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N));
    set(CUBLASLT_MATMUL_DESC_TRANSB, static_cast<std::int32_t>(product.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N));
    set(CUBLASLT_MATMUL_DESC_EPILOGUE, static_cast<std::uint32_t>(product.epilogue));
    set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias_memory.address());
  }
  ~Product() {
    cublasLtMatmulDescDestroy(descriptor_);
    cublasLtDestroy(handle_);
  }
  Product(const Product&) = delete;
  Product& operator=(const Product&) = delete;

  cublasStatus_t choose(std::size_t workspace_limit, cublasLtMatmulHeuristicResult_t& result,
                        std::uint32_t reductions = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE) {
    cublasLtMatmulPreference_t preference = nullptr;
    check(cublasLtMatmulPreferenceCreate(&preference), "cublasLtMatmulPreferenceCreate");
    check(cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &reductions,
                                               sizeof(reductions)),
          "cublasLtMatmulPreferenceSetAttribute");
    check(cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace_limit,
                                               sizeof(workspace_limit)),
          "cublasLtMatmulPreferenceSetAttribute");
    int found = 0;
    const auto status = cublasLtMatmulAlgoGetHeuristic(handle_, descriptor_, a.get(), b.get(), d.get(), d.get(),
                                                       preference, 1, &result, &found);
    check(cublasLtMatmulPreferenceDestroy(preference), "cublasLtMatmulPreferenceDestroy");
    return status;
  }
  cublasStatus_t run(const cublasLtMatmulAlgo_t* algorithm, const void* a_address, void* scratch, std::size_t bytes) {
    const float alpha = kAlpha, beta = kBeta;
    return cublasLtMatmul(handle_, descriptor_, &alpha, a_address, a.get(), b_memory.address(), b.get(), &beta,
                          d_memory.address(), d.get(), d_memory.address(), d.get(), algorithm, scratch, bytes, nullptr);
  }
  double a_at(std::int64_t batch, std::int64_t row, std::int64_t k) const {
    return a_values[case_.transpose_a ? a.index(batch, k, row) : a.index(batch, row, k)];
  }
  double b_at(std::int64_t batch, std::int64_t k, std::int64_t column) const {
    return b_values[case_.transpose_b ? b.index(batch, column, k) : b.index(batch, k, column)];
  }
  std::vector<double> expected() const {
    std::vector<double> result = c_values;  // what lies between columns stays as it is
    const bool bias = case_.epilogue == CUBLASLT_EPILOGUE_BIAS || case_.epilogue == CUBLASLT_EPILOGUE_RELU_BIAS;
    const bool relu = case_.epilogue == CUBLASLT_EPILOGUE_RELU || case_.epilogue == CUBLASLT_EPILOGUE_RELU_BIAS;
    for (std::int64_t batch = 0; batch < case_.batches; ++batch) {
      for (std::int64_t row = 0; row < kRows; ++row) {
        for (std::int64_t column = 0; column < kColumns; ++column) {
          double& value = result[d.index(batch, row, column)];
          double sum = 0.0;
          for (std::int64_t k = 0; k < kInner; ++k) sum += a_at(batch, row, k) * b_at(batch, k, column);
          value = kAlpha * sum + kBeta * value + (bias ? bias_values[row] : 0.0);
          if (relu) value = std::max(value, 0.0);
        }
      }
    }
    return result;
  }

 private:
  template <class T>
  void set(cublasLtMatmulDescAttributes_t name, T value) {
    check(cublasLtMatmulDescSetAttribute(descriptor_, name, &value, sizeof(value)), "cublasLtMatmulDescSetAttribute");
  }

  Case case_;
  cublasLtHandle_t handle_ = nullptr;
  cublasLtMatmulDesc_t descriptor_ = nullptr;
  Random random_{drift::testing::seed()};

 public:
  Layout a{case_.input, case_.transpose_a ? kInner : kRows, case_.transpose_a ? kRows : kInner, case_};
  Layout b{case_.input, case_.transpose_b ? kColumns : kInner, case_.transpose_b ? kInner : kColumns, case_};
  Layout d{case_.output, kRows, kColumns, case_};
  std::vector<double> a_values = random_.vector(a.size() * case_.batches);
  std::vector<double> b_values = random_.vector(b.size() * case_.batches);
  std::vector<double> c_values = random_.vector(d.size() * case_.batches);
  std::vector<double> bias_values = random_.vector(kRows);
  DeviceArray a_memory{case_.input, a_values}, b_memory{case_.input, b_values};
  DeviceArray d_memory{case_.output, c_values}, bias_memory{case_.output, bias_values};
  DeviceArray workspace{Element::kInt8, kWorkspace};
};

class CublasLt : public ::testing::TestWithParam<Case> {};

TEST_P(CublasLt, IsTheProductByDefinition) {
  Product product(GetParam());
  cublasLtMatmulHeuristicResult_t chosen{};
  ASSERT_EQ(product.choose(kWorkspace, chosen), CUBLAS_STATUS_SUCCESS);
  ASSERT_EQ(product.run(&chosen.algo, product.a_memory.address(), product.workspace.address(), chosen.workspaceSize),
            CUBLAS_STATUS_SUCCESS);
  const double tolerance = GetParam().output == kF32 ? kFloat32Tolerance : kBfloat16Tolerance;
  expect_close(product.d_memory.values(), product.expected(), tolerance);
  if (GetParam().epilogue == CUBLASLT_EPILOGUE_BGRADA) {
    std::vector<double> sums(kRows, 0.0);
    for (std::int64_t i = 0; i < kRows * kInner; ++i) sums[i / kInner] += product.a_at(0, i / kInner, i % kInner);
    expect_close(product.bias_memory.values(), sums, kFloat32Tolerance);
  }
  if (GetParam().epilogue == CUBLASLT_EPILOGUE_BGRADB) {
    std::vector<double> sums = product.bias_values;  // longer than the sums: the rest stays
    std::fill_n(sums.begin(), kColumns, 0.0);
    for (std::int64_t i = 0; i < kInner * kColumns; ++i)
      sums[i % kColumns] += product.b_at(0, i / kColumns, i % kColumns);
    expect_close(product.bias_memory.values(), sums, kFloat32Tolerance);
  }
}

INSTANTIATE_TEST_SUITE_P(All, CublasLt, ::testing::ValuesIn(kCases),
                         [](const auto& instance) { return std::string(instance.param.name); });

// As the library by default: seen on an H200, where bfloat16 gradients of a small layer were off by a tenth.
TEST(CublasLtCalls, PartsOfSumsAreRoundedUnlessThePreferenceForbidsIt) {
  const Case one{"bfloat16", kBf16, kBf16, false, false, false, 1, CUBLASLT_EPILOGUE_DEFAULT};
  double largest[2] = {};  // errors, as the library may reduce by default and as told not to
  for (const std::uint32_t reductions : {CUBLASLT_REDUCTION_SCHEME_MASK, CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE}) {
    Product product(one);
    cublasLtMatmulHeuristicResult_t chosen{};
    ASSERT_EQ(product.choose(kWorkspace, chosen, reductions), CUBLAS_STATUS_SUCCESS);
    ASSERT_EQ(product.run(&chosen.algo, product.a_memory.address(), product.workspace.address(), chosen.workspaceSize),
              CUBLAS_STATUS_SUCCESS);
    const std::vector<double> got = product.d_memory.values(), want = product.expected();
    double& error = largest[reductions == CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE];
    for (std::size_t i = 0; i < got.size(); ++i) {
      error = std::max(error, std::abs(got[i] - want[i]) / std::max(std::abs(want[i]), 1e-3));
    }
  }
  EXPECT_LE(largest[1], kBfloat16Tolerance);
  EXPECT_GT(largest[0], 2 * kBfloat16Tolerance);
}

TEST(CublasLtCalls, TheChosenAlgorithmNeedsItsWorkspace) {
  Product product(kCases[0]);
  cublasLtMatmulHeuristicResult_t chosen{};
  ASSERT_EQ(product.choose(kWorkspace, chosen), CUBLAS_STATUS_SUCCESS);
  ASSERT_GT(chosen.workspaceSize, 0U);
  ASSERT_LE(chosen.workspaceSize, kWorkspace);
  EXPECT_NE(product.run(&chosen.algo, product.a_memory.address(), nullptr, 0), CUBLAS_STATUS_SUCCESS);
  EXPECT_NE(
      product.run(&chosen.algo, product.a_memory.address(), product.workspace.address(), chosen.workspaceSize - 1),
      CUBLAS_STATUS_SUCCESS);
  ASSERT_EQ(product.choose(0, chosen), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(chosen.workspaceSize, 0U);
  EXPECT_EQ(product.run(&chosen.algo, product.a_memory.address(), nullptr, 0), CUBLAS_STATUS_SUCCESS);
}

// Preferences promise 256 bytes unless told otherwise.
TEST(CublasLtCalls, AMatrixMustBeAlignedAsPromised) {
  Product product(kCases[0]);
  cublasLtMatmulHeuristicResult_t chosen{};
  ASSERT_EQ(product.choose(0, chosen), CUBLAS_STATUS_SUCCESS);
  const void* misaligned = static_cast<const char*>(product.a_memory.address()) + 16;
  EXPECT_NE(product.run(&chosen.algo, misaligned, nullptr, 0), CUBLAS_STATUS_SUCCESS);
}

TEST(CublasLtCalls, AnAlgorithmMustComeFromTheHeuristic) {
  Product product(kCases[0]);
  const cublasLtMatmulAlgo_t made_up{};
  EXPECT_NE(product.run(&made_up, product.a_memory.address(), nullptr, 0), CUBLAS_STATUS_SUCCESS);
}

TEST(CublasLtCalls, TypesThatDoNotGoTogetherAreRefused) {
  Product product({"float32_to_bfloat16", kF32, kBf16, false, false, false, 1, CUBLASLT_EPILOGUE_DEFAULT});
  cublasLtMatmulHeuristicResult_t chosen{};
  EXPECT_EQ(product.choose(0, chosen), CUBLAS_STATUS_NOT_SUPPORTED);
}

// The environment is read once per process, so each of these is a process of its own.
class CublasLtProcess : public ::testing::Test {
 protected:
  CublasLtProcess() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
  ~CublasLtProcess() override { unsetenv("EMU_FAIL"); }
};

TEST_F(CublasLtProcess, AnInjectedFaultFailsThatCallOnly) {
  setenv("EMU_FAIL", "cublasLtMatmul:2", 1);
  EXPECT_EXIT(
      {
        Product product(kCases[0]);
        const auto first = product.run(nullptr, product.a_memory.address(), nullptr, 0);
        const auto second = product.run(nullptr, product.a_memory.address(), nullptr, 0);
        const auto third = product.run(nullptr, product.a_memory.address(), nullptr, 0);
        std::_Exit(first == CUBLAS_STATUS_SUCCESS && second == CUBLAS_STATUS_EXECUTION_FAILED &&
                           third == CUBLAS_STATUS_SUCCESS
                       ? 0
                       : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST_F(CublasLtProcess, CallsOfTheRealLibraryFailToo) {
  setenv("EMU_FAIL", "cublasLtMatmulDescCreate:1,cublasLtMatmulDescSetAttribute:2:3", 1);
  EXPECT_EXIT(
      {
        cublasLtMatmulDesc_t descriptor = nullptr;
        const auto create = [&] { return cublasLtMatmulDescCreate(&descriptor, CUBLAS_COMPUTE_32F, CUDA_R_32F); };
        bool ok = create() == CUBLAS_STATUS_ALLOC_FAILED && create() == CUBLAS_STATUS_SUCCESS;
        const cublasOperation_t transposed = CUBLAS_OP_T;
        const auto set = [&] {
          return cublasLtMatmulDescSetAttribute(descriptor, CUBLASLT_MATMUL_DESC_TRANSA, &transposed,
                                                sizeof transposed);
        };
        ok = ok && set() == CUBLAS_STATUS_SUCCESS && set() == CUBLAS_STATUS_ALLOC_FAILED;
        std::_Exit(ok && cublasLtMatmulDescDestroy(descriptor) == CUBLAS_STATUS_SUCCESS ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST_F(CublasLtProcess, WhatIsNeverDestroyedIsALeak) {
  setenv("EMU_LEAKS", "1", 1);
  EXPECT_EXIT(
      {
        cublasLtMatrixLayout_t kept = nullptr;
        check(cublasLtMatrixLayoutCreate(&kept, CUDA_R_32F, 2, 2, 2), "cublasLtMatrixLayoutCreate");
        std::exit(0);
      },
      ::testing::ExitedWithCode(70), "1 cuBLASLt matrix layouts were never released");
}

}  // namespace

}  // namespace drift::emulator::testing
