#include "tests/emulator/cudnn/records.h"

#include <cstdint>
#include <utility>

namespace drift::emulator::cudnn {

namespace {

std::size_t value_size(cudnnBackendAttributeType_t type) {
  switch (type) {
    case CUDNN_TYPE_BOOLEAN:
    case CUDNN_TYPE_CHAR:
      return 1;
    case CUDNN_TYPE_INT64:
    case CUDNN_TYPE_DOUBLE:
    case CUDNN_TYPE_HANDLE:
    case CUDNN_TYPE_VOID_PTR:
    case CUDNN_TYPE_BACKEND_DESCRIPTOR:
      return 8;
    case CUDNN_TYPE_FRACTION:
      return sizeof(cudnnFraction_t);
    default:
      return 4;  // enumerations, int32 and float
  }
}

}  // namespace

std::vector<RecordPointer> Record::children(cudnnBackendAttributeName_t name) const {
  const auto found = attributes.find(name);
  return found == attributes.end() ? std::vector<RecordPointer>() : found->second.children;
}

RecordPointer Record::child(cudnnBackendAttributeName_t name) const {
  const auto found = children(name);
  return found.empty() ? nullptr : found.front();
}

RecordPointer operation_graph(const RecordPointer& record) {
  if (record == nullptr || record->type == CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR) return record;
  if (record->graph != nullptr) return record->graph;
  for (const auto name : {CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, CUDNN_ATTR_ENGINECFG_ENGINE,
                          CUDNN_ATTR_ENGINE_OPERATION_GRAPH, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH}) {
    if (auto graph = operation_graph(record->child(name))) return graph;
  }
  return nullptr;
}

Registry& Registry::instance() {
  // Never destroyed: static objects of the program may free their plans after this library's own would be gone.
  static auto* const registry = new Registry;
  return *registry;
}

void Registry::created(cudnnBackendDescriptor_t descriptor, cudnnBackendDescriptorType_t type) {
  auto record = std::make_shared<Record>();
  record->type = type;
  const std::lock_guard lock(mutex_);
  records_[descriptor] = std::move(record);
}

void Registry::finalized(cudnnBackendDescriptor_t descriptor) {
  const std::lock_guard lock(mutex_);
  if (const auto record = find_locked(descriptor)) record->finalized = true;
}

bool Registry::destroyed(cudnnBackendDescriptor_t descriptor) {
  const std::lock_guard lock(mutex_);
  return records_.erase(descriptor) == 1;
}

void Registry::set(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name,
                   cudnnBackendAttributeType_t type, std::size_t count, const void* values) {
  const auto* bytes = static_cast<const std::byte*>(values);
  Attribute attribute{type, count, std::vector<std::byte>(bytes, bytes + count * value_size(type)), {}};
  const std::lock_guard lock(mutex_);
  const auto record = find_locked(descriptor);
  if (record == nullptr) return;
  if (type == CUDNN_TYPE_BACKEND_DESCRIPTOR) {
    const auto* descriptors = static_cast<const cudnnBackendDescriptor_t*>(values);
    for (std::size_t i = 0; i < count; ++i) attribute.children.push_back(find_locked(descriptors[i]));
  }
  record->attributes[name] = std::move(attribute);
}

void Registry::filled_in(cudnnBackendDescriptor_t descriptor, const cudnnBackendDescriptor_t* parts,
                         std::size_t count) {
  const std::lock_guard lock(mutex_);
  const auto heuristic = find_locked(descriptor);
  const auto graph = operation_graph(heuristic);
  if (graph == nullptr) return;
  const auto multiprocessors = heuristic->value<std::int32_t>(CUDNN_ATTR_ENGINEHEUR_SM_COUNT_TARGET, 0);
  for (std::size_t i = 0; i < count; ++i) {
    const auto part = find_locked(parts[i]);
    if (part == nullptr) continue;
    part->graph = graph;
    part->multiprocessors = multiprocessors;
  }
}

RecordPointer Registry::find(cudnnBackendDescriptor_t descriptor) {
  const std::lock_guard lock(mutex_);
  return find_locked(descriptor);
}

RecordPointer Registry::find_locked(cudnnBackendDescriptor_t descriptor) const {
  const auto found = records_.find(descriptor);
  return found == records_.end() ? nullptr : found->second;
}

}  // namespace drift::emulator::cudnn
