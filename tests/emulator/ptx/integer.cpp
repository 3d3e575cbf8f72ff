// Integer arithmetic on 16, 32 and 64 bits. Division by zero gives what the device gives: all ones, and the dividend
// as remainder.
#include "tests/emulator/ptx/decode.h"

namespace drift::emulator::ptx {
namespace {

template <typename T, typename F>
Handler unary(F) {
  return [](Warp& warp, const Instruction& i, u32 mask) {
    const T* a = warp.lanes<T>(i.a);
    map_lanes(warp.lanes<T>(i.d), mask, [=](int lane) { return static_cast<T>(F()(a[lane])); });
  };
}

template <typename T, typename Second, typename F>
Handler binary_of(F) {
  return [](Warp& warp, const Instruction& i, u32 mask) {
    const T* a = warp.lanes<T>(i.a);
    const Second* b = warp.lanes<Second>(i.b);
    map_lanes(warp.lanes<T>(i.d), mask, [=](int lane) { return static_cast<T>(F()(a[lane], b[lane])); });
  };
}

template <typename T, typename F>
Handler binary(F f) {
  return binary_of<T, T>(f);
}

template <typename T, typename F>
Handler shift(F f) {
  return binary_of<T, u32>(f);
}

template <typename T, typename Result = T, typename F>
Handler ternary(F) {
  return [](Warp& warp, const Instruction& i, u32 mask) {
    const T* a = warp.lanes<T>(i.a);
    const T* b = warp.lanes<T>(i.b);
    const Result* c = warp.lanes<Result>(i.c);
    map_lanes(warp.lanes<Result>(i.d), mask,
              [=](int lane) { return static_cast<Result>(F()(a[lane], b[lane], c[lane])); });
  };
}

// For division, which must not be evaluated on lanes that do not take part.
template <typename T, typename F>
Handler guarded_binary(F) {
  return [](Warp& warp, const Instruction& i, u32 mask) {
    T* d = warp.lanes<T>(i.d);
    const T* a = warp.lanes<T>(i.a);
    const T* b = warp.lanes<T>(i.b);
    each_lane(mask, [=](int lane) { d[lane] = static_cast<T>(F()(a[lane], b[lane])); });
  };
}

template <typename T>
struct Twice;  // an integer type of twice the size
template <>
struct Twice<u16> {
  using type = u32;
};
template <>
struct Twice<i16> {
  using type = i32;
};
template <>
struct Twice<u32> {
  using type = u64;
};
template <>
struct Twice<i32> {
  using type = i64;
};
template <>
struct Twice<u64> {
  using type = u128;
};
template <>
struct Twice<i64> {
  using type = i128;
};

template <typename T>
T high_product(T a, T b) {
  using Wide = typename Twice<T>::type;
  return static_cast<T>((static_cast<Wide>(a) * static_cast<Wide>(b)) >> 8 * sizeof(T));
}

// T(-1) as a signed divisor overflows for the smallest dividend; its quotient is the negation, which wraps.
template <typename T>
T quotient(T a, T b) {
  if (b == 0) return static_cast<T>(-1);
  if (std::is_signed_v<T> && b == static_cast<T>(-1)) return static_cast<T>(0 - static_cast<u64>(a));
  return static_cast<T>(a / b);
}

template <typename T>
T remainder_of(T a, T b) {
  if (b == 0) return a;
  if (std::is_signed_v<T> && b == static_cast<T>(-1)) return 0;
  return static_cast<T>(a % b);
}

template <typename T>
T shift_left(T a, u32 count) {
  using U = std::make_unsigned_t<T>;
  return count >= 8 * sizeof(T) ? T(0) : static_cast<T>(static_cast<U>(a) << count);
}

template <typename T>
T shift_right(T a, u32 count) {
  const T beyond = std::is_signed_v<T> && a < 0 ? static_cast<T>(-1) : T(0);
  return count >= 8 * sizeof(T) ? beyond : static_cast<T>(a >> count);
}

template <typename T>
Handler select(std::string_view operation) {
  // 16-bit products are taken in 32 bits and cut; larger types wrap (-fwrapv).
  if (operation == "add") return binary<T>([](T a, T b) { return a + b; });
  if (operation == "sub") return binary<T>([](T a, T b) { return a - b; });
  if (operation == "mul") return binary<T>([](T a, T b) { return a * b; });
  if (operation == "mulhi") return binary<T>([](T a, T b) { return high_product(a, b); });
  if (operation == "mad") return ternary<T>([](T a, T b, T c) { return a * b + c; });
  if (operation == "madhi") return ternary<T>([](T a, T b, T c) { return high_product(a, b) + c; });
  if (operation == "div") return guarded_binary<T>([](T a, T b) { return quotient(a, b); });
  if (operation == "rem") return guarded_binary<T>([](T a, T b) { return remainder_of(a, b); });
  if (operation == "min") return binary<T>([](T a, T b) { return a < b ? a : b; });
  if (operation == "max") return binary<T>([](T a, T b) { return a > b ? a : b; });
  if (operation == "and") return binary<T>([](T a, T b) { return a & b; });
  if (operation == "or") return binary<T>([](T a, T b) { return a | b; });
  if (operation == "xor") return binary<T>([](T a, T b) { return a ^ b; });
  if (operation == "shl") return shift<T>([](T a, u32 count) { return shift_left(a, count); });
  if (operation == "shr") return shift<T>([](T a, u32 count) { return shift_right(a, count); });
  if (operation == "neg") return unary<T>([](T a) { return -a; });
  if (operation == "not") return unary<T>([](T a) { return ~a; });
  if (operation == "abs") return unary<T>([](T a) { return a < 0 ? -a : a; });
  return nullptr;
}

template <typename T>
Handler select_widening(bool adds) {
  using Wide = typename Twice<T>::type;
  if (adds) {
    return ternary<T, Wide>([](T a, T b, Wide c) { return static_cast<Wide>(a) * static_cast<Wide>(b) + c; });
  }
  return [](Warp& warp, const Instruction& i, u32 mask) {
    const T* a = warp.lanes<T>(i.a);
    const T* b = warp.lanes<T>(i.b);
    map_lanes(warp.lanes<Wide>(i.d), mask,
              [=](int lane) { return static_cast<Wide>(static_cast<Wide>(a[lane]) * static_cast<Wide>(b[lane])); });
  };
}

}  // namespace

Handler integer_handler(std::string_view operation, Type type) {
  return with_integer(type, [&](auto zero) { return select<decltype(zero)>(operation); });
}

Handler widening_handler(std::string_view operation, Type type) {
  const bool adds = operation == "mad";
  switch (type) {
    case Type::kU16:
      return select_widening<u16>(adds);
    case Type::kS16:
      return select_widening<i16>(adds);
    case Type::kU32:
      return select_widening<u32>(adds);
    case Type::kS32:
      return select_widening<i32>(adds);
    default:
      return nullptr;
  }
}

}  // namespace drift::emulator::ptx
