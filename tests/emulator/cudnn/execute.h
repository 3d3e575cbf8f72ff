// One run of an execution plan: what cudnnBackendExecute enqueues.
#pragma once

#include <cstdint>
#include <cuda_runtime_api.h>

#include "tests/emulator/cudnn/records.h"

namespace drift::emulator::cudnn {

// Checks plan and variant pack, copies by-value tensors, and enqueues the graph on `stream` as one piece of work.
// Throws std::runtime_error, with nothing enqueued, if the call is wrong or the graph holds something that is not
// emulated.
void execute(const RecordPointer& plan, std::int64_t workspace_bytes, const RecordPointer& variant_pack,
             cudaStream_t stream);

}  // namespace drift::emulator::cudnn
