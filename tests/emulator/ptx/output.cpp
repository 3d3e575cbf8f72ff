#include "tests/emulator/ptx/output.h"

#include <cstdio>
#include <cstring>

#include "tests/emulator/ptx/load_store.h"
#include "tests/emulator/ptx/memory.h"

namespace drift::emulator::ptx {
namespace {

// Reads the argument buffer of vprintf: each argument aligned to its size; floats come as double.
class Arguments {
 public:
  Arguments(Warp& warp, const Instruction& instruction, int lane, u64 address)
      : warp_(warp), instruction_(instruction), lane_(lane), address_(address) {}

  template <typename T>
  T next() {
    address_ = (address_ + sizeof(T) - 1) / sizeof(T) * sizeof(T);
    T value;
    std::memcpy(&value, resolve(warp_, instruction_, lane_, Space::kGeneric, address_, sizeof(T), MemoryAccess::kRead),
                sizeof(T));
    address_ += sizeof(T);
    ++count_;
    return value;
  }
  std::string next_string() { return read_string(warp_, instruction_, lane_, next<u64>()); }
  u32 count() const { return count_; }

 private:
  Warp& warp_;
  const Instruction& instruction_;
  int lane_;
  u64 address_;
  u32 count_ = 0;
};

template <typename T>
std::string formatted(const std::string& conversion, T value) {
  const int length = std::snprintf(nullptr, 0, conversion.c_str(), value);
  if (length < 0) return conversion;
  std::string text(static_cast<std::size_t>(length) + 1, '\0');
  std::snprintf(text.data(), text.size(), conversion.c_str(), value);
  text.pop_back();
  return text;
}

// One conversion, "%-8.3llx" say, with its arguments put in. Lengths are made those of this process.
std::string convert_one(const std::string& conversion, Arguments& arguments) {
  std::string flags;
  bool wide = false;
  for (const char c : conversion.substr(0, conversion.size() - 1)) {
    if (c == '*') {
      flags += std::to_string(arguments.next<i32>());
    } else if (c == 'l' || c == 'j' || c == 'z' || c == 't') {
      wide = true;
    } else if (c != 'h') {
      flags += c;
    }
  }
  const char kind = conversion.back();
  if (kind == '%') return "%";
  if (std::strchr("aAeEfFgG", kind) != nullptr) return formatted(flags + kind, arguments.next<double>());
  if (kind == 's') return formatted(flags + kind, arguments.next_string().c_str());
  if (kind == 'p') return formatted(flags + kind, reinterpret_cast<void*>(arguments.next<u64>()));
  if (kind == 'c') return formatted(flags + kind, arguments.next<i32>());
  if (std::strchr("diouxX", kind) == nullptr) return conversion;
  return wide ? formatted(flags + "ll" + kind, static_cast<long long>(arguments.next<i64>()))
              : formatted(flags + kind, arguments.next<i32>());
}

std::string format(const std::string& text, Arguments& arguments) {
  std::string result;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::size_t end = text[at] == '%' ? text.find_first_not_of("0123456789+-# .*lhjzt", at + 1) : at;
    if (text[at] != '%' || end == std::string::npos) {
      result += text[at];
      continue;
    }
    result += convert_one(text.substr(at, end - at + 1), arguments);
    at = end;
  }
  return result;
}

// a: format, b: arguments, d: number of arguments
void print(Warp& warp, const Instruction& i, u32 mask) {
  each_lane(mask, [&](int lane) {
    Arguments arguments(warp, i, lane, warp.lanes<u64>(i.b)[lane]);
    const std::string text = format(read_string(warp, i, lane, warp.lanes<u64>(i.a)[lane]), arguments);
    if (warp.block->options->print) {
      warp.block->options->print(text);
    } else {
      std::fwrite(text.data(), 1, text.size(), stdout);
    }
    warp.lanes<u32>(i.d)[lane] = arguments.count();
  });
}

// a: message, b: file, c: line, d: function
void fail_assertion(Warp& warp, const Instruction& i, u32 mask) {
  const int lane = first_lane(mask);
  const auto text = [&](int offset) { return read_string(warp, i, lane, warp.lanes<u64>(offset)[lane]); };
  fail_at(warp, i, lane,
          "assertion `" + text(i.a) + "` failed in " + text(i.d) + " (" + text(i.b) + ":" +
              std::to_string(warp.lanes<u32>(i.c)[lane]) + ")");
}

}  // namespace

bool emit_builtin_call(Assembler& assembler, const Instruction& guard, const std::string& function,
                       const std::vector<std::string>& returns, const std::vector<std::string>& arguments) {
  Instruction instruction = guard;
  if (function == "vprintf" && arguments.size() == 2) {
    instruction.a = emit_load_parameter(assembler, guard, arguments[0], 8);
    instruction.b = emit_load_parameter(assembler, guard, arguments[1], 8);
    instruction.d = assembler.new_register(4);
    instruction.run = print;
    assembler.emit(instruction);
    if (!returns.empty()) emit_store_parameter(assembler, guard, returns[0], instruction.d);
    return true;
  }
  if (function == "__assertfail" && arguments.size() == 5) {
    instruction.a = emit_load_parameter(assembler, guard, arguments[0], 8);
    instruction.b = emit_load_parameter(assembler, guard, arguments[1], 8);
    instruction.c = emit_load_parameter(assembler, guard, arguments[2], 4);
    instruction.d = emit_load_parameter(assembler, guard, arguments[3], 8);
    instruction.run = fail_assertion;
    assembler.emit(instruction);
    return true;
  }
  return false;
}

}  // namespace drift::emulator::ptx
