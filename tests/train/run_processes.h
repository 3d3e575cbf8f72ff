// The processes of a team as threads of a test, over a transport between them.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "tests/comm/loopback.h"

namespace drift::testing {

// Runs `process` as each of them, and returns when all have ended.
inline void run_processes(int processes, const std::function<void(const std::shared_ptr<Transport>&)>& process) {
  const auto mail = std::make_shared<Mailboxes>(processes);
  std::vector<std::jthread> threads;
  for (int p = 0; p < processes; ++p) {
    threads.emplace_back([&, p] { process(std::make_shared<Loopback>(mail, p)); });
  }
}

}  // namespace drift::testing
