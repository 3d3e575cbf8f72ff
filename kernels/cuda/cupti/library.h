// What is called of CUPTI, NVIDIA's library that tells what a device runs. It is loaded when it is asked for: whoever
// does not profile need not have it.
#pragma once

#include <cupti.h>
#include <string_view>

namespace drift {

struct CuptiLibrary {
  decltype(&cuptiSubscribe) subscribe;
  decltype(&cuptiEnableCallback) enable_callback;
  decltype(&cuptiGetGraphNodeId) graph_node_id;
  decltype(&cuptiActivityRegisterCallbacks) register_buffers;
  decltype(&cuptiActivityEnable) enable;
  decltype(&cuptiActivityDisable) disable;
  decltype(&cuptiActivityFlushAll) flush;
  decltype(&cuptiActivityGetNextRecord) next_record;
  decltype(&cuptiGetResultString) result_string;
};

// Throws kDevice where it cannot be loaded, saying where it comes from.
const CuptiLibrary& cupti_library();

// Throws kDevice, naming the call, unless it succeeded.
void check_cupti(CUptiResult result, std::string_view call);

}  // namespace drift
