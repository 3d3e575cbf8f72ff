// Arithmetic of f32 and f64. Approximate instructions (ex2.approx, rcp.approx, ...) are computed as exactly as the C
// library does, so results are not bit-equal with a device's. Directed rounding sets the CPU's mode around the loop.
#include "tests/emulator/ptx/decode.h"

namespace drift::emulator::ptx {
namespace {

template <typename T, int kInputs, typename F>
inline __attribute__((always_inline)) T apply(T a, T b, T c) {
  if constexpr (kInputs == 1) {
    return F()(a);
  } else if constexpr (kInputs == 2) {
    return F()(a, b);
  } else {
    return F()(a, b, c);
  }
}

template <typename T, int kInputs, typename F>
void plain(Warp& warp, const Instruction& i, u32 mask) {
  const T* a = warp.lanes<T>(i.a);
  const T* b = kInputs > 1 ? warp.lanes<T>(i.b) : a;
  const T* c = kInputs > 2 ? warp.lanes<T>(i.c) : a;
  map_lanes(warp.lanes<T>(i.d), mask, [=](int lane) { return apply<T, kInputs, F>(a[lane], b[lane], c[lane]); });
}

// .ftz and .sat
template <typename T, int kInputs, typename F>
void modified(Warp& warp, const Instruction& i, u32 mask) {
  const T* a = warp.lanes<T>(i.a);
  const T* b = kInputs > 1 ? warp.lanes<T>(i.b) : a;
  const T* c = kInputs > 2 ? warp.lanes<T>(i.c) : a;
  const bool flush = i.flush && sizeof(T) == sizeof(float), clamp = i.saturate;
  const auto flushed = [flush](T value) {
    return flush ? static_cast<T>(flush_subnormal(static_cast<float>(value))) : value;
  };
  map_lanes(warp.lanes<T>(i.d), mask, [=](int lane) {
    const T value = flushed(apply<T, kInputs, F>(flushed(a[lane]), flushed(b[lane]), flushed(c[lane])));
    return clamp ? saturate(value) : value;
  });
}

template <typename T, int kInputs, typename F>
__attribute__((noinline)) void modified_out_of_line(Warp& warp, const Instruction& i, u32 mask) {
  modified<T, kInputs, F>(warp, i, mask);
}

// The call stands between two writes of the CPU's mode and cannot be moved out of them.
template <typename T, int kInputs, typename F>
void directed(Warp& warp, const Instruction& i, u32 mask) {
  const RoundingScope scope(i.rounding);
  modified_out_of_line<T, kInputs, F>(warp, i, mask);
}

template <typename T, int kInputs, typename F>
Handler choose(F, const Instruction& modifiers) {
  if (modifiers.rounding != Rounding::kNearest) return directed<T, kInputs, F>;
  if (modifiers.flush || modifiers.saturate) return modified<T, kInputs, F>;
  return plain<T, kInputs, F>;
}

// A NaN loses against a number; -0 is below +0.
template <typename T>
T minimum(T a, T b) {
  const T smaller = a < b ? a : (a == b ? (std::signbit(a) ? a : b) : b);
  return b != b ? a : (a != a ? b : smaller);
}

template <typename T>
T maximum(T a, T b) {
  const T larger = a > b ? a : (a == b ? (std::signbit(a) ? b : a) : b);
  return b != b ? a : (a != a ? b : larger);
}

template <typename T>
T not_a_number() {
  return std::bit_cast<T>(
      static_cast<std::conditional_t<sizeof(T) == 4, u32, u64>>(sizeof(T) == 4 ? 0x7fffffff : 0x7fffffffffffffff));
}

template <typename T>
T fused(T a, T b, T c) {
  if constexpr (sizeof(T) == sizeof(float)) {
    return __builtin_fmaf(a, b, c);
  } else {
    return __builtin_fma(a, b, c);
  }
}

template <typename T>
Handler select_unary(std::string_view operation, const Instruction& m) {
  if (operation == "neg") return choose<T, 1>([](T a) { return -a; }, m);
  if (operation == "abs") return choose<T, 1>([](T a) { return std::fabs(a); }, m);
  if (operation == "sqrt") return choose<T, 1>([](T a) { return std::sqrt(a); }, m);
  if (operation == "rsqrt") return choose<T, 1>([](T a) { return T(1) / std::sqrt(a); }, m);
  if (operation == "rcp") return choose<T, 1>([](T a) { return T(1) / a; }, m);
  if (operation == "ex2") return choose<T, 1>([](T a) { return std::exp2(a); }, m);
  if (operation == "lg2") return choose<T, 1>([](T a) { return std::log2(a); }, m);
  if (operation == "sin") return choose<T, 1>([](T a) { return std::sin(a); }, m);
  if (operation == "cos") return choose<T, 1>([](T a) { return std::cos(a); }, m);
  if (operation == "tanh") return choose<T, 1>([](T a) { return std::tanh(a); }, m);
  return nullptr;
}

template <typename T>
Handler select(std::string_view operation, const Instruction& m) {
  if (operation == "add") return choose<T, 2>([](T a, T b) { return a + b; }, m);
  if (operation == "sub") return choose<T, 2>([](T a, T b) { return a - b; }, m);
  if (operation == "mul") return choose<T, 2>([](T a, T b) { return a * b; }, m);
  if (operation == "div") return choose<T, 2>([](T a, T b) { return a / b; }, m);
  if (operation == "fma") return choose<T, 3>([](T a, T b, T c) { return fused(a, b, c); }, m);
  if (operation == "min") return choose<T, 2>([](T a, T b) { return minimum(a, b); }, m);
  if (operation == "max") return choose<T, 2>([](T a, T b) { return maximum(a, b); }, m);
  if (operation == "minnan") {
    return choose<T, 2>([](T a, T b) { return a != a || b != b ? not_a_number<T>() : minimum(a, b); }, m);
  }
  if (operation == "maxnan") {
    return choose<T, 2>([](T a, T b) { return a != a || b != b ? not_a_number<T>() : maximum(a, b); }, m);
  }
  if (operation == "copysign") return choose<T, 2>([](T a, T b) { return std::copysign(b, a); }, m);
  return select_unary<T>(operation, m);
}

}  // namespace

Handler float_handler(std::string_view operation, Type type, const Instruction& modifiers) {
  return type == Type::kF32 ? select<float>(operation, modifiers) : select<double>(operation, modifiers);
}

}  // namespace drift::emulator::ptx
