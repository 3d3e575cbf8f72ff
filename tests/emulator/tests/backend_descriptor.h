// cuDNN's backend API for what cudnn-frontend has no node for: an owned descriptor whose calls throw.
#pragma once

#include <cstdint>
#include <cudnn.h>
#include <stdexcept>
#include <string>
#include <vector>

namespace drift::emulator::testing {

inline void check(cudnnStatus_t status, const char* what) {
  if (status != CUDNN_STATUS_SUCCESS) throw std::runtime_error(std::string(what) + ": " + cudnnGetErrorString(status));
}

class BackendDescriptor {
 public:
  explicit BackendDescriptor(cudnnBackendDescriptorType_t type) {
    check(cudnnBackendCreateDescriptor(type, &descriptor_), "cudnnBackendCreateDescriptor");
  }
  ~BackendDescriptor() { cudnnBackendDestroyDescriptor(descriptor_); }
  BackendDescriptor(const BackendDescriptor&) = delete;
  BackendDescriptor& operator=(const BackendDescriptor&) = delete;

  cudnnBackendDescriptor_t get() const { return descriptor_; }

  template <class T>
  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, const std::vector<T>& values) {
    check(cudnnBackendSetAttribute(descriptor_, name, type, static_cast<std::int64_t>(values.size()), values.data()),
          "cudnnBackendSetAttribute");
  }
  void set(cudnnBackendAttributeName_t name, const std::vector<const BackendDescriptor*>& children) {
    std::vector<cudnnBackendDescriptor_t> descriptors;
    for (const BackendDescriptor* child : children) descriptors.push_back(child->get());
    set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, descriptors);
  }
  void finalize() { check(cudnnBackendFinalize(descriptor_), "cudnnBackendFinalize"); }

 private:
  cudnnBackendDescriptor_t descriptor_ = nullptr;
};

}  // namespace drift::emulator::testing
