#include "tests/emulator/cudnn/execute.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>

#include "tests/emulator/cudart/enqueue.h"
#include "tests/emulator/cudnn/operations.h"

namespace drift::emulator::cudnn {

namespace {

// What one run owns: it may start long after the call, and again with every launch of a captured graph.
struct Run {
  std::vector<Operation> operations;
  std::map<std::int64_t, void*> addresses;  // by uid
  std::vector<std::vector<std::byte>> by_value;
  void* workspace;
  std::size_t workspace_bytes;
  // Batch norms are grids whose blocks hand each other their sums, launched without the promise that all get a place
  // (seen on an H200): 0 is all multiprocessors; empty for other graphs.
  std::optional<std::int64_t> occupied_multiprocessors;
};

std::map<std::int64_t, void*> addresses_of(const Record& variant_pack) {
  // What cuDNN numbers above the workspace overrides the plan's shapes; the headers of 9.11 do not name these yet.
  const auto& attributes = variant_pack.attributes;
  if (attributes.upper_bound(CUDNN_ATTR_VARIANT_PACK_WORKSPACE) != attributes.end()) {
    throw std::runtime_error("dynamic shapes are not emulated");
  }
  const auto uids = variant_pack.values<std::int64_t>(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
  const auto pointers = variant_pack.values<void*>(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
  if (uids.size() != pointers.size()) throw std::runtime_error("the variant pack has not one address per uid");
  std::map<std::int64_t, void*> addresses;
  for (std::size_t i = 0; i < uids.size(); ++i) addresses[uids[i]] = pointers[i];
  return addresses;
}

// The tensors that an operation reads or writes, found among its attributes.
std::vector<TensorInfo> tensors_of(const std::vector<RecordPointer>& operations) {
  std::vector<TensorInfo> tensors;
  std::set<std::int64_t> seen;
  for (const auto& operation : operations) {
    for (const auto& [name, attribute] : operation->attributes) {
      for (const auto& child : attribute.children) {
        if (child == nullptr || child->type != CUDNN_BACKEND_TENSOR_DESCRIPTOR) continue;
        auto info = tensor_info(child);
        if (seen.insert(info.uid).second) tensors.push_back(std::move(info));
      }
    }
  }
  return tensors;
}

// Checks that every tensor with memory has an aligned address, and takes the by-value ones into `run`.
void bind_addresses(const std::vector<TensorInfo>& tensors, Run& run) {
  for (const auto& tensor : tensors) {
    if (tensor.is_virtual) continue;
    const auto found = run.addresses.find(tensor.uid);
    if (found == run.addresses.end() || found->second == nullptr) {
      throw std::runtime_error("tensor " + std::to_string(tensor.uid) + " has no address in the variant pack");
    }
    if (tensor.by_value) {
      run.by_value.emplace_back(tensor.bytes());
      std::memcpy(run.by_value.back().data(), found->second, tensor.bytes());
      found->second = run.by_value.back().data();
    } else if (reinterpret_cast<std::uintptr_t>(found->second) % static_cast<std::uintptr_t>(tensor.alignment) != 0) {
      throw std::runtime_error("the address of tensor " + std::to_string(tensor.uid) + " is not aligned to the " +
                               std::to_string(tensor.alignment) + " bytes it promises");
    }
  }
}

bool waits_between_blocks(const RecordPointer& operation) {
  return operation->type == CUDNN_BACKEND_OPERATION_NORM_FORWARD_DESCRIPTOR ||
         operation->type == CUDNN_BACKEND_OPERATION_NORM_BACKWARD_DESCRIPTOR;
}

void work(const Run& run) {
  if (run.occupied_multiprocessors) occupy_multiprocessors(*run.occupied_multiprocessors);
  if (run.workspace_bytes > 0) {
    // Real engines leave anything there: whoever keeps values in a workspace, or shares one between streams, is found.
    std::memset(host_pointer(run.workspace, run.workspace_bytes, Access::kWrite), 0xA5, run.workspace_bytes);
  }
  Values values(run.addresses);
  for (const auto& operation : run.operations) operation(values);
}

}  // namespace

void execute(const RecordPointer& plan, std::int64_t workspace_bytes, const RecordPointer& variant_pack,
             cudaStream_t stream) {
  const auto graph = operation_graph(plan);
  if (graph == nullptr) throw std::runtime_error("this plan's operation graph is not known");
  if (variant_pack == nullptr || !plan->finalized || !variant_pack->finalized) {
    throw std::runtime_error("plan and variant pack must be finalized");
  }
  auto run = std::make_shared<Run>();
  run->addresses = addresses_of(*variant_pack);
  run->workspace = variant_pack->value<void*>(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, nullptr);
  run->workspace_bytes = static_cast<std::size_t>(workspace_bytes);
  if (workspace_bytes > 0 && run->workspace == nullptr) {
    throw std::runtime_error("the plan needs a workspace of " + std::to_string(workspace_bytes) + " bytes, got none");
  }
  const auto records = graph->children(CUDNN_ATTR_OPERATIONGRAPH_OPS);
  bind_addresses(tensors_of(records), *run);
  for (const auto& record : records) run->operations.push_back(make_operation(*record));
  if (std::any_of(records.begin(), records.end(), waits_between_blocks)) {
    const auto config = plan->child(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
    run->occupied_multiprocessors = config == nullptr ? 0 : config->multiprocessors;
  }
  enqueue(stream, "cudnnBackendExecute", [run = std::move(run)] { work(*run); });
}

}  // namespace drift::emulator::cudnn
