// A program of mistakes: its argument names the one to make. Where CUDA itself refuses a call, the program writes
// "refused: NAME" and ends with 1; where nobody notices anything it ends with 0.
#include <cooperative_groups.h>
#include <cstdio>
#include <cstring>
#include <cuda_pipeline.h>
#include <cuda_runtime.h>

#include "tests/emulator/tests/mistake_program.h"

using drift::emulator::testing::asked_for;
using drift::emulator::testing::check;

namespace {

__global__ void add_one(float* p) {
  p[threadIdx.x] += 1;
}
__global__ void copy(float* to, const float* from) {
  to[threadIdx.x] = from[threadIdx.x];
}
__global__ void write_block(float* p) {
  p[threadIdx.x] = blockIdx.x;
}
__global__ void write_block_bytes(char* p) {
  p[threadIdx.x] = static_cast<char>(blockIdx.x);
}
__global__ void one_byte_each(char* p) {
  p[blockIdx.x] = 1;
}
__global__ void reverse_unsynchronised(float* p) {
  __shared__ float s[64];
  s[threadIdx.x] = 0;
  __syncthreads();
  s[threadIdx.x] = p[threadIdx.x];
  p[threadIdx.x] = s[63 - threadIdx.x];
}
// Within one warp.
template <bool kSynchronises>
__global__ void swap_neighbours(float* p) {
  __shared__ float s[32];
  s[threadIdx.x] = 0;
  __syncthreads();
  s[threadIdx.x] = p[threadIdx.x];
  if (kSynchronises) __syncwarp();
  p[threadIdx.x] = s[threadIdx.x ^ 1];
}
// Each of two warps reads what the other has brought to shared memory.
template <bool kWaits, bool kSynchronises>
__global__ void reverse_copied(float4* p) {
  __shared__ float4 s[64];
  __pipeline_memcpy_async(&s[threadIdx.x], &p[threadIdx.x], sizeof *p);
  __pipeline_commit();
  if (kWaits) __pipeline_wait_prior(0);
  if (kSynchronises) __syncthreads();
  p[threadIdx.x] = s[63 - threadIdx.x];
}
__global__ void sum_of_twice_as_many(float* p) {
  __shared__ float s[64];
  s[threadIdx.x] = p[threadIdx.x];
  __syncthreads();
  p[threadIdx.x] = s[threadIdx.x] + s[threadIdx.x + 32];
}
__global__ void multiply_by_lanes_below(float* p, int lanes) {
  float d[4] = {};
  if (static_cast<int>(threadIdx.x) < lanes) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %4, %4, %4}, {%4, %4}, "
        "{%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(0));
  }
  p[threadIdx.x] = d[0];
}
__global__ void write_at(char* p, int offset) {
  *reinterpret_cast<float*>(p + offset) = 1;
}
__global__ void half_at_barrier(float* p) {
  if (threadIdx.x < 32) asm volatile("bar.sync 1, 64;");
  p[threadIdx.x] = 1;
}
__global__ void wrong_shuffle_mask(float* p) {
  float v = p[threadIdx.x];
  if (threadIdx.x < 16) v = __shfl_down_sync(0xffffffffu, v, 1);
  p[threadIdx.x] = v;
}
__global__ void spin(volatile float* p) {
  while (p[0] == 0) {
  }
}
__global__ void wait_for_all_blocks(unsigned* arrived) {
  atomicAdd(arrived, 1);
  while (atomicAdd(arrived, 0) < gridDim.x) {
  }
}
template <bool kSynchronises>
__global__ void add_next_block(float* p) {
  p[blockIdx.x] = 1;
  if (kSynchronises) cooperative_groups::this_grid().sync();
  p[blockIdx.x + 64] = p[(blockIdx.x + 1) % gridDim.x];
}
__global__ void trap_if(int thread) {
  if (static_cast<int>(threadIdx.x) == thread) __trap();
}

constexpr std::size_t kBytes = 1024;

template <bool kWaits, bool kSynchronises>
void copied(float* p) {
  reverse_copied<kWaits, kSynchronises><<<1, 64>>>(reinterpret_cast<float4*>(p));
}

struct Setting {
  float *x = nullptr, *y = nullptr, *pinned = nullptr;
  cudaStream_t a = nullptr, b = nullptr;
  cudaEvent_t forked = nullptr, joined = nullptr;

