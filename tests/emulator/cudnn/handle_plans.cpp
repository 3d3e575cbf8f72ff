#include "tests/emulator/cudnn/handle_plans.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <vector>

#include "tests/emulator/cudnn/handles.h"
#include "tests/emulator/cudnn/real_function.h"
#include "tests/emulator/cudnn/records.h"
#include "tests/emulator/cudnn/refuse.h"

namespace drift::emulator::cudnn {

namespace {

constexpr const char* kSet = "cudnnBackendSetAttribute";
constexpr const char* kLibrary = "libcudnn.so.9";

auto* real_set() {
  static auto* const real = real_function<decltype(cudnnBackendSetAttribute)>(kSet, kLibrary);
  return real;
}

// The real library's description of the device; nullptr, once said why, if there is none.
cudnnBackendDescriptor_t read_properties() {
  const char* const path = std::getenv("EMU_DEVICE_PROPERTIES");
  std::ifstream file(path == nullptr ? "" : path);
  std::vector<char> text((std::istreambuf_iterator<char>(file)), {});
  auto* const create = real_function<decltype(cudnnBackendCreateDescriptor)>("cudnnBackendCreateDescriptor", kLibrary);
  auto* const finalize = real_function<decltype(cudnnBackendFinalize)>("cudnnBackendFinalize", kLibrary);
  cudnnBackendDescriptor_t properties = nullptr;
  const bool taken = create(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, &properties) == CUDNN_STATUS_SUCCESS &&
                     real_set()(properties, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
                                static_cast<std::int64_t>(text.size()), text.data()) == CUDNN_STATUS_SUCCESS &&
                     finalize(properties) == CUDNN_STATUS_SUCCESS;
  if (taken) return properties;
  refuse(CUDNN_STATUS_NOT_INITIALIZED, kSet, "EMU_DEVICE_PROPERTIES names no file of device properties for cuDNN");
  return nullptr;
}

// As long as the process.
cudnnBackendDescriptor_t device_properties() {
  static const cudnnBackendDescriptor_t properties = read_properties();
  return properties;
}

cudnnStatus_t set_properties(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name) {
  const cudnnBackendDescriptor_t properties = device_properties();
  if (properties == nullptr) return CUDNN_STATUS_NOT_INITIALIZED;
  return real_set()(descriptor, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &properties);
}

}  // namespace

cudnnStatus_t set_handle(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name, std::int64_t count,
                         const void* values) {
  if (count != 1 || values == nullptr) return refuse(CUDNN_STATUS_BAD_PARAM, kSet, "one handle is wanted");
  const auto status = check_handle(*static_cast<const cudnnHandle_t*>(values), kSet);
  if (status != CUDNN_STATUS_SUCCESS) return status;
  switch (name) {
    case CUDNN_ATTR_OPERATIONGRAPH_HANDLE:
      Registry::instance().set(descriptor, name, CUDNN_TYPE_HANDLE, 1, values);
      return CUDNN_STATUS_SUCCESS;
    case CUDNN_ATTR_EXECUTION_PLAN_HANDLE:
      return set_properties(descriptor, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP);
    default:
      return refuse(CUDNN_STATUS_NOT_SUPPORTED, kSet, "a handle is emulated in operation graphs and execution plans");
  }
}

cudnnStatus_t pass_handle_on(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name) {
  const bool engine = name == CUDNN_ATTR_ENGINE_OPERATION_GRAPH;
  if (!engine && name != CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH) return CUDNN_STATUS_SUCCESS;
  const RecordPointer record = Registry::instance().find(descriptor);
  const RecordPointer graph = record == nullptr ? nullptr : record->child(name);
  if (graph == nullptr || !graph->attributes.contains(CUDNN_ATTR_OPERATIONGRAPH_HANDLE)) return CUDNN_STATUS_SUCCESS;
  const auto status = check_handle(graph->value<cudnnHandle_t>(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, nullptr), kSet);
  if (status != CUDNN_STATUS_SUCCESS) return status;
  return set_properties(descriptor, engine ? CUDNN_ATTR_ENGINE_DEVICEPROP : CUDNN_ATTR_ENGINEHEUR_DEVICEPROP);
}

}  // namespace drift::emulator::cudnn
