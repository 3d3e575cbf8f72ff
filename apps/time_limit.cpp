#include "apps/time_limit.h"

#include "apps/signals.h"
#include "core/stoppable.h"
#include "core/thread_team.h"

namespace drift {

TimeLimit::TimeLimit(std::optional<std::int64_t> seconds) {
  if (!seconds) return;
  thread_ = start_thread("--max-time", [seconds = static_cast<double>(*seconds)](const std::stop_token& over) {
    if (!stopped_within(over, seconds)) request_stop_in_time();
  });
}

}  // namespace drift
