#include "tests/emulator/cudart/capture.h"

#include <algorithm>
#include <set>
#include <utility>

#include "tests/emulator/cudart/runtime.h"

namespace drift::emulator {
namespace {

thread_local cudaStreamCaptureMode thread_mode = cudaStreamCaptureModeGlobal;

}  // namespace

cudaStreamCaptureMode Captures::exchange_mode(cudaStreamCaptureMode mode) {
  return std::exchange(thread_mode, mode);
}

cudaError_t Captures::begin(Stream& stream, cudaStreamCaptureMode mode) {
  if (stream.is_default) return cudaErrorStreamCaptureUnsupported;
  if (stream.capture) return cudaErrorIllegalState;
  auto capture = std::make_shared<Capture>();
  capture->id = ++begun_;
  capture->mode = mode;
  capture->thread = std::this_thread::get_id();
  capture->origin = &stream;
  capture->members.push_back(&stream);
  stream.capture = capture;
  stream.tips.clear();
  active_.push_back(std::move(capture));
  return cudaSuccess;
}

cudaError_t Captures::end(Stream& stream, std::shared_ptr<Graph>& graph) {
  const std::shared_ptr<Capture> capture = stream.capture;
  if (!capture) return cudaErrorIllegalState;
  if (capture->origin != &stream) return cudaErrorStreamCaptureUnmatched;
  const bool relaxed = capture->mode == cudaStreamCaptureModeRelaxed;
  if (!relaxed && capture->thread != std::this_thread::get_id()) return cudaErrorStreamCaptureWrongThread;
  std::set<const GraphNode*> joined(stream.tips.begin(), stream.tips.end());
  for (const auto& node : capture->graph->nodes) joined.insert(node->after.begin(), node->after.end());
  const auto is_joined = [&](const GraphNode* node) { return joined.contains(node); };
  bool all_joined = true;
  for (Stream* member : capture->members) {
    all_joined = all_joined && std::all_of(member->tips.begin(), member->tips.end(), is_joined);
    member->capture.reset();
    member->tips.clear();
  }
  std::erase(active_, capture);
  if (capture->invalidated) return cudaErrorStreamCaptureInvalidated;
  if (!all_joined) return cudaErrorStreamCaptureUnjoined;
  graph = capture->graph;
  return cudaSuccess;
}

cudaError_t Captures::add(Stream& stream, Work work) {
  if (stream.capture->invalidated) return cudaErrorStreamCaptureInvalidated;
  const bool is_kernel = work.type == cudaGraphNodeTypeKernel;
  stream.tips = {stream.capture->graph->add(std::move(work), stream.tips)};
  if (Observer* const observer = runtime().observer; is_kernel && observer != nullptr) {
    observer->node_created(stream.tips.front());
  }
  return cudaSuccess;
}

void Captures::record(Event& event, const Stream& stream) {
  event.captured = true;
  event.capture = stream.capture;
  event.tips = stream.tips;
  event.operation.reset();
}

cudaError_t Captures::wait(Stream& stream, const Event& event) {
  if (!event.captured) return stream.capture ? spoil(stream, cudaErrorStreamCaptureIsolation) : cudaSuccess;
  const std::shared_ptr<Capture> capture = event.capture.lock();
  if (!capture || std::find(active_.begin(), active_.end(), capture) == active_.end()) return cudaErrorCapturedEvent;
  if (stream.capture && stream.capture != capture) {
    capture->invalidated = true;
    return spoil(stream, cudaErrorStreamCaptureMerge);
  }
  if (stream.is_default) return cudaErrorStreamCaptureImplicit;
  if (!stream.capture) {
    stream.capture = capture;
    stream.tips.clear();
    capture->members.push_back(&stream);
  }
  for (GraphNode* tip : event.tips) {
    if (std::find(stream.tips.begin(), stream.tips.end(), tip) == stream.tips.end()) stream.tips.push_back(tip);
  }
  return cudaSuccess;
}

cudaError_t Captures::refuse_unsafe() {
  if (thread_mode == cudaStreamCaptureModeRelaxed) return cudaSuccess;
  bool refused = false;
  for (const auto& capture : active_) {
    const bool own = capture->thread == std::this_thread::get_id() && capture->mode != cudaStreamCaptureModeRelaxed;
    const bool global = thread_mode == cudaStreamCaptureModeGlobal && capture->mode == cudaStreamCaptureModeGlobal;
    if (!own && !global) continue;
    capture->invalidated = true;
    refused = true;
  }
  return refused ? cudaErrorStreamCaptureUnsupported : cudaSuccess;
}

cudaError_t Captures::refuse_implicit(const Stream& default_stream) {
  for (const auto& capture : active_) {
    for (const Stream* member : capture->members) {
      if (!member->blocking || member->device != default_stream.device) continue;
      capture->invalidated = true;
      return cudaErrorStreamCaptureImplicit;
    }
  }
  return cudaSuccess;
}

cudaError_t Captures::spoil(Stream& stream, cudaError_t error) {
  if (stream.capture) stream.capture->invalidated = true;
  return error;
}

Graph* Captures::find(const void* handle) const {
  for (const auto& capture : active_) {
    if (capture->graph.get() == handle) return capture->graph.get();
  }
  return nullptr;
}

}  // namespace drift::emulator
