// What the environment asks of the emulator, read once per process. Every variable is named in tests/emulator/README.md
// and in scripts/emulated.sh --help; a value that makes no sense ends the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cuda_runtime_api.h>
#include <string>
#include <vector>

namespace drift::emulator {

enum class OnError { kExit, kSticky, kAbort };

// The call_number-th call of `api` fails with `code`, or with the default for that call if code is 0.
struct Injection {
  std::string api;
  std::uint64_t call_number = 0;
  int code = 0;
};

struct Settings {
  std::uint64_t seed = 1;                          // EMU_SEED; 0: everything in order
  bool race = false;                               // EMU_RACE
  bool eager = false;                              // EMU_EAGER
  bool trace = false;                              // EMU_TRACE
  bool statistics = false;                         // EMU_STATISTICS
  bool leaks = false;                              // EMU_LEAKS
  int devices = 1;                                 // EMU_DEVICES
  int sm = 90;                                     // EMU_SM
  int driver = CUDART_VERSION;                     // EMU_DRIVER
  std::size_t memory = std::size_t{16} << 30;      // EMU_MEMORY, bytes per device
  std::uint64_t max_instructions = 50'000'000;     // EMU_MAX_INSTRUCTIONS of a warp in one block
  int timeout_seconds = 10;                        // EMU_TIMEOUT
  OnError on_error = OnError::kExit;               // EMU_ON_ERROR=exit|sticky|abort
  std::uint64_t hang = 0;                          // EMU_HANG; 0: none
  std::uint64_t skip_wait = 0, skip_sync = 0;      // EMU_SKIP_WAIT, EMU_SKIP_SYNC; 0: none
  std::string count_waits_file, count_calls_file;  // EMU_COUNT_WAITS, EMU_COUNT_CALLS
  std::string contexts_file;                       // EMU_CONTEXTS
  std::vector<Injection> injections;               // EMU_FAIL=api:n[:code],...
};

const Settings& settings();

}  // namespace drift::emulator
