// Exchange: what the processes of a team do together once each has dealt with its own workers. The mean is a
// reduce-scatter and an all-gather: process q owns shard q of the elements, gets it from all the others, sums the P
// parts in the balanced tree over processes and sends the mean back. Each process sends 2(P-1)/P of the span, like a
// ring, but every sum is taken in one place and in one order.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "comm/team.h"
#include "comm/transport.h"
#include "kernels/backend.h"

namespace drift {

class Exchange {
 public:
  // The transport has the team's processes.
  Exchange(const Team& team, std::shared_ptr<Transport> transport);

  // sums: over the workers of this process. Becomes the mean over all workers, the same bits in every process.
  void mean(std::span<float> sums, Backend& backend);
  // values <- those of process `root`.
  void broadcast(std::span<float> values, int root, Backend& backend);
  void barrier() { transport_->barrier(); }
  void abort(std::string_view reason) noexcept { transport_->abort(reason); }

 private:
  std::span<float> shard(std::span<float> values, int process) const;
  // Each process has its own shard; afterwards all have all.
  void all_gather(std::span<float> values, Backend& backend);
  void run(Backend& backend);
  float* parts(Device device, std::size_t floats);

  Team team_;
  std::shared_ptr<Transport> transport_;
  Storage parts_;  // of this process's shard, from the others; grows
  std::vector<Transport::Send> sends_;
  std::vector<Transport::Receive> receives_;
  std::vector<const float*> sources_;
};

}  // namespace drift
