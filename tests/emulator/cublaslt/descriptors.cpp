// The functions that need no device: the real library's, counted, made to fail where EMU_FAIL wants that, and checked
// for objects that are never destroyed. GetAttribute functions are not among them: only the stand-in calls those.
#include <cstddef>
#include <cstdint>

#include "tests/emulator/cublaslt/replaced.h"

using drift::emulator::injected_fault;
using drift::emulator::object_created;
using drift::emulator::object_destroyed;

namespace {

constexpr const char* kMatmuls = "cuBLASLt matmul descriptors";
constexpr const char* kLayouts = "cuBLASLt matrix layouts";
constexpr const char* kPreferences = "cuBLASLt matmul preferences";

// What the real library says, unless the call is made to fail.
template <class Real, class... Arguments>
cublasStatus_t forwarded(const char* api, cublasStatus_t usual, Real* real, Arguments... arguments) {
  if (const auto injected = injected_fault(api, usual)) return injected;
  return real(arguments...);
}

cublasStatus_t created(const char* kind, cublasStatus_t status) {
  if (status == CUBLAS_STATUS_SUCCESS) object_created(kind);
  return status;
}

cublasStatus_t destroyed(const char* kind, cublasStatus_t status) {
  if (status == CUBLAS_STATUS_SUCCESS) object_destroyed(kind);
  return status;
}

}  // namespace

DRIFT_REPLACES cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* descriptor, cublasComputeType_t compute,
                                        cudaDataType_t scale) {
  DRIFT_REAL(cublasLtMatmulDescCreate);
  return created(kMatmuls, forwarded(__func__, CUBLAS_STATUS_ALLOC_FAILED, real, descriptor, compute, scale));
}

DRIFT_REPLACES cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t descriptor) {
  DRIFT_REAL(cublasLtMatmulDescDestroy);
  return destroyed(kMatmuls, forwarded(__func__, CUBLAS_STATUS_INVALID_VALUE, real, descriptor));
}

DRIFT_REPLACES cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t descriptor, cublasLtMatmulDescAttributes_t name,
                                              const void* value, std::size_t bytes) {
  DRIFT_REAL(cublasLtMatmulDescSetAttribute);
  return forwarded(__func__, CUBLAS_STATUS_INVALID_VALUE, real, descriptor, name, value, bytes);
}

DRIFT_REPLACES cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType_t type, std::uint64_t rows,
                                          std::uint64_t columns, std::int64_t leading) {
  DRIFT_REAL(cublasLtMatrixLayoutCreate);
  return created(kLayouts, forwarded(__func__, CUBLAS_STATUS_ALLOC_FAILED, real, layout, type, rows, columns, leading));
}

DRIFT_REPLACES cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
  DRIFT_REAL(cublasLtMatrixLayoutDestroy);
  return destroyed(kLayouts, forwarded(__func__, CUBLAS_STATUS_INVALID_VALUE, real, layout));
}

DRIFT_REPLACES cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout, cublasLtMatrixLayoutAttribute_t name,
                                                const void* value, std::size_t bytes) {
  DRIFT_REAL(cublasLtMatrixLayoutSetAttribute);
  return forwarded(__func__, CUBLAS_STATUS_INVALID_VALUE, real, layout, name, value, bytes);
}

DRIFT_REPLACES cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference) {
  DRIFT_REAL(cublasLtMatmulPreferenceCreate);
  return created(kPreferences, forwarded(__func__, CUBLAS_STATUS_ALLOC_FAILED, real, preference));
}

DRIFT_REPLACES cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
  DRIFT_REAL(cublasLtMatmulPreferenceDestroy);
  return destroyed(kPreferences, forwarded(__func__, CUBLAS_STATUS_INVALID_VALUE, real, preference));
}

DRIFT_REPLACES cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t name, const void* value,
                                                    std::size_t bytes) {
  DRIFT_REAL(cublasLtMatmulPreferenceSetAttribute);
  return forwarded(__func__, CUBLAS_STATUS_INVALID_VALUE, real, preference, name, value, bytes);
}
