// load(): parses a PTX text and assembles each of its kernels.
#include <utility>

#include "tests/emulator/ptx/assembler.h"
#include "tests/emulator/ptx/ptx.h"

namespace drift::emulator::ptx {

Module load(const std::string& text, Memory& memory) {
  const Source source = parse(text, memory);
  Module module;
  module.variables = source.variables;
  for (const auto& [name, function] : source.functions) {
    if (!function.entry) continue;
    auto program = std::make_shared<Program>();
    Assembler(source, *program).assemble(function);
    Kernel& kernel = module.kernels[name];
    kernel.name = name;
    kernel.parameters = function.parameters;
    kernel.parameter_bytes = program->parameter_bytes;
    kernel.static_shared_bytes = program->shared_bytes;
    kernel.max_threads = function.max_threads;
    kernel.program = std::move(program);
  }
  return module;
}

}  // namespace drift::emulator::ptx
