// The device code inside the program: fat binaries that nvcc's start-up code registers, the kernels and variables in
// them. A fat binary is loaded when something in it is first used, from its PTX: SASS is skipped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "tests/emulator/ptx/ptx.h"

namespace drift::emulator {

struct FatBinary {
  const void* wrapper = nullptr;
  bool loaded = false;
  bool usable = true;  // false: nothing in it fits this device (EMU_SM)
  ptx::Module module;
};

struct Function {
  std::string name;
  FatBinary* binary = nullptr;
  const void* host = nullptr;           // the address that stands for it in the program
  const ptx::Kernel* kernel = nullptr;  // after loading
  std::size_t max_dynamic_shared = 0;   // after loading; cudaFuncSetAttribute raises it
};

class Modules {
 public:
  explicit Modules(ptx::Memory& memory) : memory_(memory) {}

  FatBinary* register_binary(const void* wrapper);
  void register_function(FatBinary* binary, const void* host, const char* name);
  void register_variable(FatBinary* binary, const void* host, const char* name);

  // nullptr: not registered. function->kernel is nullptr if the binary has no code for this device.
  Function* function(const void* host);
  const ptx::Variable* variable(const void* host);

 private:
  void load(FatBinary& binary);

  struct NamedVariable {
    std::string name;
    FatBinary* binary;
  };

  ptx::Memory& memory_;
  std::map<const void*, std::unique_ptr<FatBinary>> binaries_;
  std::map<const void*, Function> functions_;
  std::map<const void*, NamedVariable> variables_;
};

}  // namespace drift::emulator
