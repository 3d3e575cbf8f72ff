// Entry points of the runtime API: graphs and user objects.
#include <algorithm>
#include <cstdio>
#include <cuda_runtime_api.h>
#include <memory>
#include <utility>
#include <vector>

#include "tests/emulator/cudart/graph_memory.h"
#include "tests/emulator/cudart/launch.h"
#include "tests/emulator/cudart/runtime.h"

using namespace drift::emulator;

namespace {

GraphNode* node_of(cudaGraphNode_t handle) {
  return reinterpret_cast<GraphNode*>(handle);
}
cudaGraphNode_t handle_of(const GraphNode* node) {
  return reinterpret_cast<cudaGraphNode_t>(const_cast<GraphNode*>(node));
}

// CUDA's way to return lists: with no array it says how many there are, else it fills at most *count.
template <typename Source, typename Target, typename Convert>
void fill(const Source& source, Target* target, std::size_t* count, Convert convert) {
  if (target == nullptr) {
    *count = source.size();
    return;
  }
  *count = std::min(*count, source.size());
  for (std::size_t i = 0; i < *count; ++i) target[i] = convert(source[i]);
}

cudaError_t instantiate_into(Runtime& rt, cudaGraphExec_t* handle, cudaGraph_t graph_handle) {
  const std::shared_ptr<Graph> graph = rt.graphs.find(graph_handle);
  if (!graph) return cudaErrorInvalidValue;
  if (has_memory_nodes(*graph) && !graph->executable.expired()) return cudaErrorNotSupported;
  *handle = static_cast<cudaGraphExec_t>(rt.executables.add(instantiate(graph)));
  return cudaSuccess;
}

// The graph's nodes behind the handles; false if one is not.
bool nodes_of(const Graph& graph, const cudaGraphNode_t* handles, std::size_t count, std::vector<GraphNode*>& nodes) {
  for (std::size_t i = 0; i < count; ++i) {
    GraphNode* const node = node_of(handles[i]);
    const auto is_it = [node](const auto& own) { return own.get() == node; };
    if (std::none_of(graph.nodes.begin(), graph.nodes.end(), is_it)) return false;
    nodes.push_back(node);
  }
  return true;
}

// Of a kernel node; whether it is cooperative stays as it was.
cudaError_t new_kernel_work(const cudaKernelNodeParams& params, const Launch& before, Work& work) {
  std::shared_ptr<const Launch> launch;
  const cudaError_t error = make_launch(params.func, params.gridDim, params.blockDim, params.kernelParams,
                                        params.sharedMemBytes, before.cooperative, launch);
  if (error == cudaSuccess) work = kernel_work(std::move(launch));
  return error;
}

}  // namespace

