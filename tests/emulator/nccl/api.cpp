// The replaced functions of NCCL, interposed by LD_PRELOAD: those that Drift calls. Communicators are non-blocking or
// blocking as asked; calls outside a group are groups of one.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/emulator/cudart/enqueue.h"
#include "tests/emulator/nccl/communicator.h"

#define DRIFT_REPLACES extern "C" __attribute__((visibility("default")))

struct ncclComm {
  std::shared_ptr<drift::emulator::nccl::Communicator> communicator;
};

namespace drift::emulator::nccl {
namespace {

constexpr const char* kCommunicators = "NCCL communicators";

namespace fs = std::filesystem;

// What the calling thread has put into a group that is not closed yet.
struct Group {
  int depth = 0;
  std::vector<std::pair<ncclComm*, cudaStream_t>> order;
  std::map<std::pair<ncclComm*, cudaStream_t>, std::vector<Call>> calls;
};
thread_local Group group;

ncclResult_t close_group() {
  const Group closed = std::exchange(group, {});
  try {
    for (const auto& key : closed.order) key.first->communicator->enqueue(closed.calls.at(key), key.second);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "[emulator] NCCL: %s\n", error.what());
    return ncclInternalError;
  }
  return ncclSuccess;
}

[[noreturn]] void mistake(const char* text) {
  std::fprintf(stderr, "[emulator] ERROR: NCCL: %s\n", text);
  std::_Exit(70);
}

// Every communicator of this process that is not gone.
struct Communicators {
  std::mutex mutex;
  std::set<ncclComm*> alive;
};
Communicators& communicators() {
  static Communicators& the_ones = *new Communicators();
  return the_ones;
}
void add_communicator(ncclComm* comm) {
  const std::lock_guard lock(communicators().mutex);
  communicators().alive.insert(comm);
}
void remove_communicator(ncclComm* comm) {
  const std::lock_guard lock(communicators().mutex);
  communicators().alive.erase(comm);
}

ncclResult_t add(ncclComm* comm, cudaStream_t stream, Call call) {
  if (comm == nullptr) return ncclInvalidArgument;
  const std::size_t bytes = call.count * bytes_of(call.type);
  const auto source = comm->communicator->place_of(call.source, bytes);
  const auto target = comm->communicator->place_of(call.target, bytes);
  switch (call.kind) {
    case Kind::kSend:
      call.registered = source.has_value();
      break;
    case Kind::kReceive:
      call.registered = target.has_value();
      break;
    case Kind::kAllReduce:
      call.registered = source && target;
      if (call.registered) call.offset = *source;
      break;
  }
  const bool has_peer = call.kind != Kind::kAllReduce;
  if (has_peer && (call.peer < 0 || call.peer >= comm->communicator->ranks())) return ncclInvalidArgument;
  ++group.depth;
  std::vector<Call>& calls = group.calls[{comm, stream}];
  if (calls.empty()) group.order.emplace_back(comm, stream);
  calls.push_back(call);
  return --group.depth == 0 ? close_group() : ncclSuccess;
}

fs::path folder_of(const ncclUniqueId& id) {
  return {std::string(id.internal, ::strnlen(id.internal, sizeof id.internal))};
}

std::vector<fs::path>& folders() {
  static std::vector<fs::path>& made = *new std::vector<fs::path>();
  return made;
}
// The process that made the folders may be the first to end: the others still look there for those who left.
void remove_folders() {
  constexpr auto kPatience = std::chrono::seconds(10);
  const auto end = std::chrono::steady_clock::now() + kPatience;
  for (const fs::path& folder : folders()) {
    while (someone_is_left(folder.string()) && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    std::error_code error;
    fs::remove_all(folder, error);
  }
}

}  // namespace
}  // namespace drift::emulator::nccl

using drift::emulator::injected_fault;
using drift::emulator::object_created;
using drift::emulator::object_destroyed;
using drift::emulator::nccl::add;
using drift::emulator::nccl::add_communicator;
using drift::emulator::nccl::close_group;
using drift::emulator::nccl::Communicator;
using drift::emulator::nccl::communicators;
using drift::emulator::nccl::folder_of;
using drift::emulator::nccl::folders;
using drift::emulator::nccl::group;
using drift::emulator::nccl::kCommunicators;
using drift::emulator::nccl::Kind;
using drift::emulator::nccl::mistake;
using drift::emulator::nccl::remove_communicator;

DRIFT_REPLACES ncclResult_t ncclGetVersion(int* version) {
  *version = NCCL_VERSION_CODE;
  return ncclSuccess;
}

DRIFT_REPLACES const char* ncclGetErrorString(ncclResult_t result) {
  switch (result) {
    case ncclSuccess:
      return "no error";
    case ncclRemoteError:
      return "remote process exited or there was a network error";
    case ncclInProgress:
      return "NCCL operation in progress";
    default:
      return "emulated NCCL error";
  }
}

DRIFT_REPLACES const char* ncclGetLastError(ncclComm_t) {
  return "";
}

DRIFT_REPLACES ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  if (const ncclResult_t injected = injected_fault("ncclGetUniqueId", ncclSystemError)) return injected;
  std::random_device random;
  const std::string name = "/dev/shm/drift-emulated-nccl-" + std::to_string(random()) + "-" + std::to_string(random());
  std::filesystem::create_directory(name);
  if (folders().empty()) std::atexit(drift::emulator::nccl::remove_folders);
  folders().emplace_back(name);
  std::memset(id, 0, sizeof *id);
  std::memcpy(id->internal, name.data(), name.size());
  return ncclSuccess;
}

