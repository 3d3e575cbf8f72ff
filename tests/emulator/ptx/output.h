// The functions a kernel may call that are not PTX: vprintf (device printf) and __assertfail (device assert).
#pragma once

#include <string>
#include <vector>

#include "tests/emulator/ptx/assembler.h"

namespace drift::emulator::ptx {

// Emits the call if `function` is one of them; false if it is not.
bool emit_builtin_call(Assembler& assembler, const Instruction& guard, const std::string& function,
                       const std::vector<std::string>& returns, const std::vector<std::string>& arguments);

}  // namespace drift::emulator::ptx
