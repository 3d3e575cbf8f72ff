// What the program told cuDNN: each backend descriptor's attributes, as they were set. Descriptors that are set as
// attributes of others are resolved to their records at once, because cuDNN re-uses the addresses of destroyed ones; a
// plan's record therefore keeps its whole graph alive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <cudnn.h>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace drift::emulator::cudnn {

struct Record;
using RecordPointer = std::shared_ptr<Record>;

struct Attribute {
  cudnnBackendAttributeType_t type;
  std::size_t count;
  std::vector<std::byte> bytes;
  std::vector<RecordPointer> children;  // of type CUDNN_TYPE_BACKEND_DESCRIPTOR, else empty
};

struct Record {
  cudnnBackendDescriptorType_t type;
  std::map<cudnnBackendAttributeName_t, Attribute> attributes;
  // Of engine configurations that a heuristic filled in: the operation graph, and how many multiprocessors it was told
  // to count on, 0 for all.
  RecordPointer graph;
  std::int32_t multiprocessors = 0;
  bool finalized = false;

  template <class T>
  std::vector<T> values(cudnnBackendAttributeName_t name) const {
    const auto found = attributes.find(name);
    if (found == attributes.end()) return {};
    std::vector<T> values(found->second.count);
    std::memcpy(values.data(), found->second.bytes.data(), values.size() * sizeof(T));
    return values;
  }

  template <class T>
  T value(cudnnBackendAttributeName_t name, T otherwise) const {
    const auto found = values<T>(name);
    return found.empty() ? otherwise : found.front();
  }

  std::vector<RecordPointer> children(cudnnBackendAttributeName_t name) const;
  RecordPointer child(cudnnBackendAttributeName_t name) const;  // nullptr if not set
};

// The operation graph that a plan, engine, engine configuration or heuristic is for; nullptr if unknown.
RecordPointer operation_graph(const RecordPointer& record);

// All living descriptors. Called by the replaced functions after the real call has succeeded; any thread.
class Registry {
 public:
  static Registry& instance();

  void created(cudnnBackendDescriptor_t descriptor, cudnnBackendDescriptorType_t type);
  void finalized(cudnnBackendDescriptor_t descriptor);
  bool destroyed(cudnnBackendDescriptor_t descriptor);  // false: it was not living
  void set(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
           std::size_t count, const void* values);
  // `parts` were filled in by a query of `descriptor`: they belong to the same graph.
  void filled_in(cudnnBackendDescriptor_t descriptor, const cudnnBackendDescriptor_t* parts, std::size_t count);
  RecordPointer find(cudnnBackendDescriptor_t descriptor);

 private:
  RecordPointer find_locked(cudnnBackendDescriptor_t descriptor) const;

  std::mutex mutex_;
  std::map<cudnnBackendDescriptor_t, RecordPointer> records_;
};

}  // namespace drift::emulator::cudnn
