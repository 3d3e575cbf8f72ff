// The calls of CUPTI that Drift makes, on the emulated runtime: callbacks for nodes of graphs, and records of kernels
// in buffers that the program gives. Times are those of the virtual clock.
#include <cstring>
#include <cupti.h>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/emulator/cudart/enqueue.h"
#include "tests/emulator/cudart/observer.h"

#define DRIFT_REPLACES extern "C" __attribute__((visibility("default")))

namespace {

using drift::emulator::injected_fault;

class Profiler final : public drift::emulator::Observer {
 public:
  Profiler() { drift::emulator::observe(this); }

  CUptiResult subscribe(CUpti_SubscriberHandle* handle, CUpti_CallbackFunc callback, void* data) {
    const std::lock_guard lock(mutex_);
    if (callback_ != nullptr) return CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED;
    callback_ = callback;
    data_ = data;
    *handle = reinterpret_cast<CUpti_SubscriberHandle>(this);
    return CUPTI_SUCCESS;
  }

  CUptiResult call_for(CUpti_SubscriberHandle handle, CUpti_CallbackDomain domain, CUpti_CallbackId id, bool on) {
    const std::lock_guard lock(mutex_);
    if (handle != reinterpret_cast<CUpti_SubscriberHandle>(this) || domain != CUPTI_CB_DOMAIN_RESOURCE) {
      return CUPTI_ERROR_INVALID_PARAMETER;
    }
    on ? void(called_for_.insert(id)) : void(called_for_.erase(id));
    return CUPTI_SUCCESS;
  }

  CUptiResult id_of(const void* node, std::uint64_t* id) {
    if (node == nullptr) return CUPTI_ERROR_INVALID_PARAMETER;
    const std::lock_guard lock(mutex_);
    const auto known = ids_.find(node);
    if (known == ids_.end()) return CUPTI_ERROR_INVALID_PARAMETER;
    *id = known->second;
    return CUPTI_SUCCESS;
  }

  CUptiResult register_buffers(CUpti_BuffersCallbackRequestFunc give, CUpti_BuffersCallbackCompleteFunc take) {
    const std::lock_guard lock(mutex_);
    give_ = give;
    take_ = take;
    return CUPTI_SUCCESS;
  }

  CUptiResult enable(CUpti_ActivityKind kind, bool on) {
    const std::lock_guard lock(mutex_);
    if (kind != CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL) return CUPTI_ERROR_INVALID_KIND;
    if (on && give_ == nullptr) return CUPTI_ERROR_NOT_READY;
    enabled_ = on;
    return CUPTI_SUCCESS;
  }

  CUptiResult flush() {
    std::vector<CUpti_ActivityKernel10> records;
    {
      const std::lock_guard lock(mutex_);
      records.swap(records_);
    }
    for (std::size_t next = 0; next < records.size();) {
      std::uint8_t* buffer = nullptr;
      std::size_t bytes = 0, limit = 0;
      give_(&buffer, &bytes, &limit);
      if (buffer == nullptr || bytes < sizeof(CUpti_ActivityKernel10)) return CUPTI_ERROR_OUT_OF_MEMORY;
      std::size_t valid = 0;
      for (; next < records.size() && valid + sizeof records[next] <= bytes; ++next) {
        std::memcpy(buffer + valid, &records[next], sizeof records[next]);
        valid += sizeof records[next];
      }
      take_(nullptr, 0, buffer, bytes, valid);
    }
    return CUPTI_SUCCESS;
  }

  void node_created(const void* node) override {
    CUpti_GraphData graph{};
    graph.node = handle(node);
    tell(node, CUPTI_CBID_RESOURCE_GRAPHNODE_CREATED, graph);
  }

  void node_cloned(const void* node, const void* clone) override {
    CUpti_GraphData graph{};
    graph.originalNode = handle(node);
    graph.node = handle(clone);
    tell(clone, CUPTI_CBID_RESOURCE_GRAPHNODE_CLONED, graph);
  }

  void kernel_ran(const std::string& name, const void* clone, std::int64_t begin, std::int64_t end) override {
    const std::lock_guard lock(mutex_);
    if (!enabled_) return;
    CUpti_ActivityKernel10 record{};
    record.kind = CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL;
    record.start = static_cast<std::uint64_t>(begin);
    record.end = static_cast<std::uint64_t>(end);
    record.name = names_.insert(name).first->c_str();
    const auto known = ids_.find(clone);
    record.graphNodeId = clone == nullptr || known == ids_.end() ? 0 : known->second;
    records_.push_back(record);
  }

