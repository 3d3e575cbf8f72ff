// Loads and stores that other decoders need: the parameters and results of calls to built-in functions.
#pragma once

#include <string>

#include "tests/emulator/ptx/assembler.h"

namespace drift::emulator::ptx {

// The instructions "ld.param [name]" into a new register, whose offset is returned, and "st.param [name], offset".
int emit_load_parameter(Assembler& assembler, const Instruction& guard, const std::string& name, u32 bytes);
void emit_store_parameter(Assembler& assembler, const Instruction& guard, const std::string& name, int offset);

}  // namespace drift::emulator::ptx
