// Entry points of the runtime API: stream capture.
#include <cuda_runtime_api.h>
#include <memory>
#include <utility>

#include "tests/emulator/cudart/runtime.h"

using namespace drift::emulator;

namespace {

cudaStreamCaptureStatus status_of(const Stream& stream) {
  if (!stream.capture) return cudaStreamCaptureStatusNone;
  return stream.capture->invalidated ? cudaStreamCaptureStatusInvalidated : cudaStreamCaptureStatusActive;
}

// The graph is lent to the caller: it may add user objects or read it, but not destroy it.
cudaError_t capture_info(Runtime& rt, cudaStream_t handle, cudaStreamCaptureStatus* status, unsigned long long* id,
                         cudaGraph_t* graph, const cudaGraphNode_t** tips, std::size_t* count) {
  Stream* const stream = rt.stream(handle);
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  *status = status_of(*stream);
  if (*status != cudaStreamCaptureStatusActive) return cudaSuccess;
  if (id != nullptr) *id = stream->capture->id;
  if (graph != nullptr) *graph = reinterpret_cast<cudaGraph_t>(stream->capture->graph.get());
  if (tips != nullptr) *tips = reinterpret_cast<const cudaGraphNode_t*>(stream->tips.data());
  if (count != nullptr) *count = stream->tips.size();
  return cudaSuccess;
}

}  // namespace

extern "C" {

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, cudaStreamCaptureMode mode) {
  return entry(__func__, [&](Runtime& rt) {
    Stream* const stream = rt.stream(handle);
    return stream == nullptr ? cudaErrorInvalidResourceHandle : rt.captures.begin(*stream, mode);
  });
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t* graph_handle) {
  return entry(__func__, [&](Runtime& rt) {
    *graph_handle = nullptr;
    Stream* const stream = rt.stream(handle);
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    std::shared_ptr<Graph> graph;
    const cudaError_t error = rt.captures.end(*stream, graph);
    if (error == cudaSuccess) *graph_handle = static_cast<cudaGraph_t>(rt.graphs.add(std::move(graph)));
    return error;
  });
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
  return entry(__func__, [&](Runtime& rt) {
    const Stream* const stream = rt.stream(handle);
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    if (stream->is_default) {
      const cudaError_t error = rt.captures.refuse_implicit(*stream);
      if (error != cudaSuccess) return error;
    }
    *status = status_of(*stream);
    return cudaSuccess;
  });
}

cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) {
  return entry(__func__, [&](Runtime&) {
    *mode = Captures::exchange_mode(*mode);
    return cudaSuccess;
  });
}

#if CUDART_VERSION >= 13000
cudaError_t cudaStreamGetCaptureInfo(cudaStream_t stream, cudaStreamCaptureStatus* status, unsigned long long* id,
                                     cudaGraph_t* graph, const cudaGraphNode_t** tips, const cudaGraphEdgeData** edges,
                                     std::size_t* count) {
  if (edges != nullptr) *edges = nullptr;  // all edges are plain ones
  return entry(__func__, [&](Runtime& rt) { return capture_info(rt, stream, status, id, graph, tips, count); });
}
#else
cudaError_t cudaStreamGetCaptureInfo_v2(cudaStream_t stream, cudaStreamCaptureStatus* status, unsigned long long* id,
                                        cudaGraph_t* graph, const cudaGraphNode_t** tips, std::size_t* count) {
  return entry(__func__, [&](Runtime& rt) { return capture_info(rt, stream, status, id, graph, tips, count); });
}

cudaError_t cudaStreamGetCaptureInfo_v3(cudaStream_t stream, cudaStreamCaptureStatus* status, unsigned long long* id,
                                        cudaGraph_t* graph, const cudaGraphNode_t** tips,
                                        const cudaGraphEdgeData** edges, std::size_t* count) {
  if (edges != nullptr) *edges = nullptr;  // all edges are plain ones
  return entry(__func__, [&](Runtime& rt) { return capture_info(rt, stream, status, id, graph, tips, count); });
}
#endif

}  // extern "C"
