// The functions that need a device, replaced whole (LD_PRELOAD). Descriptors, layouts and preferences stay the real
// library's. An algorithm handed out here carries what it was promised about workspace and alignment, and the product
// checks that the program kept it.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <cublasLt.h>
#include <string>

#include "tests/emulator/cublaslt/matmul.h"
#include "tests/emulator/cublaslt/replaced.h"

struct cublasLtContext {};

namespace drift::emulator::cublaslt {

namespace {

constexpr std::uint64_t kMark = 0x656d756c61746f72;  // in every algorithm handed out here
constexpr std::uint64_t kWorkspaceBytes = 1 << 16;   // asked for where the preference allows that much
constexpr std::uint64_t kWorkspaceAlignment = 256;   // as the library demands
constexpr const char* kHandles = "cuBLASLt handles";

struct Algorithm {
  std::uint64_t mark;
  std::uint64_t workspace_bytes;
  std::uint32_t alignment[4];  // bytes, of A, B, C, D
  bool rounds_parts;           // of a sum over k that is cut
};
static_assert(sizeof(Algorithm) <= sizeof(cublasLtMatmulAlgo_t));

template <class T>
T preference_value(cublasLtMatmulPreference_t preference, cublasLtMatmulPreferenceAttributes_t name) {
  DRIFT_REAL(cublasLtMatmulPreferenceGetAttribute);
  T value{};
  std::size_t written = 0;
  const auto status = real(preference, name, &value, sizeof(value), &written);
  if (status != CUBLAS_STATUS_SUCCESS) throw Refused(status, "a matmul preference cannot be read");
  return value;
}

Algorithm choose(cublasLtMatmulPreference_t preference) {
  const auto limit = preference_value<std::uint64_t>(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES);
  const auto reductions = preference_value<std::uint32_t>(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK);
  Algorithm algorithm{
      kMark, std::min(limit, kWorkspaceBytes), {}, (reductions & CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE) != 0};
  constexpr cublasLtMatmulPreferenceAttributes_t kNames[] = {
      CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
      CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES};
  for (std::size_t i = 0; i < 4; ++i) algorithm.alignment[i] = preference_value<std::uint32_t>(preference, kNames[i]);
  return algorithm;
}

bool is_aligned(const void* address, std::uint64_t alignment) {
  return reinterpret_cast<std::uintptr_t>(address) % alignment == 0;
}

// Returns whether it rounds parts of sums.
bool check_promises(const cublasLtMatmulAlgo_t& opaque, const void* const (&matrices)[4], const void* workspace,
                    std::size_t workspace_bytes) {
  Algorithm algorithm{};
  std::memcpy(&algorithm, &opaque, sizeof(algorithm));
  if (algorithm.mark != kMark) {
    throw Refused(CUBLAS_STATUS_INVALID_VALUE, "this algorithm does not come from cublasLtMatmulAlgoGetHeuristic");
  }
  if (workspace_bytes < algorithm.workspace_bytes || (algorithm.workspace_bytes > 0 && workspace == nullptr)) {
    throw Refused(CUBLAS_STATUS_INVALID_VALUE, "the algorithm needs a workspace of " +
                                                   std::to_string(algorithm.workspace_bytes) + " bytes, got " +
                                                   std::to_string(workspace_bytes));
  }
  for (std::size_t i = 0; i < 4; ++i) {
    if (is_aligned(matrices[i], algorithm.alignment[i])) continue;
    throw Refused(CUBLAS_STATUS_INVALID_VALUE, std::string("matrix ") + "ABCD"[i] + " is not aligned to the " +
                                                   std::to_string(algorithm.alignment[i]) +
                                                   " bytes that the preference promised");
  }
  return algorithm.rounds_parts;
}

// What the real library may leave in a workspace, so that nobody keeps values there or shares it between streams.
void scribble(void* workspace, std::size_t bytes) {
  if (bytes > 0) std::memset(host_pointer(workspace, bytes, Access::kWrite), 0xA5, bytes);
}

cublasStatus_t refuse(const char* api, const Refused& refused) {
  std::fprintf(stderr, "[emulator] %s: %s\n", api, refused.what());
  return refused.status;
}

}  // namespace

}  // namespace drift::emulator::cublaslt

