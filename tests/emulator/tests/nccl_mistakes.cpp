// Two ranks of NCCL as threads, each on a device of its own, and a mistake: the argument names the one to make. Where a
// call refuses, the program writes "refused: ..." and ends with 1; where nobody notices anything it ends with 0.
#include <barrier>
#include <cstdio>
#include <cstdlib>
#include <cuda_runtime_api.h>
#include <nccl.h>
#include <thread>
#include <utility>
#include <vector>

#include "tests/emulator/tests/mistake_program.h"

using drift::emulator::testing::asked_for;
using drift::emulator::testing::refused;

namespace {

using drift::emulator::testing::check;
void check(ncclResult_t result) {
  if (result != ncclSuccess) refused(ncclGetErrorString(result));
}

constexpr std::size_t kFloats = 256;

std::barrier<> all_set(2);

// A rank: its device, two streams, a communicator, what it sends and what it receives.
struct Rank {
  int rank = 0;
  ncclComm_t comm = nullptr;
  cudaStream_t a = nullptr, b = nullptr;
  float *out = nullptr, *in = nullptr;

  int other() const { return 1 - rank; }
  void send(std::size_t count, ncclDataType_t type = ncclFloat) const {
    check(ncclSend(out, count, type, other(), comm, a));
  }
  void receive(std::size_t count, ncclDataType_t type = ncclFloat) const {
    check(ncclRecv(in, count, type, other(), comm, a));
  }
  void exchange(std::size_t sent, std::size_t received) const {
    check(ncclGroupStart());
    send(sent);
    receive(received);
    check(ncclGroupEnd());
  }
  float first_received() const {
    float value = 0;
    check(cudaMemcpyAsync(&value, in, sizeof value, cudaMemcpyDeviceToHost, a));
    check(cudaStreamSynchronize(a));
    return value;
  }
};

void expect(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "wrong: %s\n", what);
  std::_Exit(3);
}

void fill(const Rank& r, float value) {
  const std::vector<float> host(kFloats, value);
  check(cudaMemcpyAsync(r.out, host.data(), kFloats * sizeof(float), cudaMemcpyHostToDevice, r.a));
}

void none(const Rank& r) {
  for (int round = 0; round < 3; ++round) {
    fill(r, static_cast<float>(10 * round + r.rank));
    r.exchange(kFloats, kFloats);
    expect(r.first_received() == static_cast<float>(10 * round + r.other()), "the other's values");
  }
  check(ncclAllReduce(r.out, r.in, kFloats, ncclFloat, ncclSum, r.comm, r.a));
  expect(r.first_received() == 41, "the sum of 20 and 21");
}

// Captured once, replayed: each launch moves what is there then.
void none_in_graph(const Rank& r) {
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  check(cudaStreamBeginCapture(r.a, cudaStreamCaptureModeThreadLocal));
  r.exchange(kFloats, kFloats);
  check(cudaStreamEndCapture(r.a, &graph));
  check(cudaGraphInstantiate(&executable, graph, 0));
  for (int round = 0; round < 3; ++round) {
    fill(r, static_cast<float>(10 * round + r.rank));
    check(cudaGraphLaunch(executable, r.a));
    expect(r.first_received() == static_cast<float>(10 * round + r.other()), "the other's values");
  }
  check(cudaGraphExecDestroy(executable));
  check(cudaGraphDestroy(graph));
}

