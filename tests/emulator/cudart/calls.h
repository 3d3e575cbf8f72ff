// Counts the calls of every API and picks those that the environment wants to fail or to be left out: a test asks first
// how many calls there are (EMU_COUNT_CALLS, EMU_COUNT_WAITS), then makes each of them fail in its turn (EMU_FAIL,
// EMU_SKIP_WAIT, EMU_SKIP_SYNC, EMU_HANG).
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "tests/emulator/cudart/settings.h"

namespace drift::emulator {

class Calls {
 public:
  Calls();

  // True if this call must fail; *code is set where EMU_FAIL names one.
  bool must_fail(const std::string& api, int* code);
  // True if this cudaStreamWaitEvent must do nothing.
  bool skip_wait() { return ++waits_ == settings().skip_wait; }
  // True if the host must not wait, where it would find something to wait for.
  bool skip_sync() { return ++syncs_ == settings().skip_sync; }
  // True if this launch's kernel must never end.
  bool hang() { return ++launches_ == settings().hang; }
  void open_context(int device) { contexts_.insert(device); }

 private:
  void write() const;

  std::map<std::string, std::uint64_t> counts_;
  std::set<int> contexts_;  // devices
  std::uint64_t waits_ = 0, syncs_ = 0, launches_ = 0;
};

}  // namespace drift::emulator
