// The KernelWatch of GPUs. CUPTI tells in the thread that captures of each node that is made, and of each that an
// executable graph has in its place; a record of a kernel that ran names the node. So a record leads to the operation
// that the thread captured then. Records come in buffers, on a thread of CUPTI's or in a call that flushes.
#include "kernels/observed/kernel_watch.h"

#include <cstdlib>
#include <cxxabi.h>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "core/check.h"
#include "kernels/cuda.h"
#include "kernels/cuda/cupti/library.h"

namespace drift {
namespace {

// What records of all versions since begin with.
using KernelRecord = CUpti_ActivityKernel9;
constexpr std::size_t kBufferBytes = 1 << 20, kAlignment = 8;

class Watch;

struct Operation {
  Watch* watch = nullptr;
  std::size_t identity = 0;
};

thread_local Operation captured_now;

// "void f<int>(float*)" of "_Z1f..."
std::string readable(const char* name) {
  int status = 0;
  char* const text = abi::__cxa_demangle(name, nullptr, nullptr, &status);
  std::string result = status == 0 ? text : name;
  std::free(text);
  return result;
}

// There is one of it in a process, as there is one CUPTI.
class Activity {
 public:
  static Activity& get() {
    static Activity* const activity = new Activity;  // CUPTI may call until the process has ended
    return *activity;
  }

  void start() {
    const std::lock_guard lock(switch_mutex_);
    if (running_++ == 0) check_cupti(cupti_.enable(CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL), "cuptiActivityEnable");
  }
  void stop() {
    const std::lock_guard lock(switch_mutex_);
    check_cupti(cupti_.flush(0), "cuptiActivityFlushAll");
    if (--running_ == 0) check_cupti(cupti_.disable(CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL), "cuptiActivityDisable");
  }

  std::vector<KernelWatch::Kernel> take(Watch* watch) {
    const std::lock_guard lock(mutex_);
    std::vector<KernelWatch::Kernel> kernels;
    const auto counted = counted_.extract(watch);
    if (counted.empty()) return kernels;
    for (const auto& [of, count] : counted.mapped()) {
      kernels.push_back({.identity = of.first,
                         .name = readable(of.second.c_str()),
                         .launches = count.launches,
                         .nanoseconds = count.nanoseconds});
    }
    return kernels;
  }

  void forget(Watch* watch) {
    const std::lock_guard lock(mutex_);
    std::erase_if(nodes_, [&](const auto& node) { return node.second.watch == watch; });
    counted_.erase(watch);
  }

 private:
  struct Count {
    std::int64_t launches = 0, nanoseconds = 0;
  };

  Activity() : cupti_(cupti_library()) {
    CUpti_SubscriberHandle subscriber = nullptr;
    check_cupti(cupti_.subscribe(&subscriber, reinterpret_cast<CUpti_CallbackFunc>(&on_resource), this),
                "cuptiSubscribe");
    for (const auto id : {CUPTI_CBID_RESOURCE_GRAPHNODE_CREATED, CUPTI_CBID_RESOURCE_GRAPHNODE_CLONED}) {
      check_cupti(cupti_.enable_callback(1, subscriber, CUPTI_CB_DOMAIN_RESOURCE, id), "cuptiEnableCallback");
    }
    check_cupti(cupti_.register_buffers(&give_buffer, &take_buffer), "cuptiActivityRegisterCallbacks");
  }

  static void CUPTIAPI on_resource(void* self, CUpti_CallbackDomain domain, CUpti_CallbackId id, const void* data) {
    if (domain != CUPTI_CB_DOMAIN_RESOURCE) return;
    const auto& node =
        *static_cast<const CUpti_GraphData*>(static_cast<const CUpti_ResourceData*>(data)->resourceDescriptor);
    auto& activity = *static_cast<Activity*>(self);
    if (id == CUPTI_CBID_RESOURCE_GRAPHNODE_CLONED) return activity.cloned(node);
    if (captured_now.watch != nullptr) activity.created(node);
  }

  std::optional<std::uint64_t> id_of(CUgraphNode node) const {
    std::uint64_t id = 0;
    return cupti_.graph_node_id(node, &id) == CUPTI_SUCCESS ? std::optional(id) : std::nullopt;
  }

  void created(const CUpti_GraphData& data) {
    const std::optional<std::uint64_t> id = id_of(data.node);
    const std::lock_guard lock(mutex_);
    if (id) nodes_[*id] = captured_now;
  }

  void cloned(const CUpti_GraphData& data) {
    const std::optional<std::uint64_t> before = id_of(data.originalNode), now = id_of(data.node);
    const std::lock_guard lock(mutex_);
    const auto known = before ? nodes_.find(*before) : nodes_.end();
    if (known == nodes_.end() || !now) return;
    const Operation operation = known->second;
    nodes_[*now] = operation;
  }

  static void CUPTIAPI give_buffer(std::uint8_t** buffer, std::size_t* bytes, std::size_t* records) {
    *buffer = static_cast<std::uint8_t*>(std::aligned_alloc(kAlignment, kBufferBytes));
    *bytes = *buffer == nullptr ? 0 : kBufferBytes;
    *records = 0;  // as many as there is room for
  }

  static void CUPTIAPI take_buffer(CUcontext, std::uint32_t, std::uint8_t* buffer, std::size_t, std::size_t valid) {
    Activity& activity = get();
    CUpti_Activity* record = nullptr;
    while (activity.cupti_.next_record(buffer, valid, &record) == CUPTI_SUCCESS) {
      if (record->kind != CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL) continue;
      activity.count(*reinterpret_cast<const KernelRecord*>(record));
    }
    std::free(buffer);
  }

  void count(const KernelRecord& kernel) {
    const std::lock_guard lock(mutex_);
    const auto node = nodes_.find(kernel.graphNodeId);
    if (node == nodes_.end()) return;
    Count& count = counted_[node->second.watch][{node->second.identity, kernel.name}];
    ++count.launches;
    count.nanoseconds += static_cast<std::int64_t>(kernel.end - kernel.start);
  }

  const CuptiLibrary& cupti_;
  std::mutex switch_mutex_, mutex_;  // the second may be taken inside calls that are made with the first
  int running_ = 0;
  std::unordered_map<std::uint64_t, Operation> nodes_;  // by CUPTI's number, those that were captured and their clones
  std::map<Watch*, std::map<std::pair<std::size_t, std::string>, Count>> counted_;
};

class Watch final : public KernelWatch {
 public:
  Watch() : activity_(Activity::get()) {}
  ~Watch() override { activity_.forget(this); }

  void operation_begins(std::size_t identity) override { captured_now = {.watch = this, .identity = identity}; }
  void operation_ends() override { captured_now = {}; }
  void start() override { activity_.start(); }
  void stop() override { activity_.stop(); }
  std::vector<Kernel> take() override { return activity_.take(this); }

 private:
  Activity& activity_;
};

}  // namespace

std::unique_ptr<KernelWatch> make_cuda_kernel_watch() {
  return std::make_unique<Watch>();
}

}  // namespace drift