  Setting() {
    check(cudaMalloc(&x, kBytes));
    check(cudaMalloc(&y, kBytes));
    check(cudaMemset(x, 0, kBytes));
    check(cudaMemset(y, 0, kBytes));
    check(cudaMallocHost(&pinned, kBytes));
    std::memset(pinned, 0, kBytes);
    check(cudaStreamCreateWithFlags(&a, cudaStreamNonBlocking));
    check(cudaStreamCreateWithFlags(&b, cudaStreamNonBlocking));
    check(cudaEventCreateWithFlags(&forked, cudaEventDisableTiming));
    check(cudaEventCreateWithFlags(&joined, cudaEventDisableTiming));
    check(cudaDeviceSynchronize());
  }
  void release() {
    check(cudaDeviceSynchronize());
    check(cudaFree(x));
    check(cudaFree(y));
    check(cudaFreeHost(pinned));
    check(cudaStreamDestroy(a));
    check(cudaStreamDestroy(b));
    check(cudaEventDestroy(forked));
    check(cudaEventDestroy(joined));
  }
};

// No mistake: a reads and writes x, b copies it in between. Each of its two waits is needed.
void ordered(Setting& s) {
  add_one<<<1, 32, 0, s.a>>>(s.x);
  check(cudaGetLastError());
  check(cudaEventRecord(s.forked, s.a));
  check(cudaStreamWaitEvent(s.b, s.forked, 0));
  copy<<<1, 32, 0, s.b>>>(s.y, s.x);
  check(cudaGetLastError());
  check(cudaEventRecord(s.joined, s.b));
  check(cudaStreamWaitEvent(s.a, s.joined, 0));
  add_one<<<1, 32, 0, s.a>>>(s.x);
  check(cudaGetLastError());
}

cudaGraphExec_t captured(Setting& s) {
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  check(cudaStreamBeginCapture(s.a, cudaStreamCaptureModeThreadLocal));
  ordered(s);
  check(cudaStreamEndCapture(s.a, &graph));
  check(cudaGraphInstantiate(&executable, graph, 0));
  check(cudaGraphDestroy(graph));
  return executable;
}

void replayed(Setting& s) {
  const cudaGraphExec_t executable = captured(s);
  for (int i = 0; i < 2; ++i) check(cudaGraphLaunch(executable, s.a));
  check(cudaStreamSynchronize(s.a));
  check(cudaGraphExecDestroy(executable));
}

