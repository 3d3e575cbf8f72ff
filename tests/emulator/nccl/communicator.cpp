#include "tests/emulator/nccl/communicator.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <unistd.h>

#include "tests/emulator/cudart/enqueue.h"

namespace drift::emulator::nccl {
namespace {

// VARIABLE=RANK:GROUP[:VALUE]: what is to happen to the GROUP-th group (from 1) of a rank.
struct Planned {
  int rank = -1;
  unsigned long long group = 0;
  int value = 0;
};

Planned planned(const char* variable) {
  Planned plan;
  const char* const text = std::getenv(variable);
  if (text != nullptr && std::sscanf(text, "%d:%llu:%d", &plan.rank, &plan.group, &plan.value) < 2) {
    std::fprintf(stderr, "[emulator] ERROR: %s='%s' is not RANK:GROUP\n", variable, text);
    std::_Exit(70);
  }
  return plan;
}

std::string rank_file(const char* what, int rank) {
  return std::string(what) + "-" + std::to_string(rank);
}
std::string pair_file(const char* what, int from, int to, std::uint64_t sequence) {
  return std::string(what) + "-" + std::to_string(from) + "-" + std::to_string(to) + "-" + std::to_string(sequence);
}
std::string reduction_file(std::uint64_t sequence, int rank) {
  return "reduce-" + std::to_string(sequence) + "-" + std::to_string(rank);
}

// The process that wrote "here".
int process_of(const Message& here) {
  int pid = 0;
  std::memcpy(&pid, here.data.data(), sizeof pid);
  return pid;
}
bool is_alive(int pid) {
  return ::kill(pid, 0) == 0 || errno != ESRCH;
}

Header header_of(const Call& call) {
  return {.kind = static_cast<int>(call.kind),
          .type = call.type,
          .op = 0,
          .count = call.count,
          .registered = call.registered,
          .offset = call.offset};
}

std::string text_of(const Header& header) {
  std::string text = std::to_string(header.count) + " elements of type " + std::to_string(header.type);
  if (header.registered) text += " in registered memory";
  if (header.offset != 0) text += " at byte " + std::to_string(header.offset);
  return text;
}

}  // namespace

std::size_t bytes_of(ncclDataType_t type) {
  switch (type) {
    case ncclFloat32:
    case ncclInt32:
      return 4;
    case ncclFloat64:
    case ncclInt64:
      return 8;
    default:
      throw std::runtime_error("the emulator's NCCL does not know data type " + std::to_string(type));
  }
}

struct Communicator::Exchange {
  std::vector<Call> calls;
  std::vector<std::uint64_t> sequences;  // of each call: which message of its pair, or which reduction, it is
  bool lost = false;                     // on purpose
  std::chrono::steady_clock::time_point not_before;
};

bool someone_is_left(const std::string& folder) {
  const Mailbox mail(folder);
  for (int rank = 0; mail.has(rank_file("here", rank)); ++rank) {
    if (mail.has(rank_file("left", rank)) || mail.has(rank_file("lost", rank))) continue;
    const int pid = process_of(mail.get(rank_file("here", rank)));
    if (pid != ::getpid() && is_alive(pid)) return true;
  }
  return false;
}

Communicator::Communicator(const std::string& folder, int ranks, int rank) : mail_(folder), ranks_(ranks), rank_(rank) {
  const int pid = ::getpid();
  mail_.put(rank_file("here", rank), {.count = static_cast<std::size_t>(ranks)}, &pid, sizeof pid);
}

ncclResult_t Communicator::state() {
  for (int other = 0; other < ranks_; ++other) {
    if (mail_.has(rank_file("lost", other))) return ncclRemoteError;
    if (mail_.has(rank_file("left", other))) continue;
    if (!mail_.has(rank_file("here", other))) return all_came_ ? ncclRemoteError : ncclInProgress;
    const Message here = mail_.get(rank_file("here", other));
    if (!is_alive(process_of(here))) return ncclRemoteError;
    if (here.header.count != static_cast<std::size_t>(ranks_)) return ncclInvalidArgument;
  }
  all_came_ = true;
  return ncclSuccess;
}

void Communicator::enqueue(const std::vector<Call>& calls, cudaStream_t stream) {
  const auto exchange = std::make_shared<Exchange>();
  exchange->calls = calls;
  const auto self = shared_from_this();
  emulator::enqueue(stream, "nccl group: arrives", [self, exchange] { self->post(*exchange); });
  emulator::enqueue_gated(
      stream, "nccl group", [self, exchange] { return self->all_here(*exchange); },
      [self, exchange] { self->finish(*exchange); });
}

void Communicator::post(Exchange& exchange) {
  const std::lock_guard lock(mutex_);
  if (aborted_) return;
  ++groups_;
  const Planned delay = planned("EMU_NCCL_DELAY"), lose = planned("EMU_NCCL_LOSE"), die = planned("EMU_NCCL_DIE");
  if (die.rank == rank_ && die.group == groups_) std::_Exit(1);
  exchange.lost = lose.rank == rank_ && lose.group == groups_;
  exchange.not_before = std::chrono::steady_clock::now();
  if (delay.rank == rank_ && delay.group == groups_) exchange.not_before += std::chrono::milliseconds(delay.value);
  exchange.sequences.clear();
  if (exchange.lost) {
    mail_.put(rank_file("lost", rank_), {});
    exchange.sequences.resize(exchange.calls.size());
    return;
  }
  for (const Call& call : exchange.calls) {
    const std::size_t bytes = call.count * bytes_of(call.type);
    switch (call.kind) {
      case Kind::kSend: {
        exchange.sequences.push_back(sent_[call.peer]++);
        mail_.put(pair_file("data", rank_, call.peer, exchange.sequences.back()), header_of(call),
                  host_pointer(call.source, bytes, Access::kPassOn), bytes);
        break;
      }
      case Kind::kReceive:
        exchange.sequences.push_back(received_[call.peer]++);
        mail_.put(pair_file("want", call.peer, rank_, exchange.sequences.back()), header_of(call));
        break;
      case Kind::kAllReduce:
        exchange.sequences.push_back(reduced_++);
        mail_.put(reduction_file(exchange.sequences.back(), rank_), header_of(call),
                  host_pointer(call.source, bytes, Access::kRead), bytes);
        break;
    }
  }
}

bool Communicator::all_here(const Exchange& exchange) {
  const std::lock_guard lock(mutex_);
  if (aborted_) return true;
  if (exchange.sequences.size() != exchange.calls.size() || exchange.lost) return false;
  if (std::chrono::steady_clock::now() < exchange.not_before) return false;
  for (std::size_t i = 0; i < exchange.calls.size(); ++i) {
    const Call& call = exchange.calls[i];
    const std::uint64_t sequence = exchange.sequences[i];
    switch (call.kind) {
      case Kind::kSend:
        if (!mail_.has(pair_file("want", rank_, call.peer, sequence))) return false;
        break;
      case Kind::kReceive:
        if (!mail_.has(pair_file("data", call.peer, rank_, sequence))) return false;
        break;
      case Kind::kAllReduce:
        for (int other = 0; other < ranks_; ++other) {
          if (!mail_.has(reduction_file(sequence, other))) return false;
        }
        break;
    }
  }
  return true;
}

void Communicator::finish(const Exchange& exchange) {
  const std::lock_guard lock(mutex_);
  if (aborted_) return;
  for (std::size_t i = 0; i < exchange.calls.size(); ++i) {
    const Call& call = exchange.calls[i];
    if (call.kind == Kind::kAllReduce) {
      reduce(call, exchange.sequences[i]);
      continue;
    }
    const bool sends = call.kind == Kind::kSend;
    const std::string name = sends ? pair_file("want", rank_, call.peer, exchange.sequences[i])
                                   : pair_file("data", call.peer, rank_, exchange.sequences[i]);
    const Message other = mail_.get(name);
    if (other.header.count != call.count || other.header.type != static_cast<int>(call.type) ||
        other.header.registered != call.registered) {
      throw std::runtime_error("rank " + std::to_string(rank_) + (sends ? " sends " : " receives ") +
                               text_of(header_of(call)) + (sends ? " to rank " : " from rank ") +
                               std::to_string(call.peer) + ", which has " + text_of(other.header));
    }
    mail_.remove(name);
    if (sends) continue;
    std::memcpy(host_pointer(call.target, other.data.size(), Access::kWrite), other.data.data(), other.data.size());
  }
}

// In the order of ranks. Every rank leaves its file, for who is late; they go with the communicator.
void Communicator::reduce(const Call& call, std::uint64_t sequence) const {
  std::vector<float> sum(call.count);
  for (int other = 0; other < ranks_; ++other) {
    const Message message = mail_.get(reduction_file(sequence, other));
    if (message.header != header_of(call)) {
      throw std::runtime_error("rank " + std::to_string(rank_) + " reduces " + text_of(header_of(call)) +
                               ", and rank " + std::to_string(other) + " " + text_of(message.header));
    }
    std::vector<float> values(call.count);
    std::memcpy(values.data(), message.data.data(), message.data.size());
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] = other == 0 ? values[i] : sum[i] + values[i];
  }
  std::memcpy(host_pointer(call.target, sum.size() * sizeof(float), Access::kWrite), sum.data(),
              sum.size() * sizeof(float));
}

void Communicator::register_memory(const void* data, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  registered_[static_cast<const char*>(data)] = bytes;
}

void Communicator::deregister(const void* data) {
  const std::lock_guard lock(mutex_);
  registered_.erase(static_cast<const char*>(data));
}

bool Communicator::knows(const void* data) const {
  const std::lock_guard lock(mutex_);
  return registered_.contains(static_cast<const char*>(data));
}

std::optional<std::size_t> Communicator::place_of(const void* data, std::size_t bytes) const {
  const std::lock_guard lock(mutex_);
  const char* const begin = static_cast<const char*>(data);
  const auto after = registered_.upper_bound(begin);
  if (after == registered_.begin()) return std::nullopt;
  const auto& [first, size] = *std::prev(after);
  return begin + bytes <= first + size ? std::optional<std::size_t>(begin - first) : std::nullopt;
}

void Communicator::abort() {
  const std::lock_guard lock(mutex_);
  aborted_ = true;
  mail_.put(rank_file("lost", rank_), {});
}

void Communicator::leave() {
  mail_.put(rank_file("left", rank_), {});
}

}  // namespace drift::emulator::nccl
