#include "tests/emulator/cudart/modules.h"

#include <exception>
#include <utility>

#include "tests/emulator/cudart/device_table.h"
#include "tests/emulator/cudart/fatbin.h"
#include "tests/emulator/cudart/report.h"
#include "tests/emulator/cudart/settings.h"

namespace drift::emulator {

FatBinary* Modules::register_binary(const void* wrapper) {
  auto& binary = binaries_[wrapper];
  binary = std::make_unique<FatBinary>();
  binary->wrapper = wrapper;
  return binary.get();
}

void Modules::register_function(FatBinary* binary, const void* host, const char* name) {
  functions_[host] = Function{name, binary, host, nullptr, 0};
}

void Modules::register_variable(FatBinary* binary, const void* host, const char* name) {
  variables_[host] = NamedVariable{name, binary};
}

void Modules::load(FatBinary& binary) {
  if (binary.loaded) return;
  binary.loaded = true;
  const FatBinaryCode code = read_fat_binary(binary.wrapper, settings().sm);
  binary.usable = code.runs;
  if (!binary.usable) return;
  try {
    binary.module = ptx::load(code.ptx, memory_);
  } catch (const std::exception& error) {
    stop(std::string("the program's PTX cannot be loaded: ") + error.what());
  }
}

Function* Modules::function(const void* host) {
  const auto found = functions_.find(host);
  if (found == functions_.end()) return nullptr;
  Function& function = found->second;
  if (function.kernel != nullptr) return &function;
  load(*function.binary);
  const auto kernel = function.binary->module.kernels.find(function.name);
  if (kernel == function.binary->module.kernels.end()) return &function;
  function.kernel = &kernel->second;
  const std::size_t used = function.kernel->static_shared_bytes;
  function.max_dynamic_shared = used < kSharedPerBlock ? kSharedPerBlock - used : 0;
  return &function;
}

const ptx::Variable* Modules::variable(const void* host) {
  const auto named = variables_.find(host);
  if (named == variables_.end()) return nullptr;
  load(*named->second.binary);
  const auto& variables = named->second.binary->module.variables;
  const auto found = variables.find(named->second.name);
  return found == variables.end() ? nullptr : &found->second;
}

}  // namespace drift::emulator
