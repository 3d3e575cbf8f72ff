// Plans from a handle. The real library needs a device for that, but makes the same plans without one where it is told
// the device's properties: what the program says with a handle is said to it with those.
#pragma once

#include <cstdint>
#include <cudnn.h>

namespace drift::emulator::cudnn {

// Sets an attribute of type CUDNN_TYPE_HANDLE. An operation graph only remembers it; an execution plan gets the
// properties. Others are refused.
cudnnStatus_t set_handle(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name, std::int64_t count,
                         const void* values);

// After the attribute `name` of `descriptor` was set: an engine or a heuristic whose operation graph has a handle gets
// the properties.
cudnnStatus_t pass_handle_on(cudnnBackendDescriptor_t descriptor, cudnnBackendAttributeName_t name);

}  // namespace drift::emulator::cudnn