void streams_unordered(Setting& s) {
  add_one<<<1, 32, 0, s.a>>>(s.x);
  copy<<<1, 32, 0, s.b>>>(s.y, s.x);
}
// Two streams read what the first of them then overwrites: whichever reads last, the other must be waited for.
void reader_unordered(Setting& s) {
  copy<<<1, 32, 0, s.b>>>(s.y, s.x);
  copy<<<1, 32, 0, s.a>>>(s.y + 64, s.x);
  add_one<<<1, 32, 0, s.a>>>(s.x);
}
void graph_and_stream_unordered(Setting& s) {
  const cudaGraphExec_t executable = captured(s);
  check(cudaGraphLaunch(executable, s.a));
  add_one<<<1, 32, 0, s.b>>>(s.x);
}
// A graph that waits for an event of another stream, before or after what needs the wait.
template <bool kFirst>
void graph_waits(Setting& s) {
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  check(cudaStreamBeginCapture(s.b, cudaStreamCaptureModeThreadLocal));
  if (kFirst) check(cudaStreamWaitEvent(s.b, s.forked, cudaEventWaitExternal));
  copy<<<1, 32, 0, s.b>>>(s.y, s.x);
  if (!kFirst) check(cudaStreamWaitEvent(s.b, s.forked, cudaEventWaitExternal));
  check(cudaStreamEndCapture(s.b, &graph));
  check(cudaGraphInstantiate(&executable, graph, 0));
  add_one<<<1, 32, 0, s.a>>>(s.x);
  check(cudaEventRecord(s.forked, s.a));
  check(cudaGraphLaunch(executable, s.b));
  copy<<<1, 32, 0, s.b>>>(s.y, s.x);
}
void memory_used_on_another_stream(Setting& s) {
  float* memory = nullptr;
  check(cudaMallocAsync(&memory, kBytes, s.a));
  check(cudaMemsetAsync(memory, 0, kBytes, s.b));
}
void freed_while_used(Setting& s) {
  float* memory = nullptr;
  check(cudaMallocAsync(&memory, kBytes, s.a));
  check(cudaMemsetAsync(memory, 0, kBytes, s.a));
  check(cudaStreamSynchronize(s.a));
  add_one<<<1, 32, 0, s.b>>>(memory);
  check(cudaFreeAsync(memory, s.a));
}
// The first half of what y gets is never written; a kernel reads 32 elements from `first` on.
void half_unwritten(Setting& s, int first) {
  float* memory = nullptr;
  check(cudaMallocAsync(&memory, kBytes, s.a));
  check(cudaMemsetAsync(memory + 32, 0, 32 * sizeof *memory, s.a));
  check(cudaMemcpyAsync(s.y, memory, 64 * sizeof *memory, cudaMemcpyDeviceToDevice, s.a));
  add_one<<<1, 32, 0, s.a>>>(s.y + first);
  check(cudaFreeAsync(memory, s.a));
  check(cudaStreamSynchronize(s.a));
}
void unwritten(Setting& s) {
  check(cudaFree(s.y));
  check(cudaMalloc(&s.y, kBytes));
  copy<<<1, 32>>>(s.x, s.y);
}
void pinned_reused_early(Setting& s) {
  check(cudaMemcpyAsync(s.x, s.pinned, kBytes, cudaMemcpyHostToDevice, s.a));
  s.pinned[7] = 1;
}
void pinned_reused_early_in_graph(Setting& s) {
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  check(cudaStreamBeginCapture(s.a, cudaStreamCaptureModeThreadLocal));
  check(cudaMemcpyAsync(s.x, s.pinned, kBytes, cudaMemcpyHostToDevice, s.a));
  check(cudaStreamEndCapture(s.a, &graph));
  check(cudaGraphInstantiate(&executable, graph, 0));
  s.pinned[7] = 1;  // still the host's
  check(cudaGraphLaunch(executable, s.a));
  check(cudaStreamSynchronize(s.a));
  check(cudaGraphLaunch(executable, s.a));
  s.pinned[7] = 2;
}
void used_after_free(Setting& s) {
  check(cudaFree(s.x));
  add_one<<<1, 32>>>(s.x);
}
void used_after_free_in_order(Setting& s) {
  check(cudaFreeAsync(s.x, s.a));
  add_one<<<1, 32, 0, s.a>>>(s.x);
}
void other_device(Setting& s) {
  check(cudaSetDevice(1));
  check(cudaMalloc(&s.x, kBytes));
  check(cudaSetDevice(0));
  add_one<<<1, 32>>>(s.x);
}
void unjoined_capture(Setting& s) {
  cudaGraph_t graph = nullptr;
  check(cudaStreamBeginCapture(s.a, cudaStreamCaptureModeThreadLocal));
  check(cudaEventRecord(s.forked, s.a));
  check(cudaStreamWaitEvent(s.b, s.forked, 0));
  add_one<<<1, 32, 0, s.b>>>(s.x);
  check(cudaStreamEndCapture(s.a, &graph));
}
void host_reads_device(Setting& s) {
  std::printf("%g\n", static_cast<double>(*s.x));
}
void waits_inside_work(Setting& s) {
  check(cudaLaunchHostFunc(
      s.a, [](void* memory) { check(cudaFree(memory)); }, s.x));
}
void leak(Setting& s) {
  check(cudaEventDestroy(s.forked));
  std::exit(0);
}

template <class T>
void cooperative(void (*kernel)(T*), float* p, int blocks, int threads) {
  void* arguments[] = {&p};
  check(cudaLaunchCooperativeKernel(reinterpret_cast<const void*>(kernel), blocks, threads, arguments, 0, nullptr));
}
void captured_cooperative(Setting& s) {
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  void* arguments[] = {&s.x};
  check(cudaStreamBeginCapture(s.a, cudaStreamCaptureModeThreadLocal));
  check(cudaLaunchCooperativeKernel(reinterpret_cast<const void*>(add_next_block<true>), 4, 1, arguments, 0, s.a));
  check(cudaStreamEndCapture(s.a, &graph));
  check(cudaGraphInstantiate(&executable, graph, 0));
  check(cudaGraphLaunch(executable, s.a));
  check(cudaStreamSynchronize(s.a));
}
void in_clusters(Setting& s) {
  cudaLaunchAttribute attribute = {};
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim = {2, 1, 1};
  cudaLaunchConfig_t config = {4, 32, 0, nullptr, &attribute, 1};
  void* arguments[] = {&s.x};
  check(cudaLaunchKernelExC(&config, reinterpret_cast<const void*>(add_one), arguments));
}