extern "C" {

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  return entry(__func__, [&](Runtime& rt) { return instantiate_into(rt, executable, graph); });
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  return entry(__func__, [&](Runtime& rt) { return instantiate_into(rt, executable, graph); });
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t handle, cudaStream_t stream_handle) {
  return entry(__func__, [&](Runtime& rt) {
    const std::shared_ptr<ExecutableGraph> executable = rt.executables.find(handle);
    Stream* const stream = rt.stream(stream_handle);
    if (!executable) return cudaErrorInvalidValue;
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    if (stream->capture) return rt.captures.spoil(*stream, cudaErrorStreamCaptureUnsupported);
    if (!take_memory(rt, *executable->body)) return cudaErrorInvalidValue;
    launch(*executable, *stream);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphUpload(cudaGraphExec_t executable, cudaStream_t) {
  return entry(__func__,
               [&](Runtime& rt) { return rt.executables.find(executable) ? cudaSuccess : cudaErrorInvalidValue; });
}

cudaError_t cudaGraphExecUpdate(cudaGraphExec_t handle, cudaGraph_t graph_handle, cudaGraphExecUpdateResultInfo* info) {
  return entry(__func__, [&](Runtime& rt) {
    const auto executable = rt.executables.find(handle);
    const auto graph = rt.graphs.find(graph_handle);
    if (!executable || !graph) return cudaErrorInvalidValue;
    const bool fits = update(*executable, graph);
    if (info != nullptr) {
      *info = cudaGraphExecUpdateResultInfo{};
      info->result = fits ? cudaGraphExecUpdateSuccess : cudaGraphExecUpdateErrorTopologyChanged;
    }
    return fits ? cudaSuccess : cudaErrorGraphExecUpdateFailure;
  });
}

cudaError_t cudaGraphCreate(cudaGraph_t* graph, unsigned) {
  return entry(__func__, [&](Runtime& rt) {
    *graph = static_cast<cudaGraph_t>(rt.graphs.add(std::make_shared<Graph>()));
    return cudaSuccess;
  });
}

cudaError_t cudaGraphAddChildGraphNode(cudaGraphNode_t* node, cudaGraph_t graph_handle, const cudaGraphNode_t* after,
                                       std::size_t count, cudaGraph_t child_handle) {
  return entry(__func__, [&](Runtime& rt) {
    const auto graph = rt.graphs.find(graph_handle), child = rt.graphs.find(child_handle);
    std::vector<GraphNode*> nodes;
    if (!graph || !child || graph == child || !nodes_of(*graph, after, count, nodes)) return cudaErrorInvalidValue;
    if (has_memory_nodes(*child)) return cudaErrorNotSupported;
    Work work;
    work.name = "child graph";
    work.type = cudaGraphNodeTypeGraph;
    GraphNode* const made = graph->add(std::move(work), nodes);
    made->child = copy(*child);
    *node = handle_of(made);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return entry(__func__, [&](Runtime& rt) { return rt.graphs.remove(graph) ? cudaSuccess : cudaErrorInvalidValue; });
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  return entry(__func__,
               [&](Runtime& rt) { return rt.executables.remove(executable) ? cudaSuccess : cudaErrorInvalidValue; });
}

cudaError_t cudaGraphGetNodes(cudaGraph_t handle, cudaGraphNode_t* nodes, std::size_t* count) {
  return entry(__func__, [&](Runtime& rt) {
    const std::shared_ptr<Graph> graph = rt.graphs.find(handle);
    if (!graph) return cudaErrorInvalidValue;
    fill(graph->nodes, nodes, count, [](const auto& node) { return handle_of(node.get()); });
    return cudaSuccess;
  });
}

cudaError_t cudaGraphNodeGetType(cudaGraphNode_t node, cudaGraphNodeType* type) {
  return entry(__func__, [&](Runtime&) {
    *type = node_of(node)->work.type;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphKernelNodeGetParams(cudaGraphNode_t handle, cudaKernelNodeParams* params) {
  return entry(__func__, [&](Runtime&) {
    GraphNode& node = *node_of(handle);
    if (!node.work.launch) return cudaErrorInvalidValue;
    const Launch& launch = *node.work.launch;
    node.parameter_pointers.clear();
    for (const ptx::Parameter& parameter : launch.function->kernel->parameters) {
      node.parameter_pointers.push_back(const_cast<char*>(launch.parameters.data()) + parameter.offset);
    }
    *params = cudaKernelNodeParams{};
    params->func = const_cast<void*>(launch.function->host);
    params->gridDim = launch.grid;
    params->blockDim = launch.block;
    params->sharedMemBytes = static_cast<unsigned>(launch.dynamic_shared);
    params->kernelParams = node.parameter_pointers.data();
    return cudaSuccess;
  });
}

cudaError_t cudaGraphKernelNodeSetParams(cudaGraphNode_t handle, const cudaKernelNodeParams* params) {
  return entry(__func__, [&](Runtime&) {
    GraphNode& node = *node_of(handle);
    return node.work.launch ? new_kernel_work(*params, *node.work.launch, node.work) : cudaErrorInvalidValue;
  });
}

cudaError_t cudaGraphExecKernelNodeSetParams(cudaGraphExec_t handle, cudaGraphNode_t node,
                                             const cudaKernelNodeParams* params) {
  return entry(__func__, [&](Runtime& rt) {
    const std::shared_ptr<ExecutableGraph> executable = rt.executables.find(handle);
    if (!executable) return cudaErrorInvalidValue;
    const auto index = executable->index_of.find(node_of(node));
    if (index == executable->index_of.end() || !node_of(node)->work.launch) return cudaErrorInvalidValue;
    Work work;
    const cudaError_t error = new_kernel_work(*params, *node_of(node)->work.launch, work);
    if (error == cudaSuccess) replace_work(*executable, index->second, std::move(work));
    return error;
  });
}

cudaError_t cudaGraphDebugDotPrint(cudaGraph_t handle, const char* path, unsigned) {
  return entry(__func__, [&](Runtime& rt) {
    const std::shared_ptr<Graph> graph = rt.graphs.find(handle);
    std::FILE* const file = graph ? std::fopen(path, "w") : nullptr;
    if (file == nullptr) return cudaErrorInvalidValue;
    std::fputs("digraph captured {\n", file);
    for (const auto& node : graph->nodes) {
      std::fprintf(file, "  n%zu [label=\"%s\"];\n", node->index, node->work.name.c_str());
      for (const GraphNode* earlier : node->after) std::fprintf(file, "  n%zu -> n%zu;\n", earlier->index, node->index);
    }
    std::fputs("}\n", file);
    std::fclose(file);
    return cudaSuccess;
  });
}

cudaError_t cudaUserObjectCreate(cudaUserObject_t* handle, void* object, cudaHostFn_t destroy, unsigned references,
                                 unsigned) {
  return entry(__func__, [&](Runtime& rt) {
    auto made = std::make_shared<UserObject>(object, destroy, references);
    *handle = static_cast<cudaUserObject_t>(rt.objects.add(std::move(made)));
    return cudaSuccess;
  });
}

cudaError_t cudaUserObjectRetain(cudaUserObject_t handle, unsigned count) {
  return entry(__func__, [&](Runtime& rt) {
    const std::shared_ptr<UserObject> object = rt.objects.find(handle);
    if (!object) return cudaErrorInvalidValue;
    object->retain(count);
    return cudaSuccess;
  });
}

cudaError_t cudaUserObjectRelease(cudaUserObject_t handle, unsigned count) {
  return entry(__func__, [&](Runtime& rt) {
    const std::shared_ptr<UserObject> object = rt.objects.find(handle);
    if (!object || !object->release(count)) return cudaErrorInvalidValue;
    if (object->destroyed()) rt.objects.remove(handle);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphRetainUserObject(cudaGraph_t handle, cudaUserObject_t object_handle, unsigned count,
                                      unsigned flags) {
  return entry(__func__, [&](Runtime& rt) {
    const std::shared_ptr<UserObject> object = rt.objects.find(object_handle);
    Graph* graph = rt.graphs.find(handle).get();
    if (graph == nullptr) graph = rt.captures.find(handle);
    if (!object || graph == nullptr) return cudaErrorInvalidValue;
    if (flags != cudaGraphUserObjectMove) object->retain(count);
    graph->objects.emplace_back(object, count);
    return cudaSuccess;
  });
}

}  // extern "C"