DRIFT_REPLACES ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int ranks, ncclUniqueId id, int rank,
                                                   ncclConfig_t* config) {
  *comm = nullptr;
  if (const ncclResult_t injected = injected_fault("ncclCommInitRankConfig", ncclSystemError)) return injected;
  if (ranks < 1 || rank < 0 || rank >= ranks || !std::filesystem::exists(folder_of(id))) return ncclInvalidArgument;
  *comm = new ncclComm{std::make_shared<Communicator>(folder_of(id).string(), ranks, rank)};
  add_communicator(*comm);
  object_created(kCommunicators);
  if (config != nullptr && config->blocking == 0) return ncclInProgress;
  ncclResult_t state = ncclInProgress;
  while ((state = (*comm)->communicator->state()) == ncclInProgress) std::this_thread::yield();
  return state;
}

DRIFT_REPLACES ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* result) {
  if (const ncclResult_t injected = injected_fault("ncclCommGetAsyncError", ncclSystemError)) return injected;
  *result = comm->communicator->state();
  return ncclSuccess;
}

DRIFT_REPLACES ncclResult_t ncclCommFinalize(ncclComm_t comm) {
  if (const ncclResult_t injected = injected_fault("ncclCommFinalize", ncclSystemError)) return injected;
  comm->communicator->leave();
  return ncclSuccess;
}

DRIFT_REPLACES ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  if (const ncclResult_t injected = injected_fault("ncclCommDestroy", ncclSystemError)) return injected;
  object_destroyed(kCommunicators);
  remove_communicator(comm);
  delete comm;
  return ncclSuccess;
}

DRIFT_REPLACES ncclResult_t ncclMemAlloc(void** data, std::size_t bytes) {
  if (const ncclResult_t injected = injected_fault("ncclMemAlloc", ncclSystemError)) return injected;
  const cudaError_t allocated = cudaMalloc(data, bytes);
  if (allocated == cudaSuccess) return ncclSuccess;
  cudaGetLastError();
  return ncclUnhandledCudaError;
}

DRIFT_REPLACES ncclResult_t ncclMemFree(void* data) {
  if (const ncclResult_t injected = injected_fault("ncclMemFree", ncclSystemError)) return injected;
  {
    const std::lock_guard lock(communicators().mutex);
    for (const ncclComm* comm : communicators().alive) {
      if (comm->communicator->knows(data)) mistake("memory is freed that a communicator still has registered");
    }
  }
  return cudaFree(data) == cudaSuccess ? ncclSuccess : ncclUnhandledCudaError;
}

DRIFT_REPLACES ncclResult_t ncclCommRegister(ncclComm_t comm, void* data, std::size_t bytes, void** handle) {
  if (const ncclResult_t injected = injected_fault("ncclCommRegister", ncclSystemError)) return injected;
  comm->communicator->register_memory(data, bytes);
  *handle = data;
  return ncclSuccess;
}

DRIFT_REPLACES ncclResult_t ncclCommDeregister(ncclComm_t comm, void* handle) {
  if (const ncclResult_t injected = injected_fault("ncclCommDeregister", ncclSystemError)) return injected;
  if (!comm->communicator->knows(handle)) return ncclInvalidArgument;
  comm->communicator->deregister(handle);
  return ncclSuccess;
}

DRIFT_REPLACES ncclResult_t ncclCommAbort(ncclComm_t comm) {
  if (comm == nullptr) return ncclSuccess;
  comm->communicator->abort();
  remove_communicator(comm);
  object_destroyed(kCommunicators);
  delete comm;
  return ncclSuccess;
}

DRIFT_REPLACES ncclResult_t ncclGroupStart() {
  if (const ncclResult_t injected = injected_fault("ncclGroupStart", ncclSystemError)) return injected;
  ++group.depth;
  return ncclSuccess;
}

DRIFT_REPLACES ncclResult_t ncclGroupEnd() {
  if (const ncclResult_t injected = injected_fault("ncclGroupEnd", ncclSystemError)) {
    group = {};
    return injected;
  }
  if (group.depth == 0) return ncclInvalidUsage;
  return --group.depth == 0 ? close_group() : ncclSuccess;
}

DRIFT_REPLACES ncclResult_t ncclSend(const void* values, std::size_t count, ncclDataType_t type, int peer,
                                     ncclComm_t comm, cudaStream_t stream) {
  if (const ncclResult_t injected = injected_fault("ncclSend", ncclSystemError)) return injected;
  return add(comm, stream, {.kind = Kind::kSend, .source = values, .count = count, .type = type, .peer = peer});
}

DRIFT_REPLACES ncclResult_t ncclRecv(void* values, std::size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                                     cudaStream_t stream) {
  if (const ncclResult_t injected = injected_fault("ncclRecv", ncclSystemError)) return injected;
  return add(comm, stream, {.kind = Kind::kReceive, .target = values, .count = count, .type = type, .peer = peer});
}

DRIFT_REPLACES ncclResult_t ncclAllReduce(const void* source, void* target, std::size_t count, ncclDataType_t type,
                                          ncclRedOp_t op, ncclComm_t comm, cudaStream_t stream) {
  if (const ncclResult_t injected = injected_fault("ncclAllReduce", ncclSystemError)) return injected;
  if (type != ncclFloat || op != ncclSum) return ncclInvalidArgument;  // all that Drift asks for
  return add(comm, stream,
             {.kind = Kind::kAllReduce, .source = source, .target = target, .count = count, .type = type});
}