struct Mistake {
  const char* name;
  void (*make)(Setting&);
};
const Mistake kMistakes[] = {
    {"none", [](Setting& s) { ordered(s); }},
    {"none_in_graph", replayed},
    {"none_in_bytes", [](Setting& s) { one_byte_each<<<8, 1>>>(reinterpret_cast<char*>(s.x)); }},
    {"streams_unordered", streams_unordered},
    {"reader_unordered", reader_unordered},
    {"graph_and_stream_unordered", graph_and_stream_unordered},
    {"none_in_graph_that_waits", graph_waits<true>},
    {"graph_waits_too_late", graph_waits<false>},
    {"memory_used_on_another_stream", memory_used_on_another_stream},
    {"freed_while_used", freed_while_used},
    {"unwritten", unwritten},
    {"none_in_half_unwritten", [](Setting& s) { half_unwritten(s, 32); }},
    {"copied_unwritten", [](Setting& s) { half_unwritten(s, 31); }},
    {"shared_unwritten", [](Setting& s) { sum_of_twice_as_many<<<1, 32>>>(s.x); }},
    {"pinned_reused_early", pinned_reused_early},
    {"pinned_reused_early_in_graph", pinned_reused_early_in_graph},
    {"blocks_conflict", [](Setting& s) { write_block<<<4, 32>>>(s.x); }},
    {"blocks_conflict_in_bytes", [](Setting& s) { write_block_bytes<<<4, 32>>>(reinterpret_cast<char*>(s.x)); }},
    {"shared_race", [](Setting& s) { reverse_unsynchronised<<<1, 64>>>(s.x); }},
    {"none_in_lanes", [](Setting& s) { swap_neighbours<true><<<1, 32>>>(s.x); }},
    {"lanes_unsynchronised", [](Setting& s) { swap_neighbours<false><<<1, 32>>>(s.x); }},
    {"none_in_copies", [](Setting& s) { copied<true, true>(s.x); }},
    {"copies_unawaited", [](Setting& s) { copied<false, true>(s.x); }},
    {"copies_unsynchronised", [](Setting& s) { copied<true, false>(s.x); }},
    {"none_in_products", [](Setting& s) { multiply_by_lanes_below<<<1, 32>>>(s.x, 32); }},
    {"product_by_half_a_warp", [](Setting& s) { multiply_by_lanes_below<<<1, 32>>>(s.x, 16); }},
    {"out_of_bounds", [](Setting& s) { write_at<<<1, 1>>>(reinterpret_cast<char*>(s.x), kBytes); }},
    {"misaligned", [](Setting& s) { write_at<<<1, 1>>>(reinterpret_cast<char*>(s.x), 2); }},
    {"host_memory", [](Setting& s) { write_at<<<1, 1>>>(reinterpret_cast<char*>(&s), 0); }},
    {"used_after_free", used_after_free},
    {"used_after_free_in_order", used_after_free_in_order},
    {"barrier_deadlock", [](Setting& s) { half_at_barrier<<<1, 64>>>(s.x); }},
    {"wrong_shuffle_mask", [](Setting& s) { wrong_shuffle_mask<<<1, 32>>>(s.x); }},
    {"endless", [](Setting& s) { spin<<<1, 32>>>(s.x); }},
    {"blocks_wait", [](Setting& s) { wait_for_all_blocks<<<4, 1>>>(reinterpret_cast<unsigned*>(s.x)); }},
    {"none_in_waiting_blocks", [](Setting& s) { cooperative(wait_for_all_blocks, s.x, 4, 1); }},
    {"none_in_grid", [](Setting& s) { cooperative(add_next_block<true>, s.x, 4, 1); }},
    {"none_in_captured_grid", captured_cooperative},
    {"grid_unsynchronised", [](Setting& s) { cooperative(add_next_block<false>, s.x, 4, 1); }},
    {"grid_too_large", [](Setting& s) { cooperative(add_one, s.x, 2 * 132 + 1, 1024); }},
    {"clusters", in_clusters},
    {"trap", [](Setting&) { trap_if<<<1, 32>>>(3); }},
    {"other_device", other_device},
    {"unjoined_capture", unjoined_capture},
    {"too_many_threads", [](Setting& s) { add_one<<<1, 2048>>>(s.x); }},
    {"too_much_shared", [](Setting& s) { add_one<<<1, 32, 100000>>>(s.x); }},
    {"host_reads_device", host_reads_device},
    {"waits_inside_work", waits_inside_work},
    {"leak", leak},
};

}  // namespace

int main(int argc, char** argv) {
  const Mistake& mistake = asked_for(kMistakes, argc, argv);
  Setting setting;
  mistake.make(setting);
  check(cudaGetLastError());
  setting.release();
  return 0;
}