namespace lt = drift::emulator::cublaslt;
using drift::emulator::injected_fault;

DRIFT_REPLACES cublasLtCreate(cublasLtHandle_t* handle) {
  if (const auto injected = injected_fault("cublasLtCreate", CUBLAS_STATUS_NOT_INITIALIZED)) return injected;
  *handle = new cublasLtContext;
  drift::emulator::object_created(lt::kHandles);
  return CUBLAS_STATUS_SUCCESS;
}

DRIFT_REPLACES cublasLtDestroy(cublasLtHandle_t handle) {
  if (const auto injected = injected_fault("cublasLtDestroy", CUBLAS_STATUS_NOT_INITIALIZED)) return injected;
  if (handle != nullptr) drift::emulator::object_destroyed(lt::kHandles);
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}

DRIFT_REPLACES cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t descriptor,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int requested,
                                              cublasLtMatmulHeuristicResult_t results[], int* returned) {
  if (const auto injected = injected_fault("cublasLtMatmulAlgoGetHeuristic", CUBLAS_STATUS_NOT_SUPPORTED))
    return injected;
  *returned = 0;
  if (requested < 1) return CUBLAS_STATUS_INVALID_VALUE;
  try {
    lt::describe(descriptor, a, b, c, d);
    const auto algorithm = lt::choose(preference);
    results[0] = {};
    std::memcpy(&results[0].algo, &algorithm, sizeof(algorithm));
    results[0].workspaceSize = algorithm.workspace_bytes;
    results[0].state = CUBLAS_STATUS_SUCCESS;
    results[0].wavesCount = 1.0F;
    *returned = 1;
  } catch (const lt::Refused& refused) {
    return lt::refuse("cublasLtMatmulAlgoGetHeuristic", refused);
  }
  return CUBLAS_STATUS_SUCCESS;
}

DRIFT_REPLACES cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t descriptor, const void* alpha, const void* a,
                              cublasLtMatrixLayout_t a_layout, const void* b, cublasLtMatrixLayout_t b_layout,
                              const void* beta, const void* c, cublasLtMatrixLayout_t c_layout, void* d,
                              cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t* algorithm, void* workspace,
                              std::size_t workspace_bytes, cudaStream_t stream) {
  if (const auto injected = injected_fault("cublasLtMatmul", CUBLAS_STATUS_EXECUTION_FAILED)) return injected;
  try {
    const lt::Matmul matmul = lt::describe(descriptor, a_layout, b_layout, c_layout, d_layout);
    if (matmul.lacks_bias) throw lt::Refused(CUBLAS_STATUS_INVALID_VALUE, "the epilogue needs a bias pointer");
    const bool rounds_parts =
        algorithm != nullptr && lt::check_promises(*algorithm, {a, b, c, d}, workspace, workspace_bytes);
    if (!lt::is_aligned(workspace, lt::kWorkspaceAlignment)) {
      throw lt::Refused(CUBLAS_STATUS_INVALID_VALUE, "the workspace is not aligned to 256 bytes");
    }
    const float alpha_value = *static_cast<const float*>(alpha);
    const float beta_value = *static_cast<const float*>(beta);
    const std::size_t scratch = std::min<std::size_t>(workspace_bytes, workspace == nullptr ? 0 : lt::kWorkspaceBytes);
    drift::emulator::enqueue(stream, "cublasLtMatmul", [=] {
      lt::scribble(workspace, scratch);
      lt::compute(matmul, alpha_value, a, b, beta_value, c, d, rounds_parts);
    });
  } catch (const lt::Refused& refused) {
    return lt::refuse("cublasLtMatmul", refused);
  }
  return CUBLAS_STATUS_SUCCESS;
}
