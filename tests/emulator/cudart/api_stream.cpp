// Entry points of the runtime API: streams, events, functions of the host.
#include <cuda_runtime_api.h>
#include <memory>
#include <utility>

#include "tests/emulator/cudart/runtime.h"

using namespace drift::emulator;

namespace {

cudaError_t create_stream(Runtime& rt, cudaStream_t* handle, unsigned flags, int priority) {
  if (flags != cudaStreamDefault && flags != cudaStreamNonBlocking) return cudaErrorInvalidValue;
  auto stream = rt.scheduler.create(current_device(), flags, priority);
  *handle = static_cast<cudaStream_t>(rt.streams.add(std::move(stream)));
  return cudaSuccess;
}

cudaError_t create_event(Runtime& rt, cudaEvent_t* handle, unsigned flags) {
  auto event = std::make_shared<Event>();
  event->timing = (flags & cudaEventDisableTiming) == 0;
  *handle = static_cast<cudaEvent_t>(rt.events.add(std::move(event)));
  return cudaSuccess;
}

// A node of the stream's capture that records the event, or waits for it, whenever the graph runs.
cudaError_t add_event_node(Runtime& rt, Stream& stream, const std::shared_ptr<Event>& event, cudaGraphNodeType type) {
  if (!stream.capture) return cudaErrorInvalidValue;
  const bool records = type == cudaGraphNodeTypeEventRecord;
  Work work;
  work.name = records ? "event record" : "event wait";
  work.type = type;
  (records ? work.records : work.waits) = event;
  return rt.captures.add(stream, std::move(work));
}

cudaError_t record(Runtime& rt, cudaEvent_t handle, cudaStream_t stream_handle, bool external) {
  const std::shared_ptr<Event> event = rt.events.find(handle);
  Stream* const stream = rt.stream(stream_handle);
  if (!event || stream == nullptr) return cudaErrorInvalidResourceHandle;
  if (external) return add_event_node(rt, *stream, event, cudaGraphNodeTypeEventRecord);
  if (stream->capture) {
    rt.captures.record(*event, *stream);
    return cudaSuccess;
  }
  Work work;
  work.name = "event record";
  const cudaError_t error = rt.submit(*stream, std::move(work));
  if (error != cudaSuccess) return error;
  event->captured = false;
  event->operation = stream->last;
  event->clock = stream->clock;
  return cudaSuccess;
}

cudaError_t wait_for_event(Runtime& rt, Stream* stream, const std::shared_ptr<Event>& event, bool external) {
  if (stream == nullptr || !event) return cudaErrorInvalidResourceHandle;
  if (external) return add_event_node(rt, *stream, event, cudaGraphNodeTypeWaitEvent);
  if (event->captured || (stream->capture && event->operation)) return rt.captures.wait(*stream, *event);
  if (!event->operation) return cudaSuccess;
  stream->clock.join(event->clock);
  Work work;
  work.name = "event wait";
  rt.scheduler.enqueue(*stream, std::move(work), {event->operation});
  return cudaSuccess;
}

// The first query that finds `operation` unfinished is the begin of a wait. arrive: what is due when it is over.
cudaError_t query(Runtime& rt, const std::shared_ptr<Operation>& operation, const std::function<void()>& arrive) {
  if (operation && !operation->done && !std::exchange(operation->asked_for, true) && rt.calls.skip_sync()) {
    return cudaSuccess;
  }
  if (operation && !rt.scheduler.reached(operation)) return cudaErrorNotReady;
  arrive();
  return cudaSuccess;
}

}  // namespace

extern "C" {

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return entry(__func__, [&](Runtime& rt) { return create_stream(rt, stream, cudaStreamDefault, 0); });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return entry(__func__, [&](Runtime& rt) { return create_stream(rt, stream, flags, 0); });
}

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int priority) {
  return entry(__func__, [&](Runtime& rt) { return create_stream(rt, stream, flags, priority); });
}

