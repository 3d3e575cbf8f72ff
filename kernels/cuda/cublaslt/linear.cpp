#include "kernels/cuda/cublaslt/linear.h"

#include <algorithm>
#include <cuda_runtime_api.h>
#include <utility>

#include "core/log.h"
#include "kernels/cuda/cublaslt/check_cublas.h"
#include "kernels/cuda/device_cuda.h"
#include "kernels/cuda/own_kernels.h"
#include "kernels/device_watch.h"

namespace drift {
namespace {

// What NVIDIA advises for Hopper; algorithms that want more are not considered.
constexpr std::size_t kWorkspaceBytes = std::size_t{32} << 20;
// Parameters start at multiples of 16 bytes; cuBLASLt would assume 256.
constexpr std::uint32_t kAlignment = 16;

cudaDataType_t cuda_type(DType dtype) {
  return dtype == DType::kBFloat16 ? CUDA_R_16BF : CUDA_R_32F;
}

template <class T, auto kDestroy>
struct Destroy {
  void operator()(T* handle) const { kDestroy(handle); }
};
template <class Handle, auto kDestroy>
using Owned = std::unique_ptr<std::remove_pointer_t<Handle>, Destroy<std::remove_pointer_t<Handle>, kDestroy>>;
using MatmulDesc = Owned<cublasLtMatmulDesc_t, cublasLtMatmulDescDestroy>;
using Layout = Owned<cublasLtMatrixLayout_t, cublasLtMatrixLayoutDestroy>;
using Preference = Owned<cublasLtMatmulPreference_t, cublasLtMatmulPreferenceDestroy>;

// Our rows are cuBLASLt's columns: [rows, columns] row by row is its columns x rows.
Layout layout_of(const TensorView& view, const std::string& what) {
  cublasLtMatrixLayout_t layout = nullptr;
  const auto columns = static_cast<std::uint64_t>(view.shape[1]);
  DRIFT_CUBLAS(cublasLtMatrixLayoutCreate(&layout, cuda_type(view.dtype), columns,
                                          static_cast<std::uint64_t>(view.shape[0]), view.shape[1]),
               "{}", what);
  return Layout(layout);
}

template <class T>
void set(cublasLtMatmulDesc_t desc, cublasLtMatmulDescAttributes_t attribute, T value, const std::string& what) {
  DRIFT_CUBLAS(cublasLtMatmulDescSetAttribute(desc, attribute, &value, sizeof value), "{}", what);
}

template <class T>
void set(cublasLtMatmulPreference_t preference, cublasLtMatmulPreferenceAttributes_t attribute, T value,
         const std::string& what) {
  DRIFT_CUBLAS(cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof value), "{}", what);
}

// What of a bias cuBLASLt's choice depends on: its alignment, or 0 for none.
std::uintptr_t alignment_of(const TensorView& bias) {
  constexpr std::uintptr_t kMost = 256;  // more changes nothing
  const auto address = reinterpret_cast<std::uintptr_t>(bias.data);
  return std::min(address & -address, kMost);
}

}  // namespace

// The layouts are of our a, b and c; the call swaps a and b, because c^T = b^T a^T.
struct CublasLtLinears::Plan {
  std::string what;  // for messages
  MatmulDesc desc;
  Layout a, b, c;
  cublasLtMatmulAlgo_t algorithm{};
};

CublasLtLinears::CublasLtLinears(Stream& stream, CudaWorkspace& workspace, bool tf32)
    : device_(stream.device()), stream_(cuda_handle(stream)), workspace_(workspace), tf32_(tf32) {
  DRIFT_CUBLAS(cublasLtCreate(&handle_), "cuBLASLt on {}", to_string(device_));
}

CublasLtLinears::~CublasLtLinears() {
  plans_.clear();
  if (device_watch().gave_up()) return;
  const cublasStatus_t status = cublasLtDestroy(handle_);
  if (status != CUBLAS_STATUS_SUCCESS) log_warning("cublasLtDestroy failed: {}", cublasLtGetStatusName(status));
}

