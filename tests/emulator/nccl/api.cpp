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
#include <random>
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

ncclResult_t add(ncclComm* comm, cudaStream_t stream, const Call& call) {
  if (comm == nullptr) return ncclInvalidArgument;
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

void remove_folders();

std::vector<fs::path>& folders() {
  static std::vector<fs::path>& made = *new std::vector<fs::path>();
  return made;
}
void remove_folders() {
  std::error_code error;
  for (const fs::path& folder : folders()) fs::remove_all(folder, error);
}

}  // namespace
}  // namespace drift::emulator::nccl

using drift::emulator::injected_fault;
using drift::emulator::object_created;
using drift::emulator::object_destroyed;
using drift::emulator::nccl::add;
using drift::emulator::nccl::close_group;
using drift::emulator::nccl::Communicator;
using drift::emulator::nccl::folder_of;
using drift::emulator::nccl::folders;
using drift::emulator::nccl::group;
using drift::emulator::nccl::kCommunicators;
using drift::emulator::nccl::Kind;

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
  delete comm;
  return ncclSuccess;
}

DRIFT_REPLACES ncclResult_t ncclCommAbort(ncclComm_t comm) {
  if (comm == nullptr) return ncclSuccess;
  comm->communicator->abort();
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
