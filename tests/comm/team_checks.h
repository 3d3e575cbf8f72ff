// What holds for the communicators of a team on any transport: each function is called by every process of the team,
// with the same seed, and runs the workers of that process on threads.
#pragma once

#include <memory>

#include "comm/team.h"
#include "comm/transport.h"

namespace drift::testing {

// The mean over workers has, in every worker, the bits of a balanced tree over all workers where L is a power of two;
// else those of a tree over the sums of the processes. As floats and as bfloat16.
void check_means(const Team& team, const std::shared_ptr<Transport>& transport);
void check_broadcasts(const Team& team, const std::shared_ptr<Transport>& transport);
// A mean sends 2(P-1)/P of the span, whoever sums; as bfloat16 half of that.
void check_bytes(const Team& team, const std::shared_ptr<Transport>& transport);
// Summed by the library, in whatever order.
void check_fast_means(const Team& team, const std::shared_ptr<Transport>& transport);

}  // namespace drift::testing