void other_count(const Rank& r) {
  r.exchange(r.rank == 0 ? kFloats : kFloats / 2, kFloats);
  r.first_received();
}
void other_type(const Rank& r) {
  check(ncclGroupStart());
  r.send(kFloats, r.rank == 0 ? ncclFloat : ncclInt32);
  r.receive(kFloats);
  check(ncclGroupEnd());
  r.first_received();
}
void other_order(const Rank& r) {
  for (int call = 0; call < 2; ++call) {
    const std::size_t count = (call == 0) == (r.rank == 0) ? kFloats : kFloats / 4;
    r.exchange(count, count);
  }
  r.first_received();
}
void other_count_of_a_reduction(const Rank& r) {
  check(ncclAllReduce(r.out, r.in, r.rank == 0 ? kFloats : kFloats / 2, ncclFloat, ncclSum, r.comm, r.a));
  r.first_received();
}
void never_comes(const Rank& r) {
  if (r.rank == 0) r.exchange(kFloats, kFloats);
  r.first_received();
}
// Of two communicators of the same ranks each takes another.
void other_communicator(Rank& r) {
  static ncclUniqueId id;
  if (r.rank == 0) check(ncclGetUniqueId(&id));
  all_set.arrive_and_wait();
  ncclComm_t second = nullptr;
  check(ncclCommInitRankConfig(&second, 2, id, r.rank, nullptr));
  if (r.rank == 1) std::swap(r.comm, second);
  r.exchange(kFloats, kFloats);
  r.first_received();
}
// Each sends first and receives then, in groups of one: both wait for the other's second.
void one_after_the_other(const Rank& r) {
  r.send(kFloats);
  r.receive(kFloats);
  r.first_received();
}
void sent_while_written(const Rank& r) {
  r.exchange(kFloats, kFloats);
  check(cudaMemsetAsync(r.out, 0, kFloats * sizeof(float), r.b));
  check(cudaStreamSynchronize(r.b));
  r.first_received();
}
void read_before_it_came(const Rank& r) {
  float value = 0;
  r.exchange(kFloats, kFloats);
  check(cudaMemcpyAsync(&value, r.in, sizeof value, cudaMemcpyDeviceToHost, r.b));
  check(cudaStreamSynchronize(r.b));
  r.first_received();
}
// `out` and `in` of a rank in one piece of registered memory, `in` from `offset` floats on.
struct Registered {
  Registered(Rank& r, std::size_t offset) : rank(r), out(r.out), in(r.in) {
    check(ncclMemAlloc(&memory, 4 * kFloats * sizeof(float)));
    check(ncclCommRegister(r.comm, memory, 4 * kFloats * sizeof(float), &handle));
    r.out = static_cast<float*>(memory) + (r.rank == 0 ? 0 : offset);
    r.in = static_cast<float*>(memory) + 2 * kFloats;
    fill(r, static_cast<float>(r.rank));
  }
  ~Registered() {
    check(cudaStreamSynchronize(rank.a));
    if (handle != nullptr) check(ncclCommDeregister(rank.comm, handle));
    check(ncclMemFree(memory));
    rank.out = out;
    rank.in = in;
  }
  Rank& rank;
  float *out, *in;
  void *memory = nullptr, *handle = nullptr;
};
void none_in_registered_memory(Rank& r) {
  const Registered registered(r, 0);
  none(r);
}
void registered_on_one_side(Rank& r) {
  if (r.rank == 0) return none(r);
  const Registered registered(r, 0);
  none(r);
}
void reduced_at_other_offsets(Rank& r) {
  const Registered registered(r, kFloats);
  none(r);
}
void freed_while_registered(Rank& r) {
  Registered registered(r, 0);
  registered.handle = nullptr;
}
void no_such_rank(const Rank& r) {
  check(ncclSend(r.out, kFloats, ncclFloat, 2, r.comm, r.a));
}
// A group that never ends (EMU_NCCL_LOSE): everybody is told, and abort lets the stream go on.
void lost(Rank& r) {
  r.exchange(kFloats, kFloats);
  while (cudaStreamQuery(r.a) == cudaErrorNotReady) {
    ncclResult_t state = ncclSuccess;
    check(ncclCommGetAsyncError(r.comm, &state));
    if (state == ncclSuccess) continue;
    expect(state == ncclRemoteError, "the error of a lost rank");
    check(ncclCommAbort(std::exchange(r.comm, nullptr)));
    check(cudaStreamSynchronize(r.a));
    return;
  }
  expect(false, "a group without end");
}

struct Mistake {
  const char* name;
  void (*make)(Rank&);
};
template <void (*function)(const Rank&)>
void with(Rank& r) {
  function(r);
}
constexpr Mistake kMistakes[] = {{"none", with<none>},
                                 {"none_in_graph", with<none_in_graph>},
                                 {"other_count", with<other_count>},
                                 {"other_type", with<other_type>},
                                 {"other_order", with<other_order>},
                                 {"other_count_of_a_reduction", with<other_count_of_a_reduction>},
                                 {"never_comes", with<never_comes>},
                                 {"one_after_the_other", with<one_after_the_other>},
                                 {"sent_while_written", with<sent_while_written>},
                                 {"read_before_it_came", with<read_before_it_came>},
                                 {"no_such_rank", with<no_such_rank>},
                                 {"other_communicator", other_communicator},
                                 {"none_in_registered_memory", none_in_registered_memory},
                                 {"registered_on_one_side", registered_on_one_side},
                                 {"reduced_at_other_offsets", reduced_at_other_offsets},
                                 {"freed_while_registered", freed_while_registered},
                                 {"lost", lost}};

void run(const Mistake& mistake, const ncclUniqueId& id, int rank) {
  check(cudaSetDevice(rank));
  Rank r{.rank = rank};
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  ncclResult_t state = ncclCommInitRankConfig(&r.comm, 2, id, rank, &config);
  while (state == ncclInProgress) check(ncclCommGetAsyncError(r.comm, &state));
  check(state);
  check(cudaStreamCreateWithFlags(&r.a, cudaStreamNonBlocking));
  check(cudaStreamCreateWithFlags(&r.b, cudaStreamNonBlocking));
  check(cudaMalloc(&r.out, kFloats * sizeof(float)));
  check(cudaMalloc(&r.in, kFloats * sizeof(float)));
  fill(r, static_cast<float>(rank));
  check(cudaStreamSynchronize(r.a));
  all_set.arrive_and_wait();
  mistake.make(r);
  check(cudaStreamSynchronize(r.a));
  if (r.comm != nullptr) {
    check(ncclCommFinalize(r.comm));
    check(ncclCommDestroy(r.comm));
  }
  check(cudaFree(r.out));
  check(cudaFree(r.in));
  check(cudaStreamDestroy(r.a));
  check(cudaStreamDestroy(r.b));
}

}  // namespace

int main(int argc, char** argv) {
  const Mistake& mistake = asked_for(kMistakes, argc, argv);
  ncclUniqueId id;
  check(ncclGetUniqueId(&id));
  std::vector<std::jthread> ranks;
  for (int rank = 0; rank < 2; ++rank) ranks.emplace_back([&, rank] { run(mistake, id, rank); });
  ranks.clear();
  return 0;
}
