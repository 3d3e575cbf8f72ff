// See library.h.
#include "kernels/cuda/cupti/library.h"

#include <cuda.h>
#include <dlfcn.h>
#include <fmt/format.h>
#include <string>

#include "core/check.h"

namespace drift {
namespace {

template <class Function>
void find(void* library, const char* name, Function& function) {
  void* const symbol = dlsym(library, name);
  DRIFT_CHECK(kDevice, symbol != nullptr, "the CUPTI that was found has no {}: --profile-kernels needs that of CUDA {}",
              name, CUDA_VERSION / 1000);
  function = reinterpret_cast<Function>(symbol);
}

CuptiLibrary load() {
  const std::string name = fmt::format("libcupti.so.{}", CUDA_VERSION / 1000);
  void* const library = dlopen(name.c_str(), RTLD_NOW);
  DRIFT_CHECK(kDevice, library != nullptr,
              "--profile-kernels asks CUPTI which kernels run, and it is not there: {}. It comes with the CUDA toolkit "
              "(extras/CUPTI/lib64); name its folder in LD_LIBRARY_PATH, or leave the option out",
              dlerror());
  CuptiLibrary cupti{};
  find(library, "cuptiSubscribe", cupti.subscribe);
  find(library, "cuptiEnableCallback", cupti.enable_callback);
  find(library, "cuptiGetGraphNodeId", cupti.graph_node_id);
  find(library, "cuptiActivityRegisterCallbacks", cupti.register_buffers);
  find(library, "cuptiActivityEnable", cupti.enable);
  find(library, "cuptiActivityDisable", cupti.disable);
  find(library, "cuptiActivityFlushAll", cupti.flush);
  find(library, "cuptiActivityGetNextRecord", cupti.next_record);
  find(library, "cuptiGetResultString", cupti.result_string);
  return cupti;
}

}  // namespace

const CuptiLibrary& cupti_library() {
  static const CuptiLibrary cupti = load();
  return cupti;
}

void check_cupti(CUptiResult result, std::string_view call) {
  if (result == CUPTI_SUCCESS) return;
  const char* text = nullptr;
  cupti_library().result_string(result, &text);
  DRIFT_FAIL(kDevice, "{} of CUPTI: {}; another profiler may have it, or leave out --profile-kernels", call,
             text == nullptr ? "unknown" : text);
}

}  // namespace drift
