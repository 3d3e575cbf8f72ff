#include "tests/emulator/cudart/calls.h"

#include <algorithm>
#include <fstream>
#include <string_view>

#include "tests/emulator/cudart/report.h"
#include "tests/emulator/cudart/runtime.h"

namespace drift::emulator {
namespace {

// All other calls open a context on the current device, if it has none; cudaSetDevice on the device it names.
bool only_asks(const std::string& api) {
  constexpr std::string_view kNames[] = {"cudaDeviceGetAttribute",
                                         "cudaDriverGetVersion",
                                         "cudaGetDevice",
                                         "cudaRuntimeGetVersion",
                                         "cudaSetDevice",
                                         "cudnnGet",
                                         "cublasLtGet"};
  return std::ranges::any_of(kNames, [&](std::string_view name) { return api.starts_with(name); });
}

}  // namespace

Calls::Calls() {
  at_end([this] { write(); });
}

bool Calls::must_fail(const std::string& api, int* code) {
  const std::uint64_t number = ++counts_[api];
  if (!only_asks(api)) open_context(current_device());
  for (const Injection& injection : settings().injections) {
    if (injection.api != api || injection.call_number != number) continue;
    if (code != nullptr && injection.code != 0) *code = injection.code;
    // What failed inside a library was a call of the runtime, which remembers it.
    if (!api.starts_with("cuda")) last_error() = cudaErrorInvalidValue;
    trace("call " + std::to_string(number) + " of " + api + " fails because EMU_FAIL says so");
    return true;
  }
  return false;
}

void Calls::write() const {
  if (!settings().count_waits_file.empty())
    std::ofstream(settings().count_waits_file) << waits_ << " " << syncs_ << "\n";
  if (!settings().contexts_file.empty()) {
    std::ofstream file(settings().contexts_file);
    for (const int device : contexts_) file << device << "\n";
  }
  if (settings().count_calls_file.empty()) return;
  std::ofstream file(settings().count_calls_file);
  for (const auto& [api, count] : counts_) file << api << " " << count << "\n";
}

}  // namespace drift::emulator
