#include "tests/emulator/cudart/calls.h"

#include <fstream>

#include "tests/emulator/cudart/report.h"

namespace drift::emulator {

Calls::Calls() {
  at_end([this] { write(); });
}

bool Calls::must_fail(const std::string& api, int* code) {
  const std::uint64_t number = ++counts_[api];
  for (const Injection& injection : settings().injections) {
    if (injection.api != api || injection.call_number != number) continue;
    if (code != nullptr && injection.code != 0) *code = injection.code;
    trace("call " + std::to_string(number) + " of " + api + " fails because EMU_FAIL says so");
    return true;
  }
  return false;
}

void Calls::write() const {
  if (!settings().count_waits_file.empty())
    std::ofstream(settings().count_waits_file) << waits_ << " " << syncs_ << "\n";
  if (settings().count_calls_file.empty()) return;
  std::ofstream file(settings().count_calls_file);
  for (const auto& [api, count] : counts_) file << api << " " << count << "\n";
}

}  // namespace drift::emulator