 private:
  static CUgraphNode handle(const void* node) { return static_cast<CUgraphNode>(const_cast<void*>(node)); }

  // A new node, perhaps in the place of one that is gone.
  void tell(const void* node, CUpti_CallbackId id, CUpti_GraphData& graph) {
    CUpti_CallbackFunc callback = nullptr;
    {
      const std::lock_guard lock(mutex_);
      ids_[node] = ++nodes_;
      if (called_for_.contains(id)) callback = callback_;
    }
    if (callback == nullptr) return;
    CUpti_ResourceData resource{};
    resource.resourceDescriptor = &graph;
    callback(data_, CUPTI_CB_DOMAIN_RESOURCE, id, &resource);
  }

  std::mutex mutex_;
  CUpti_CallbackFunc callback_ = nullptr;
  void* data_ = nullptr;
  std::set<CUpti_CallbackId> called_for_;
  CUpti_BuffersCallbackRequestFunc give_ = nullptr;
  CUpti_BuffersCallbackCompleteFunc take_ = nullptr;
  bool enabled_ = false;
  std::unordered_map<const void*, std::uint64_t> ids_;
  std::uint64_t nodes_ = 0;
  std::set<std::string> names_;
  std::vector<CUpti_ActivityKernel10> records_;
};

Profiler& profiler() {
  static Profiler* const one = new Profiler;  // the runtime may call until the process has ended
  return *one;
}

}  // namespace

DRIFT_REPLACES CUptiResult cuptiSubscribe(CUpti_SubscriberHandle* handle, CUpti_CallbackFunc callback, void* data) {
  const CUptiResult fault = injected_fault(__func__, CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED);
  return fault != CUPTI_SUCCESS ? fault : profiler().subscribe(handle, callback, data);
}

DRIFT_REPLACES CUptiResult cuptiEnableCallback(std::uint32_t on, CUpti_SubscriberHandle handle,
                                               CUpti_CallbackDomain domain, CUpti_CallbackId id) {
  return profiler().call_for(handle, domain, id, on != 0);
}

DRIFT_REPLACES CUptiResult cuptiGetGraphNodeId(CUgraphNode node, std::uint64_t* id) {
  return profiler().id_of(node, id);
}

DRIFT_REPLACES CUptiResult cuptiActivityRegisterCallbacks(CUpti_BuffersCallbackRequestFunc give,
                                                          CUpti_BuffersCallbackCompleteFunc take) {
  return profiler().register_buffers(give, take);
}

DRIFT_REPLACES CUptiResult cuptiActivityEnable(CUpti_ActivityKind kind) {
  const CUptiResult fault = injected_fault(__func__, CUPTI_ERROR_INSUFFICIENT_PRIVILEGES);
  return fault != CUPTI_SUCCESS ? fault : profiler().enable(kind, true);
}

DRIFT_REPLACES CUptiResult cuptiActivityDisable(CUpti_ActivityKind kind) {
  return profiler().enable(kind, false);
}

DRIFT_REPLACES CUptiResult cuptiActivityFlushAll(std::uint32_t) {
  return profiler().flush();
}

DRIFT_REPLACES CUptiResult cuptiActivityGetNextRecord(std::uint8_t* buffer, std::size_t valid,
                                                      CUpti_Activity** record) {
  std::uint8_t* const next =
      *record == nullptr ? buffer : reinterpret_cast<std::uint8_t*>(*record) + sizeof(CUpti_ActivityKernel10);
  if (next + sizeof(CUpti_ActivityKernel10) > buffer + valid) return CUPTI_ERROR_MAX_LIMIT_REACHED;
  *record = reinterpret_cast<CUpti_Activity*>(next);
  return CUPTI_SUCCESS;
}

DRIFT_REPLACES CUptiResult cuptiGetResultString(CUptiResult result, const char** text) {
  *text = result == CUPTI_ERROR_INSUFFICIENT_PRIVILEGES              ? "CUPTI_ERROR_INSUFFICIENT_PRIVILEGES"
          : result == CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED ? "CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED"
                                                                     : "an error of CUPTI";
  return CUPTI_SUCCESS;
}
