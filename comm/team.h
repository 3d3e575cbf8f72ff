// Team: how K workers are spread over P processes. Each process holds an aligned group of L = K/P of them, on threads
// that share its memory: process p has the workers p L to p L + L - 1. Where L is a power of two, such a group is a
// subtree of the balanced tree in which sums over workers are taken, so a process sums its own first, and the result
// has the same bits for every P.
#pragma once

#include <bit>

namespace drift {

struct Team {
  int workers = 1;    // K
  int processes = 1;  // P
  int process = 0;    // this one, 0 to P - 1

  int local_workers() const { return workers / processes; }  // L
  int first_worker() const { return process * local_workers(); }
  int process_of(int worker) const { return worker / local_workers(); }
  // Whether sums over workers have the bits that one process would give.
  bool has_bits_of_one_process() const {
    return processes == 1 || std::has_single_bit(static_cast<unsigned>(local_workers()));
  }
};

// Throws kConfig, saying which numbers of processes would do, unless P divides K.
void check(const Team& team);

}  // namespace drift
