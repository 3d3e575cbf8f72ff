// One rank's end of a communicator, and the groups of calls that it puts on streams.
//
// A group is two operations on its stream. The first leaves in the mailbox what this rank sends and what it wants. The
// second starts when the other sides have done the same, compares what both asked for, and brings home what came. So a
// rank waits for all that its group names, as NCCL's kernel does, and two ranks that wait for each other's next group
// never go on.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <nccl.h>
#include <optional>
#include <string>
#include <vector>

#include "tests/emulator/nccl/mailbox.h"

namespace drift::emulator::nccl {

enum class Kind { kSend = 1, kReceive, kAllReduce };

struct Call {
  Kind kind = Kind::kSend;
  const void* source = nullptr;
  void* target = nullptr;
  std::size_t count = 0;
  ncclDataType_t type = ncclFloat;
  int peer = 0;  // of sends and receives
  bool registered = false;
  std::size_t offset = 0;  // of both in the memory that is registered; of reductions
};

// Whether another process has come to the communicator of this folder, is alive and has not left it.
bool someone_is_left(const std::string& folder);

class Communicator : public std::enable_shared_from_this<Communicator> {
 public:
  Communicator(const std::string& folder, int ranks, int rank);

  int rank() const { return rank_; }
  int ranks() const { return ranks_; }
  // ncclInProgress until all ranks have come; an error once one is gone.
  ncclResult_t state();
  void enqueue(const std::vector<Call>& calls, cudaStream_t stream);
  void register_memory(const void* data, std::size_t bytes);
  void deregister(const void* data);
  // Whether somebody may still use these bytes through NCCL.
  bool knows(const void* data) const;
  // Where in registered memory the bytes are; nullopt: in none.
  std::optional<std::size_t> place_of(const void* data, std::size_t bytes) const;
  // What is under way ends without doing anything.
  void abort();
  void leave();

 private:
  struct Exchange;  // a group under way

  void post(Exchange& exchange);
  bool all_here(const Exchange& exchange);
  void finish(const Exchange& exchange);
  bool is_lost();
  void reduce(const Call& call, std::uint64_t sequence) const;

  Mailbox mail_;
  int ranks_, rank_;
  bool all_came_ = false;
  mutable std::mutex mutex_;                       // of what follows
  std::map<const char*, std::size_t> registered_;  // bytes, by address
  bool aborted_ = false;
  std::map<int, std::uint64_t> sent_, received_;  // by peer
  std::uint64_t reduced_ = 0, groups_ = 0;
};

std::size_t bytes_of(ncclDataType_t type);

}  // namespace drift::emulator::nccl
