// Arithmetic of f16 and bf16, alone or as pairs in a 32-bit register: computed in double, rounded once.
#include "tests/emulator/ptx/decode.h"

namespace drift::emulator::ptx {
namespace {

// a * b + c before the only rounding. The product is exact; an inexact sum gets an odd last bit (see round_to_odd).
double fused_to_odd(double a, double b, double c) {
  const double product = a * b;
  const double sum = product + c;
  if (!std::isfinite(sum)) return sum;
  const double from_c = sum - product;
  const double error = (product - (sum - from_c)) + (c - from_c);
  const u64 bits = std::bit_cast<u64>(sum);
  if (error == 0 || (bits & 1) != 0) return sum;
  return std::bit_cast<double>((error > 0) == (sum > 0) ? bits + 1 : bits - 1);
}

double minimum(double a, double b) {
  if (a != a || b != b) return a != a ? b : a;
  return a == b ? (std::signbit(a) ? a : b) : std::fmin(a, b);
}

double maximum(double a, double b) {
  if (a != a || b != b) return a != a ? b : a;
  return a == b ? (std::signbit(a) ? b : a) : std::fmax(a, b);
}

double propagate_nan(double a, double b, double result) {
  return a != a || b != b ? a + b : result;
}

template <typename T, int kPack, typename F>
Handler elementwise(F) {
  return [](Warp& warp, const Instruction& i, u32 mask) {
    T* d = warp.lanes<T>(i.d);
    const T* a = warp.lanes<T>(i.a);
    const T* b = i.b != kNone ? warp.lanes<T>(i.b) : a;
    const T* c = i.c != kNone ? warp.lanes<T>(i.c) : a;
    const bool relu = i.relu;
    each_lane(mask, [=](int lane) {
      for (int k = lane * kPack; k < (lane + 1) * kPack; ++k) {
        const double value =
            F()(static_cast<double>(widen(a[k])), static_cast<double>(widen(b[k])), static_cast<double>(widen(c[k])));
        d[k] = narrow<T>(relu && value <= 0 ? 0.0 : value);
      }
    });
  };
}

template <typename T, int kPack>
Handler select(std::string_view operation) {
  const auto make = [](auto f) { return elementwise<T, kPack>(f); };
  if (operation == "add") return make([](double a, double b, double) { return fused_to_odd(1, a, b); });
  if (operation == "sub") return make([](double a, double b, double) { return fused_to_odd(1, a, -b); });
  if (operation == "mul") return make([](double a, double b, double) { return a * b; });
  if (operation == "fma") return make([](double a, double b, double c) { return fused_to_odd(a, b, c); });
  if (operation == "min") return make([](double a, double b, double) { return minimum(a, b); });
  if (operation == "max") return make([](double a, double b, double) { return maximum(a, b); });
  if (operation == "minnan") {
    return make([](double a, double b, double) { return propagate_nan(a, b, minimum(a, b)); });
  }
  if (operation == "maxnan") {
    return make([](double a, double b, double) { return propagate_nan(a, b, maximum(a, b)); });
  }
  if (operation == "neg") return make([](double a, double, double) { return -a; });
  if (operation == "abs") return make([](double a, double, double) { return std::fabs(a); });
  if (operation == "ex2") return make([](double a, double, double) { return std::exp2(a); });
  if (operation == "tanh") return make([](double a, double, double) { return std::tanh(a); });
  return nullptr;
}

}  // namespace

Handler half_handler(std::string_view operation, Type type) {
  switch (type) {
    case Type::kF16:
      return select<Half, 1>(operation);
    case Type::kBF16:
      return select<BFloat16, 1>(operation);
    case Type::kF16x2:
      return select<Half, 2>(operation);
    case Type::kBF16x2:
      return select<BFloat16, 2>(operation);
    default:
      return nullptr;
  }
}

}  // namespace drift::emulator::ptx