cudaError_t cudaStreamDestroy(cudaStream_t handle) {
  return entry(__func__, [&](Runtime& rt) {
    const std::shared_ptr<Stream> stream = rt.streams.find(handle);
    if (!stream) return cudaErrorInvalidResourceHandle;
    if (stream->capture) return rt.captures.spoil(*stream, cudaErrorStreamCaptureUnsupported);
    rt.streams.remove(handle);
    rt.scheduler.destroy(stream);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamGetFlags(cudaStream_t handle, unsigned* flags) {
  return entry(__func__, [&](Runtime& rt) {
    const Stream* const stream = rt.stream(handle);
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    *flags = stream->flags;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamGetPriority(cudaStream_t handle, int* priority) {
  return entry(__func__, [&](Runtime& rt) {
    const Stream* const stream = rt.stream(handle);
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    *priority = stream->priority;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamGetId(cudaStream_t handle, unsigned long long* id) {
  return entry(__func__, [&](Runtime& rt) {
    const Stream* const stream = rt.stream(handle);
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    *id = stream->id;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  return entry(__func__, [&](Runtime& rt) {
    Stream* const stream = rt.stream(handle);
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    if (stream->capture) return rt.captures.spoil(*stream, cudaErrorStreamCaptureUnsupported);
    if (const cudaError_t error = rt.captures.refuse_unsafe(); error != cudaSuccess) return error;
    const bool pending = stream->last && !stream->last->done;
    if (!pending || !rt.calls.skip_sync()) rt.scheduler.wait(*stream);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamQuery(cudaStream_t handle) {
  return entry(__func__, [&](Runtime& rt) {
    Stream* const stream = rt.stream(handle);
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    if (stream->capture) return rt.captures.spoil(*stream, cudaErrorStreamCaptureUnsupported);
    if (const cudaError_t error = rt.captures.refuse_unsafe(); error != cudaSuccess) return error;
    return query(rt, stream->last, [&] { rt.scheduler.wait(*stream); });
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags) {
  return entry(__func__, [&](Runtime& rt) {
    if (rt.calls.skip_wait()) return cudaSuccess;
    return wait_for_event(rt, rt.stream(stream), rt.events.find(event), flags == cudaEventWaitExternal);
  });
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return entry(__func__, [&](Runtime& rt) { return create_event(rt, event, cudaEventDefault); });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  return entry(__func__, [&](Runtime& rt) { return create_event(rt, event, flags); });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return entry(__func__,
               [&](Runtime& rt) { return rt.events.remove(event) ? cudaSuccess : cudaErrorInvalidResourceHandle; });
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return entry(__func__, [&](Runtime& rt) { return record(rt, event, stream, /*external=*/false); });
}

cudaError_t cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t stream, unsigned flags) {
  return entry(__func__, [&](Runtime& rt) { return record(rt, event, stream, flags == cudaEventRecordExternal); });
}

cudaError_t cudaEventSynchronize(cudaEvent_t handle) {
  return entry(__func__, [&](Runtime& rt) {
    const std::shared_ptr<Event> event = rt.events.find(handle);
    if (!event) return cudaErrorInvalidResourceHandle;
    if (event->captured) return cudaErrorCapturedEvent;
    if (const cudaError_t error = rt.captures.refuse_unsafe(); error != cudaSuccess) return error;
    const bool pending = event->operation && !event->operation->done;
    if (!pending || !rt.calls.skip_sync()) rt.scheduler.wait(event->operation, event->clock);
    return cudaSuccess;
  });
}

cudaError_t cudaEventQuery(cudaEvent_t handle) {
  return entry(__func__, [&](Runtime& rt) {
    const std::shared_ptr<Event> event = rt.events.find(handle);
    if (!event) return cudaErrorInvalidResourceHandle;
    if (event->captured) return cudaErrorCapturedEvent;
    if (const cudaError_t error = rt.captures.refuse_unsafe(); error != cudaSuccess) return error;
    return query(rt, event->operation, [&] { rt.scheduler.wait(event->operation, event->clock); });
  });
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  return entry(__func__, [&](Runtime& rt) {
    const std::shared_ptr<Event> first = rt.events.find(start), last = rt.events.find(end);
    if (!first || !last || !first->timing || !last->timing) return cudaErrorInvalidResourceHandle;
    if (first->captured || last->captured) return cudaErrorCapturedEvent;
    if (!first->operation || !last->operation) return cudaErrorInvalidResourceHandle;
    if (!first->operation->done || !last->operation->done) return cudaErrorNotReady;
    *milliseconds = static_cast<float>(last->operation->end - first->operation->end) * 1e-6f;
    return cudaSuccess;
  });
}

cudaError_t cudaLaunchHostFunc(cudaStream_t handle, cudaHostFn_t function, void* data) {
  return entry(__func__, [&](Runtime& rt) {
    Stream* const stream = rt.stream(handle);
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    Work work;
    work.name = "host function";
    work.type = cudaGraphNodeTypeHost;
    work.calls_host = true;
    work.run = [function, data] { function(data); };
    return rt.submit(*stream, std::move(work));
  });
}

}  // extern "C"
