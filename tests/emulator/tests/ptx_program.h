// Runs a few lines of PTX on arrays of this process, for tests of the interpreter alone.
// The text stands in a kernel k(out, in) whose thread t has &out[t] in %rd3 and &in[t] in %rd4 (4-byte elements),
// t in %r1, and registers %r, %rd, %f, %fd, %h (16 bits) and %p to use from number 5 on.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <deque>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

#include "tests/emulator/ptx/ptx.h"

namespace drift::emulator::ptx {

// Device addresses are unlike those of this process, so that mixing them up cannot work by chance.
class ArrayMemory : public Memory {
 public:
  struct Allocation {
    std::uint64_t begin;
    std::vector<char> bytes;
  };
  struct Touch {
    std::uint64_t address;
    std::size_t bytes;
    MemoryAccess access;
    std::uint32_t block;
  };

  std::uint64_t add(std::size_t bytes) {
    allocations.push_back({next_, std::vector<char>(bytes)});
    next_ += (bytes / 256 + 2) * 256;
    return allocations.back().begin;
  }
  std::uint64_t allocate_variable(std::size_t bytes, std::size_t) override { return add(bytes); }
  Region find(std::uint64_t address, std::size_t bytes) override {
    for (Allocation& each : allocations) {
      const std::uint64_t end = each.begin + each.bytes.size();
      if (address >= each.begin && address + bytes <= end) return {each.begin, end, each.bytes.data()};
    }
    return {};
  }
  void touch(std::uint64_t address, std::size_t bytes, MemoryAccess access, std::uint32_t block) override {
    touches.push_back({address, bytes, access, block});
  }

  std::deque<Allocation> allocations;
  std::vector<Touch> touches;

 private:
  std::uint64_t next_ = 0x500000000000;
};

struct PtxProgram {
  std::string body;
  std::string globals;  // in front of the kernel
  Dim3 grid = {1, 1, 1}, block = {32, 1, 1};
  std::size_t dynamic_shared_bytes = 0;
  Options options;

  std::string text() const {
    return ".version 8.0\n.target sm_90\n.address_size 64\n" + globals + R"(
.visible .entry k(.param .u64 k_out, .param .u64 .ptr .align 1 k_in)
{
  .reg .pred %p<10>; .reg .b16 %h<20>; .reg .b32 %r<40>; .reg .f32 %f<20>; .reg .b64 %rd<30>; .reg .f64 %fd<20>;
  ld.param.u64 %rd1, [k_out]; ld.param.u64 %rd2, [k_in]; mov.u32 %r1, %tid.x; mul.wide.u32 %rd3, %r1, 4;
  add.s64 %rd4, %rd2, %rd3; add.s64 %rd3, %rd1, %rd3;
)" + body + "\n  ret;\n}\n";
  }

  // out, of `count` elements and at first zero, after the kernel has run on `input`.
  std::vector<std::uint32_t> run(const std::vector<std::uint32_t>& input = {}, std::size_t count = 32) {
    const std::uint64_t out = memory.add(count * 4), in = memory.add(input.size() * 4 + 4);
    if (!input.empty()) std::memcpy(memory.find(in, 1).host, input.data(), input.size() * 4);
    const std::uint64_t parameters[] = {out, in};
    const Module module = load(text(), memory);
    launch(module.kernels.at("k"), grid, block, dynamic_shared_bytes, reinterpret_cast<const char*>(parameters), memory,
           options, statistics);
    std::vector<std::uint32_t> result(count);
    std::memcpy(result.data(), memory.find(out, 1).host, count * 4);
    return result;
  }

  // The message of the Error that run() throws; empty if it throws none.
  std::string error(const std::vector<std::uint32_t>& input = {}, std::size_t count = 32) {
    try {
      run(input, count);
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  }

  ArrayMemory memory;
  Statistics statistics;
};

inline PtxProgram program(std::string body) {
  PtxProgram result;
  result.body = std::move(body);
  return result;
}

inline std::uint32_t bits(float value) {
  return std::bit_cast<std::uint32_t>(value);
}
inline float to_float(std::uint32_t value) {
  return std::bit_cast<float>(value);
}

inline testing::AssertionResult contains(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << "'" << part << "' is not in '" << text << "'";
}

}  // namespace drift::emulator::ptx
