// The outer structure of a PTX text: functions (bodies are kept as text and read by the assembler), shared variables,
// and global variables, which get their memory and initial values here.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/emulator/ptx/ptx.h"
#include "tests/emulator/ptx/types.h"

namespace drift::emulator::ptx {

struct Function {
  std::string name;
  bool entry = false;
  std::vector<Parameter> parameters, returns;
  std::size_t begin = 0, end = 0;  // of the body in Source::text
  u32 max_threads = 1024;
};

struct SharedVariable {
  u64 bytes = 0;
  u32 alignment = 1;
  bool dynamic = false;  // extern: its size comes with the launch
};

struct Source {
  std::string text;  // without comments
  std::vector<std::size_t> line_starts;
  std::map<std::string, Function> functions;
  std::map<std::string, SharedVariable> shared;
  std::map<std::string, Variable> variables;

  int line_at(std::size_t position) const;
  // Position of the bracket that closes the one at `open`.
  std::size_t closing(std::size_t open) const;
};

Source parse(const std::string& text, Memory& memory);

}  // namespace drift::emulator::ptx
