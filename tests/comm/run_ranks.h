// Runs one function per rank on threads of their own, each with its communicator and backend, and returns what each
// threw.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "comm/in_process.h"
#include "core/check.h"
#include "tests/support/fake_backend.h"

namespace drift::testing {

// What a rank threw: nothing if it ended well.
using RankErrors = std::vector<std::optional<Error>>;

// A rank's communicator lives until every rank is done, unless the function takes it away.
inline RankErrors run_ranks(std::vector<std::unique_ptr<Communicator>>& communicators,
                            const std::function<void(std::unique_ptr<Communicator>&, Backend&)>& run) {
  RankErrors errors(communicators.size());
  std::vector<std::thread> threads;
  for (std::size_t rank = 0; rank < communicators.size(); ++rank) {
    threads.emplace_back([&, rank] {
      FakeBackend backend;
      try {
        run(communicators[rank], backend);
      } catch (const Error& error) {
        errors[rank] = error;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return errors;
}

inline RankErrors run_ranks(int ranks, const std::function<void(Communicator&, Backend&)>& run) {
  auto communicators = make_in_process_communicators(ranks);
  return run_ranks(communicators, [&](std::unique_ptr<Communicator>& comm, Backend& backend) { run(*comm, backend); });
}

}  // namespace drift::testing
