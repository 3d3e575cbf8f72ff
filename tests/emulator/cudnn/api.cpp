// The replaced cuDNN functions, interposed by LD_PRELOAD. Handles are ours, because the real cudnnCreate needs a
// device; descriptors are real, recorded on the way through; only cudnnBackendExecute is replaced whole. Where a
// program sets a handle, the real library is told the properties of the emulated device.
#include <algorithm>
#include <cudnn.h>
#include <exception>

#include "tests/emulator/cudart/enqueue.h"
#include "tests/emulator/cudnn/execute.h"
#include "tests/emulator/cudnn/handle_plans.h"
#include "tests/emulator/cudnn/handles.h"
#include "tests/emulator/cudnn/real_function.h"
#include "tests/emulator/cudnn/records.h"
#include "tests/emulator/cudnn/refuse.h"

#define DRIFT_REPLACES extern "C" __attribute__((visibility("default"))) cudnnStatus_t

namespace drift::emulator::cudnn {

namespace {

constexpr const char* kHandles = "cuDNN handles";
constexpr const char* kDescriptors = "cuDNN backend descriptors";

}  // namespace

}  // namespace drift::emulator::cudnn

// `real` is the hidden function itself.
#define DRIFT_REAL(name) \
  static auto* const real = drift::emulator::real_function<decltype(name)>(#name, "libcudnn.so.9")

using drift::emulator::injected_fault;
using drift::emulator::object_created;
using drift::emulator::object_destroyed;
using drift::emulator::cudnn::check_handle;
using drift::emulator::cudnn::kDescriptors;
using drift::emulator::cudnn::kHandles;
using drift::emulator::cudnn::refuse;
using drift::emulator::cudnn::Registry;

DRIFT_REPLACES cudnnCreate(cudnnHandle_t* handle) {
  if (const auto injected = injected_fault("cudnnCreate", CUDNN_STATUS_NOT_INITIALIZED)) return injected;
  *handle = drift::emulator::cudnn::new_handle();
  object_created(kHandles);
  return CUDNN_STATUS_SUCCESS;
}

DRIFT_REPLACES cudnnDestroy(cudnnHandle_t handle) {
  if (const auto injected = injected_fault("cudnnDestroy", CUDNN_STATUS_BAD_PARAM)) return injected;
  if (handle == nullptr) return CUDNN_STATUS_SUCCESS;
  const auto status = check_handle(handle, "cudnnDestroy");
  if (status != CUDNN_STATUS_SUCCESS) return status;
  object_destroyed(kHandles);
  drift::emulator::cudnn::end_handle(handle);
  return CUDNN_STATUS_SUCCESS;
}

DRIFT_REPLACES cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  if (const auto injected = injected_fault("cudnnSetStream", CUDNN_STATUS_BAD_PARAM_STREAM_MISMATCH)) return injected;
  const auto status = check_handle(handle, "cudnnSetStream");
  if (status != CUDNN_STATUS_SUCCESS) return status;
  handle->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}

DRIFT_REPLACES cudnnGetStream(cudnnHandle_t handle, cudaStream_t* stream) {
  if (const auto injected = injected_fault("cudnnGetStream", CUDNN_STATUS_BAD_PARAM)) return injected;
  const auto status = check_handle(handle, "cudnnGetStream");
  if (status != CUDNN_STATUS_SUCCESS) return status;
  *stream = handle->stream;
  return CUDNN_STATUS_SUCCESS;
}

DRIFT_REPLACES cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type, cudnnBackendDescriptor_t* descriptor) {
  DRIFT_REAL(cudnnBackendCreateDescriptor);
  if (const auto injected =
          injected_fault("cudnnBackendCreateDescriptor", CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED))
    return injected;
  const auto status = real(type, descriptor);
  if (status != CUDNN_STATUS_SUCCESS) return status;
  Registry::instance().created(*descriptor, type);
  object_created(kDescriptors);
  return status;
}

DRIFT_REPLACES cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t descriptor) {
  DRIFT_REAL(cudnnBackendDestroyDescriptor);
  if (const auto injected = injected_fault("cudnnBackendDestroyDescriptor", CUDNN_STATUS_BAD_PARAM)) return injected;
  if (Registry::instance().destroyed(descriptor)) object_destroyed(kDescriptors);
  return real(descriptor);
}

DRIFT_REPLACES cudnnBackendFinalize(cudnnBackendDescriptor_t descriptor) {
  DRIFT_REAL(cudnnBackendFinalize);
  if (const auto injected = injected_fault("cudnnBackendFinalize", CUDNN_STATUS_NOT_SUPPORTED)) return injected;
  const auto status = real(descriptor);
  if (status == CUDNN_STATUS_SUCCESS) Registry::instance().finalized(descriptor);
  return status;
}

DRIFT_REPLACES cudnnBackendSetAttribute(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
                                        cudnnBackendAttributeType_t type, int64_t count, const void* values) {
  DRIFT_REAL(cudnnBackendSetAttribute);
  if (const auto injected = injected_fault("cudnnBackendSetAttribute", CUDNN_STATUS_BAD_PARAM)) return injected;
  if (type == CUDNN_TYPE_HANDLE) return drift::emulator::cudnn::set_handle(descriptor, name, count, values);
  const auto status = real(descriptor, name, type, count, values);
  if (status != CUDNN_STATUS_SUCCESS) return status;
  Registry::instance().set(descriptor, name, type, static_cast<std::size_t>(count), values);
  return drift::emulator::cudnn::pass_handle_on(descriptor, name);
}

DRIFT_REPLACES cudnnBackendGetAttribute(cudnnBackendDescriptor_t const descriptor, cudnnBackendAttributeName_t name,
                                        cudnnBackendAttributeType_t type, int64_t requested, int64_t* count,
                                        void* values) {
  DRIFT_REAL(cudnnBackendGetAttribute);
  if (const auto injected = injected_fault("cudnnBackendGetAttribute", CUDNN_STATUS_BAD_PARAM)) return injected;
  const auto status = real(descriptor, name, type, requested, count, values);
  if (status == CUDNN_STATUS_SUCCESS && type == CUDNN_TYPE_BACKEND_DESCRIPTOR && values != nullptr) {
    const auto filled = count == nullptr ? requested : std::min(requested, *count);
    Registry::instance().filled_in(descriptor, static_cast<const cudnnBackendDescriptor_t*>(values),
                                   static_cast<std::size_t>(filled));
  }
  return status;
}

DRIFT_REPLACES cudnnBackendExecute(cudnnHandle_t handle, cudnnBackendDescriptor_t plan,
                                   cudnnBackendDescriptor_t variant_pack) {
  DRIFT_REAL(cudnnBackendGetAttribute);
  if (const auto injected = injected_fault("cudnnBackendExecute", CUDNN_STATUS_EXECUTION_FAILED)) return injected;
  auto status = check_handle(handle, "cudnnBackendExecute");
  if (status != CUDNN_STATUS_SUCCESS) return status;
  int64_t workspace_bytes = 0;
  int64_t found = 0;
  status = real(plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &found, &workspace_bytes);
  if (status != CUDNN_STATUS_SUCCESS) return status;
  auto& registry = Registry::instance();
  try {
    drift::emulator::cudnn::execute(registry.find(plan), workspace_bytes, registry.find(variant_pack), handle->stream);
  } catch (const std::exception& error) {
    return refuse(CUDNN_STATUS_NOT_SUPPORTED, "cudnnBackendExecute", error.what());
  }
  return CUDNN_STATUS_SUCCESS;
}
