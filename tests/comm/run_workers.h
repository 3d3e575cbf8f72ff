// Runs one function per worker on threads of their own, each with its communicator and backend, and returns what each
// threw.
#pragma once

#include <exception>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "comm/averaging.h"
#include "core/check.h"
#include "core/thread_team.h"
#include "tests/support/fake_backend.h"

namespace drift::testing {

// What a worker threw: nothing if it ended well.
using WorkerErrors = std::vector<std::optional<Error>>;

// A worker's communicator lives until every worker is done, unless the function takes it away.
inline WorkerErrors run_workers(std::vector<std::unique_ptr<Communicator>>& communicators,
                                const std::function<void(std::unique_ptr<Communicator>&, Backend&)>& run) {
  WorkerErrors errors(communicators.size());
  ThreadTeam("the workers", static_cast<int>(communicators.size()), [&](int number, const std::stop_token&) {
    const auto worker = static_cast<std::size_t>(number);
    FakeBackend backend;
    try {
      run(communicators[worker], backend);
    } catch (const Error& error) {
      errors[worker] = error;
    }
  });
  return errors;
}

inline WorkerErrors run_workers(int workers, const std::function<void(Communicator&, Backend&)>& run) {
  auto communicators = make_communicators(Membership::alone(workers));
  return run_workers(communicators,
                     [&](std::unique_ptr<Communicator>& comm, Backend& backend) { run(*comm, backend); });
}

inline void expect_none(const WorkerErrors& errors) {
  for (const auto& error : errors) EXPECT_FALSE(error) << error->what();
}

}  // namespace drift::testing
