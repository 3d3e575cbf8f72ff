// The processes of a team as threads of a test, over a transport between them.
#pragma once

#include <functional>
#include <memory>

#include "core/thread_team.h"
#include "tests/comm/loopback.h"

namespace drift::testing {

// Runs `process` as each of them, and returns when all have ended.
inline void run_processes(int processes, const std::function<void(const std::shared_ptr<Transport>&)>& process) {
  const auto mail = std::make_shared<Mailboxes>(processes);
  ThreadTeam("the processes", processes,
             [&](int p, const std::stop_token&) { process(std::make_shared<Loopback>(mail, p)); });
}

}  // namespace drift::testing
