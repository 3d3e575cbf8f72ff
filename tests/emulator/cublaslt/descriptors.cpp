// The functions that need no device: the real library's, counted, made to fail where EMU_FAIL wants that, and checked
// for objects that are never destroyed. GetAttribute functions are not among them: only the stand-in calls those.
#include <cstddef>
#include <cstdint>

#include "tests/emulator/cublaslt/replaced.h"

using drift::emulator::object_created;
using drift::emulator::object_destroyed;
using drift::emulator::cublaslt::fault;

namespace {

constexpr const char* kMatmuls = "cuBLASLt matmul descriptors";
constexpr const char* kLayouts = "cuBLASLt matrix layouts";
constexpr const char* kPreferences = "cuBLASLt matmul preferences";

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
  if (const auto injected = fault(__func__, CUBLAS_STATUS_ALLOC_FAILED)) return injected;
  return created(kMatmuls, real(descriptor, compute, scale));
}

DRIFT_REPLACES cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t descriptor) {
  DRIFT_REAL(cublasLtMatmulDescDestroy);
  if (const auto injected = fault(__func__, CUBLAS_STATUS_INVALID_VALUE)) return injected;
  return destroyed(kMatmuls, real(descriptor));
}

DRIFT_REPLACES cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t descriptor, cublasLtMatmulDescAttributes_t name,
                                              const void* value, std::size_t bytes) {
  DRIFT_REAL(cublasLtMatmulDescSetAttribute);
  if (const auto injected = fault(__func__, CUBLAS_STATUS_INVALID_VALUE)) return injected;
  return real(descriptor, name, value, bytes);
}

DRIFT_REPLACES cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType_t type, std::uint64_t rows,
                                          std::uint64_t columns, std::int64_t leading) {
  DRIFT_REAL(cublasLtMatrixLayoutCreate);
  if (const auto injected = fault(__func__, CUBLAS_STATUS_ALLOC_FAILED)) return injected;
  return created(kLayouts, real(layout, type, rows, columns, leading));
}

DRIFT_REPLACES cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
  DRIFT_REAL(cublasLtMatrixLayoutDestroy);
  if (const auto injected = fault(__func__, CUBLAS_STATUS_INVALID_VALUE)) return injected;
  return destroyed(kLayouts, real(layout));
}

DRIFT_REPLACES cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout, cublasLtMatrixLayoutAttribute_t name,
                                                const void* value, std::size_t bytes) {
  DRIFT_REAL(cublasLtMatrixLayoutSetAttribute);
  if (const auto injected = fault(__func__, CUBLAS_STATUS_INVALID_VALUE)) return injected;
  return real(layout, name, value, bytes);
}

DRIFT_REPLACES cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference) {
  DRIFT_REAL(cublasLtMatmulPreferenceCreate);
  if (const auto injected = fault(__func__, CUBLAS_STATUS_ALLOC_FAILED)) return injected;
  return created(kPreferences, real(preference));
}

DRIFT_REPLACES cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
  DRIFT_REAL(cublasLtMatmulPreferenceDestroy);
  if (const auto injected = fault(__func__, CUBLAS_STATUS_INVALID_VALUE)) return injected;
  return destroyed(kPreferences, real(preference));
}

DRIFT_REPLACES cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t name, const void* value,
                                                    std::size_t bytes) {
  DRIFT_REAL(cublasLtMatmulPreferenceSetAttribute);
  if (const auto injected = fault(__func__, CUBLAS_STATUS_INVALID_VALUE)) return injected;
  return real(preference, name, value, bytes);
}
