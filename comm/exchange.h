// Exchange: what the processes of a team do together once each has dealt with its own workers. The mean is a
// reduce-scatter and an all-gather: process q owns shard q of the elements, gets it from all the others, sums the P
// parts in the balanced tree over processes and sends the mean back. Each process sends 2(P-1)/P of the span, like a
// ring, but every sum is taken in one place and in one order. Long spans go piece by piece: while one is summed the
// next is on its way, and what has come is still in the cache.
#pragma once

#include <cstdint>
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
  // The transport has the team's processes.
  Exchange(const Team& team, std::shared_ptr<Transport> transport, Reduce reduce = Reduce::kTree);

  // sums: over the workers of this process. Becomes the mean over all workers; in the tree, the same bits in every
  // process.
  void mean(std::span<float> sums, Backend& backend);
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

  void mean_in_tree(std::span<float> sums, Backend& backend);
  void mean_by_library(std::span<float> sums, Backend& backend);
  std::span<float> shard(std::span<float> values, int process) const;
  // Every process gets its shard of all the others: one behind the other, from `parts` on.
  Pending start_reduce_scatter(std::span<float> piece, float* parts, Backend& backend);
  // The mean of this process's shard and the parts, in place.
  void sum(std::span<float> piece, const float* parts, Backend& backend);
  // Each process has its part, part(q); afterwards all have all.
  template <class Part>
  Pending start_all_gather(const Part& part, Backend& backend);
  Pending start(Backend& backend);
  float* parts(Device device, std::size_t floats);

  Team team_;
  std::shared_ptr<Transport> transport_;
  Reduce reduce_;
  Storage parts_;  // of two pieces: one is summed while the other arrives; grows
  std::vector<Transport::Send> sends_;
  std::vector<Transport::Receive> receives_;
  std::vector<const float*> sources_;
};

}  // namespace drift
