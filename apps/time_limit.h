// TimeLimit: asks the process to stop, as a signal would, once a session has taken so long (--max-time).
#pragma once

#include <cstdint>
#include <optional>
#include <thread>

namespace drift {

class TimeLimit {
 public:
  explicit TimeLimit(std::optional<std::int64_t> seconds);

 private:
  std::jthread thread_;
};

}  // namespace drift
