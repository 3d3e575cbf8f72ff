// Asking a run to stop. SIGTERM, what batch systems, shells and limits send (SIGUSR1, SIGUSR2, SIGHUP, SIGXCPU), or
// SIGINT once: finish the step or the batch, write a checkpoint, exit with 75. SIGINT twice: the second one kills the
// process as it would any other (a shell shows 130). The handler does nothing but set a flag.
#pragma once

#include <atomic>
#include <string_view>

namespace drift {

// Where SIGHUP is ignored, as below nohup, it stays so.
void install_stop_signals();
// Asks for the same without a signal: the time is up.
void request_stop_in_time();
// True from the first of these on.
const std::atomic<bool>& stop_requested();
// "by a signal", "by --max-time", or, where neither was here, "by another process".
std::string_view stop_cause();

}  // namespace drift