CublasLtLinears::Plan& CublasLtLinears::plan(const Operand& a, const Operand& b, const TensorView& bias,
                                             const TensorView& c) {
  const Key key{{c.shape[0], a.view.shape[a.transposed ? 0 : 1], c.shape[1]},
                a.view.dtype,
                c.dtype,
                a.transposed,
                b.transposed,
                alignment_of(bias)};
  std::unique_ptr<Plan>& known = plans_[key];
  if (known) return *known;

  auto plan = std::make_unique<Plan>();
  plan->what = fmt::format("linear: {}{} times {}{} -> {} {} on {}", to_string(a.view.shape), a.transposed ? "^T" : "",
                           to_string(b.view.shape), b.transposed ? "^T" : "", to_string(c.shape), name_of(a.view.dtype),
                           to_string(device_));
  const std::string& what = plan->what;
  plan->a = layout_of(a.view, what);
  plan->b = layout_of(b.view, what);
  plan->c = layout_of(c, what);

  const bool fast = tf32_ && a.view.dtype == DType::kFloat32;
  cublasLtMatmulDesc_t desc = nullptr;
  DRIFT_CUBLAS(cublasLtMatmulDescCreate(&desc, fast ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F, CUDA_R_32F),
               "{}", what);
  plan->desc.reset(desc);
  set(desc, CUBLASLT_MATMUL_DESC_TRANSA, static_cast<std::int32_t>(b.transposed ? CUBLAS_OP_T : CUBLAS_OP_N), what);
  set(desc, CUBLASLT_MATMUL_DESC_TRANSB, static_cast<std::int32_t>(a.transposed ? CUBLAS_OP_T : CUBLAS_OP_N), what);
  if (bias) {
    set(desc, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS, what);
    set(desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias.data, what);
  }
  plan->algorithm = algorithm_for(*plan);
  cudaGetLastError();  // of what cuBLASLt tried in vain: our next launch would report it as its own
  known = std::move(plan);
  return *known;
}

cublasLtMatmulAlgo_t CublasLtLinears::algorithm_for(const Plan& plan) {
  const std::string& what = plan.what;
  cublasLtMatmulPreference_t preference = nullptr;
  DRIFT_CUBLAS(cublasLtMatmulPreferenceCreate(&preference), "{}", what);
  const Preference owner(preference);
  set(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{kWorkspaceBytes}, what);
  // Where the sum over k is cut, its parts stay float32: by default they may be rounded to the type of the result.
  set(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, std::uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE},
      what);
  for (const auto alignment :
       {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
        CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES}) {
    set(preference, alignment, kAlignment, what);
  }
  cublasLtMatmulHeuristicResult_t result{};
  int found = 0;
  DRIFT_CUBLAS(cublasLtMatmulAlgoGetHeuristic(handle_, plan.desc.get(), plan.b.get(), plan.a.get(), plan.c.get(),
                                              plan.c.get(), preference, 1, &result, &found),
               "{}", what);
  DRIFT_CHECK(kDevice, found > 0, "{}: cuBLASLt {} knows no algorithm. Try the other --precision or --device cpu", what,
              cublasLtGetVersion());
  return result.algo;
}

void CublasLtLinears::multiply(const Operand& a, const Operand& b, const TensorView& bias, const TensorView& c,
                               std::byte* scratch) {
  Plan& p = plan(a, b, bias, c);
  if (bias) set(p.desc.get(), CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias.data, p.what);
  const float one = 1, zero = 0;
  DRIFT_CUBLAS(cublasLtMatmul(handle_, p.desc.get(), &one, b.view.data, p.b.get(), a.view.data, p.a.get(), &zero,
                              c.data, p.c.get(), c.data, p.c.get(), &p.algorithm, scratch, kWorkspaceBytes, stream_),
               "{}", p.what);
}

void CublasLtLinears::forward(const LinearForward& args) {
  const auto [scratch] = workspace_.cut(kWorkspaceBytes);
  multiply({args.x}, {args.w, true}, args.bias, args.y, scratch);
}

void CublasLtLinears::backward(const LinearBackward& args) {
  const auto [gradient, scratch] = workspace_.cut(args.dy.bytes(), kWorkspaceBytes);
  const TensorView dy = as_type_on(stream_, args.dy, args.x.dtype, gradient);
  if (args.dx) multiply({dy}, {args.w}, {}, args.dx, scratch);
  multiply({dy, true}, {args.x}, {}, args.dw, scratch);
}

}  // namespace drift
