// Mistakes with memory that a graph allocates; the argument names the one to make.
#include <cuda_runtime_api.h>
#include <initializer_list>

#include "tests/emulator/tests/mistake_program.h"

using drift::emulator::testing::asked_for;
using drift::emulator::testing::check;

namespace {

constexpr std::size_t kBytes = 1024;

struct Setting {
  cudaStream_t a = nullptr, b = nullptr;
  cudaEvent_t forked = nullptr, joined = nullptr;
  void* memory = nullptr;

  Setting() {
    check(cudaStreamCreateWithFlags(&a, cudaStreamNonBlocking));
    check(cudaStreamCreateWithFlags(&b, cudaStreamNonBlocking));
    check(cudaEventCreateWithFlags(&forked, cudaEventDisableTiming));
    check(cudaEventCreateWithFlags(&joined, cudaEventDisableTiming));
  }
  void allocate() { check(cudaMallocAsync(&memory, kBytes, a)); }
  void use(cudaStream_t stream) { check(cudaMemsetAsync(memory, 1, kBytes, stream)); }
  void free() { check(cudaFreeAsync(memory, a)); }
  void order(cudaStream_t first, cudaEvent_t event, cudaStream_t second) {
    check(cudaEventRecord(event, first));
    check(cudaStreamWaitEvent(second, event, 0));
  }
  template <typename Body>
  cudaGraphExec_t captured(Body body) {
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t executable = nullptr;
    check(cudaStreamBeginCapture(a, cudaStreamCaptureModeThreadLocal));
    body();
    check(cudaStreamEndCapture(a, &graph));
    check(cudaGraphInstantiate(&executable, graph, 0));
    check(cudaGraphDestroy(graph));
    return executable;
  }
};

void none(Setting& s) {
  const cudaGraphExec_t graph = s.captured([&] {
    s.allocate();
    s.order(s.a, s.forked, s.b);
    s.use(s.b);
    s.order(s.b, s.joined, s.a);
    s.free();
  });
  for (int launch = 0; launch < 3; ++launch) check(cudaGraphLaunch(graph, s.a));
  check(cudaDeviceSynchronize());
  check(cudaGraphExecDestroy(graph));
}
void used_before_allocated(Setting& s) {
  const cudaGraphExec_t graph = s.captured([&] {
    s.order(s.a, s.forked, s.b);
    s.allocate();
    s.use(s.b);
    s.order(s.b, s.joined, s.a);
    s.free();
  });
  check(cudaGraphLaunch(graph, s.a));
}
void freed_while_used(Setting& s) {
  const cudaGraphExec_t graph = s.captured([&] {
    s.allocate();
    s.order(s.a, s.forked, s.b);
    s.use(s.b);
    s.free();
    s.order(s.b, s.joined, s.a);
  });
  check(cudaGraphLaunch(graph, s.a));
}
void used_after_free(Setting& s) {
  const cudaGraphExec_t graph = s.captured([&] {
    s.allocate();
    s.free();
    s.use(s.a);
  });
  check(cudaGraphLaunch(graph, s.a));
}
void used_after_launch(Setting& s) {
  const cudaGraphExec_t graph = s.captured([&] {
    s.allocate();
    s.free();
  });
  check(cudaGraphLaunch(graph, s.a));
  s.use(s.a);
}
void used_without_launch(Setting& s) {
  s.captured([&] { s.allocate(); });
  s.use(s.a);
}
void used_elsewhere_unordered(Setting& s) {
  const cudaGraphExec_t graph = s.captured([&] { s.allocate(); });
  check(cudaGraphLaunch(graph, s.a));
  s.use(s.b);
}
void launched_again(Setting& s) {
  const cudaGraphExec_t graph = s.captured([&] { s.allocate(); });
  check(cudaGraphLaunch(graph, s.a));
  check(cudaGraphLaunch(graph, s.a));
}
void leaked(Setting& s) {
  const cudaGraphExec_t graph = s.captured([&] { s.allocate(); });
  check(cudaGraphLaunch(graph, s.a));
  check(cudaDeviceSynchronize());
  check(cudaGraphExecDestroy(graph));
}

struct Mistake {
  const char* name;
  void (*make)(Setting&);
};
const Mistake kMistakes[] = {
    {"none", none},
    {"used_before_allocated", used_before_allocated},
    {"freed_while_used", freed_while_used},
    {"used_after_free", used_after_free},
    {"used_after_launch", used_after_launch},
    {"used_without_launch", used_without_launch},
    {"used_elsewhere_unordered", used_elsewhere_unordered},
    {"launched_again", launched_again},
    {"leaked", leaked},
};

}  // namespace

int main(int argc, char** argv) {
  const Mistake& mistake = asked_for(kMistakes, argc, argv);
  Setting setting;
  mistake.make(setting);
  check(cudaDeviceSynchronize());
  for (cudaStream_t stream : {setting.a, setting.b}) check(cudaStreamDestroy(stream));
  for (cudaEvent_t event : {setting.forked, setting.joined}) check(cudaEventDestroy(event));
  return 0;
}
