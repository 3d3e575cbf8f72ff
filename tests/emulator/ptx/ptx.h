// Runs the PTX that nvcc makes of ordinary kernels on the CPU: load() turns PTX text into kernels, launch() runs one.
// A warp is interpreted in lockstep, 32 lanes at a time; divergence is a list of (pc, mask) groups that meet again.
// Global memory belongs to the caller, behind the Memory interface: the interpreter only asks where an address lies.
// All mistakes, those of the PTX text and those of a running kernel, are thrown as Error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace drift::emulator::ptx {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Dim3 {
  std::uint32_t x = 1, y = 1, z = 1;
};

enum class MemoryAccess { kRead, kWrite, kAtomic };

// One allocation of device memory or the first part of one: device addresses [begin, end), found at `host` in this
// process.
struct Region {
  std::uint64_t begin = 0, end = 0;
  char* host = nullptr;
};

// What the interpreter asks of the owner of global memory.
class Memory {
 public:
  virtual ~Memory() = default;
  // Memory for a __device__ or __constant__ variable of a module; lives as long as this object.
  virtual std::uint64_t allocate_variable(std::size_t bytes, std::size_t alignment) = 0;
  // The allocation that holds [address, address + bytes), from its begin to there or beyond; host == nullptr if none
  // does or the running kernel may not use it. A launch remembers answers: allocations must not change while it runs.
  virtual Region find(std::uint64_t address, std::size_t bytes) = 0;
  // Told of every global access when Options::report_global is set, of lanes side by side at once; may throw Error.
  // block: linear index in the grid.
  virtual void touch(std::uint64_t address, std::size_t bytes, MemoryAccess access, std::uint32_t block) {
    (void)address, (void)bytes, (void)access, (void)block;
  }
};

struct Parameter {
  std::string name;
  std::size_t bytes = 0, alignment = 1, offset = 0;  // offset: place in the parameter block given to launch()
};

struct Program;  // the instructions of one kernel (program.h)

struct Kernel {
  std::string name;  // mangled, as the runtime registers it
  std::vector<Parameter> parameters;
  std::size_t parameter_bytes = 0;
  std::size_t static_shared_bytes = 0;
  std::uint32_t max_threads = 1024;  // per block: __launch_bounds__, or the hardware's limit
  std::shared_ptr<const Program> program;
};

struct Variable {
  std::uint64_t address = 0;
  std::size_t bytes = 0;
};

struct Module {
  std::map<std::string, Kernel> kernels;
  std::map<std::string, Variable> variables;
};

struct Options {
  std::uint64_t seed = 0;  // order of blocks, warps and lanes; 0: in order
  // All blocks are on the device at once and may wait for each other; otherwise they run one after another.
  bool cooperative = false;
  std::uint64_t grid_workspace = 0;         // address that %envreg1 and 2 hold: a grid-wide barrier counts there
  bool shared_races = true;                 // check shared memory for races
  bool report_global = false;               // call Memory::touch for every global access
  std::uint64_t timer = 0;                  // %globaltimer when the kernel begins
  std::uint64_t max_warp_instructions = 0;  // that a warp may run in one block before it counts as endless; 0: no limit
  std::function<void(std::string_view)> print;  // receives the output of printf; empty: stdout
};

// Added up over launches, but for the last.
struct Statistics {
  std::uint64_t warp_instructions = 0, thread_instructions = 0;
  std::uint64_t global_bytes = 0;  // that threads read and wrote in global memory, each access counted
  std::uint64_t timer = 0;         // how far %globaltimer has come in the warp that read it most
};

// Throws Error with the line and the text of the first thing it does not understand.
Module load(const std::string& text, Memory& memory);

// What each reading of %globaltimer takes: a warp that waits for it comes to an end.
inline constexpr std::uint64_t kNanosecondsByReading = 100;

// Runs the kernel to its end. parameters: kernel.parameter_bytes bytes, laid out by the offsets of kernel.parameters.
void launch(const Kernel& kernel, Dim3 grid, Dim3 block, std::size_t dynamic_shared_bytes, const char* parameters,
            Memory& memory, const Options& options, Statistics& statistics);

}  // namespace drift::emulator::ptx
