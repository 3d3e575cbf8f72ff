// Exchange: what the processes of a team do together once each has dealt with its own workers. The mean is a
// reduce-scatter and an all-gather: process q owns shard q of the elements, gets it from all the others, sums the P
// parts in the balanced tree over processes and sends the mean back. Each process sends 2(P-1)/P of the span, like a
// ring, but every sum is taken in one place and in one order. Long spans go piece by piece: while one is summed others
// are on their way, and what has come is still in the cache. As bfloat16 a piece travels in half of the bytes: two of
// its values in one float of a message.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "comm/team.h"
#include "comm/transport.h"
#include "kernels/backend.h"

namespace drift {

// How the sums of several processes become one: in the tree, or by the all-reduce of the transport's library.
enum class Reduce : std::uint8_t { kTree, kFast };

class Exchange {
 public:
  static constexpr std::size_t kPiece = 1 << 18;  // floats: 1 MiB
  static constexpr std::size_t kScattered = 4;    // pieces whose parts arrive at the same time
  static constexpr std::size_t kGathered = 8;     // pieces of bfloat16 whose means arrive at the same time

  // The transport has the team's processes.
  Exchange(const Team& team, std::shared_ptr<Transport> transport, Reduce reduce = Reduce::kTree);

  // sums: over the workers of this process. Becomes the mean over all workers; in the tree, the same bits in every
  // process. wire: as in Communicator::all_reduce_mean(); bfloat16 in the tree alone.
  void mean(std::span<float> sums, DType wire, Backend& backend);
  // The same of several spans, one after the other, that are on their way together. All processes begin the same, in
  // the same order; each goes on when it can.
  void begin_mean(std::span<float> sums, DType wire, Backend& backend);
  // One thing more for what was begun, waiting for it. False: all of it is done.
  bool advance_means(Backend& backend);
  // Spans that are means by now, of those that were begun, in their order.
  std::int64_t means_done() const { return means_done_; }
  // values <- those of process `root`.
  void broadcast(std::span<float> values, int root, Backend& backend);
  // Process q has the values from ends[q-1] (0 for the first) to ends[q]; afterwards all have all.
  void all_gather(std::span<float> values, std::span<const std::size_t> ends, Backend& backend);
  // For what these are given.
  std::shared_ptr<MemorySource> memory() const { return transport_->memory(); }
  int process() const { return team_.process; }
  int processes() const { return team_.processes; }
  bool only_enqueues() const { return transport_->only_enqueues(); }
  void barrier() { transport_->barrier(); }
  void abort(std::string_view reason) noexcept { transport_->abort(reason); }

 private:
  using Pending = std::unique_ptr<Transfer>;  // nullptr: nothing to wait for

  // Of a span.
  struct Piece {
    std::span<float> values;
    DType wire = DType::kFloat32;
    bool last = false;
    float* parts = nullptr;  // of the others, one behind the other
    // Where it travels as bfloat16: its values as such, in their order; first what the others get of it, later what all
    // get. The parts are packed, too, and each begins a line.
    float* packed = nullptr;
    Pending pending = nullptr;

    bool is_packed() const { return wire == DType::kBFloat16; }
  };
  // Memory for some pieces at the same time. It is of one size, so that it is allocated once: not while a step is
  // captured, and not while others wait.
  struct Places {
    std::size_t pieces = 0, floats = 0;
    Storage memory = {};
    std::size_t next = 0;
  };

  void mean_by_library(std::span<float> sums, Backend& backend);
  std::span<float> shard(std::span<float> values, int process) const;
  // Every process gets its shard of all the others.
  void start_reduce_scatter(Piece& piece, Backend& backend);
  // The mean of this process's shard and the parts, in place.
  void sum(const Piece& piece, Backend& backend);
  // Of a piece that travels as bfloat16: what the others sent, as floats; and this process's mean, as it travels.
  float* unpacked_parts(const Piece& piece, std::size_t mine, Backend& backend);
  void pack_mean(Piece& piece, Backend& backend);
  // This process has all means of the oldest piece that is gathered.
  void finish_oldest(Backend& backend);
  // What travels of a piece's shard.
  std::span<float> message(const Piece& piece, int process) const;
  TensorView halves(const Piece& piece) const {
    return {.data = piece.packed, .shape = {std::ssize(piece.values)}, .dtype = DType::kBFloat16};
  }
  // Each process has its part, part(q); afterwards all have all. Its messages have a channel of their own: what is
  // begun next must not wait for it.
  template <class Part>
  Pending start_all_gather(const Part& part, Backend& backend);
  Pending start(Backend& backend);
  void allocate(Places& places, Backend& backend) const;
  float* next_of(Places& places, Backend& backend) const;

  // The `turn`-th of the others that this process sends to: first to the next one, so that no two send to the same at
  // the same time.
  int receiver(int turn) const { return (team_.process + turn) % team_.processes; }

  Team team_;
  std::shared_ptr<Transport> transport_;
  Reduce reduce_;
  std::deque<Piece> waiting_, scattered_, gathered_;
  Places parts_;
  Places sent_and_received_, unpacked_, means_;  // of what travels as bfloat16
  std::int64_t means_done_ = 0;
  std::vector<Transport::Send> sends_;
  std::vector<Transport::Receive> receives_;
  std::vector<const float*> sources_;
};

}  // namespace drift
