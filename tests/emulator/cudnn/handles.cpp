#include "tests/emulator/cudnn/handles.h"

#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "tests/emulator/cudnn/refuse.h"

namespace drift::emulator::cudnn {

namespace {

struct Handles {
  std::mutex mutex;
  std::map<cudnnHandle_t, std::unique_ptr<cudnnContext>> all;
};

Handles& handles() {
  static auto* const value = new Handles;  // static objects of the program may destroy theirs at its end
  return *value;
}

bool is_living(cudnnHandle_t handle) {
  const std::lock_guard lock(handles().mutex);
  const auto found = handles().all.find(handle);
  return found != handles().all.end() && found->second->living;
}

}  // namespace

cudnnHandle_t new_handle() {
  auto handle = std::make_unique<cudnnContext>();
  const cudnnHandle_t address = handle.get();
  const std::lock_guard lock(handles().mutex);
  handles().all[address] = std::move(handle);
  return address;
}

void end_handle(cudnnHandle_t handle) {
  const std::lock_guard lock(handles().mutex);
  handle->living = false;
}

cudnnStatus_t check_handle(cudnnHandle_t handle, const char* api) {
  if (handle == nullptr) return CUDNN_STATUS_BAD_PARAM_NULL_POINTER;
  if (is_living(handle)) return CUDNN_STATUS_SUCCESS;
  return refuse(CUDNN_STATUS_BAD_PARAM, api, "this handle was destroyed, or cudnnCreate never made it");
}

}  // namespace drift::emulator::cudnn
