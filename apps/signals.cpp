#include "apps/signals.h"

#include <csignal>

namespace drift {
namespace {

std::atomic<bool> stop{false}, time_is_up{false};
static_assert(std::atomic<bool>::is_always_lock_free, "the handler may use nothing that locks");

extern "C" void on_stop_signal(int) {
  stop.store(true);
}

void install(int signal, int flags) {
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  action.sa_flags = SA_RESTART | flags;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

}  // namespace

void install_stop_signals() {
  for (const int signal : {SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU}) install(signal, 0);
  struct sigaction hangup {};
  sigaction(SIGHUP, nullptr, &hangup);
  if (hangup.sa_handler != SIG_IGN) install(SIGHUP, 0);
  install(SIGINT, static_cast<int>(SA_RESETHAND));  // the second one finds the default: death by the signal
}

void request_stop_in_time() {
  if (stop.load()) return;
  time_is_up.store(true);
  stop.store(true);
}

const std::atomic<bool>& stop_requested() {
  return stop;
}

std::string_view stop_cause() {
  if (!stop.load()) return "by another process";
  return time_is_up.load() ? "by --max-time" : "by a signal";
}

}  // namespace drift
