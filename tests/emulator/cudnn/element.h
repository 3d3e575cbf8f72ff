// Element types in memory and their conversion from and to float32, in which the stand-ins compute. Booleans are
// packed, one bit per element, lowest bit first.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>

namespace drift::emulator {

enum class Element { kFloat32, kFloat16, kBfloat16, kInt8, kInt32, kBoolean };

struct Bfloat16 {
  std::uint16_t bits;
};

inline float to_float(Bfloat16 value) {
  return std::bit_cast<float>(std::uint32_t{value.bits} << 16);
}

// Rounds to nearest, ties to even, as the device does; NaN stays NaN.
inline Bfloat16 to_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return {static_cast<std::uint16_t>(bits >> 16 | 0x40)};
  return {static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}

template <class T>
float element_to_float(T value) {
  return static_cast<float>(value);
}
template <>
inline float element_to_float(Bfloat16 value) {
  return to_float(value);
}

template <class T>
T element_from_float(float value) {
  return static_cast<T>(value);
}
template <>
inline Bfloat16 element_from_float(float value) {
  return to_bfloat16(value);
}

// Calls visit(T{}) with the C++ type of a whole-byte element.
template <class Visit>
auto visit_element(Element element, Visit visit) {
  switch (element) {
    case Element::kFloat32:
      return visit(float{});
    case Element::kFloat16:
      return visit(static_cast<_Float16>(0));
    case Element::kBfloat16:
      return visit(Bfloat16{});
    case Element::kInt8:
      return visit(std::int8_t{});
    case Element::kInt32:
      return visit(std::int32_t{});
    case Element::kBoolean:
      break;
  }
  throw std::logic_error("a packed boolean has no C++ type");
}

// Bytes from the first to behind the last of `elements` elements.
inline std::size_t element_bytes(Element element, std::int64_t elements) {
  const auto count = static_cast<std::size_t>(elements);
  if (element == Element::kBoolean) return (count + 7) / 8;
  return visit_element(element, [&](auto example) { return count * sizeof(example); });
}

// values[i] = memory[offset + i * stride], counted in elements.
inline void load_run(Element element, const void* memory, std::int64_t offset, std::int64_t stride, std::int64_t count,
                     float* values) {
  if (element == Element::kBoolean) {
    const auto* bytes = static_cast<const std::uint8_t*>(memory);
    for (std::int64_t i = 0, bit = offset; i < count; ++i, bit += stride) {
      values[i] = static_cast<float>(bytes[bit / 8] >> (bit % 8) & 1);
    }
    return;
  }
  visit_element(element, [&](auto example) {
    const auto* from = static_cast<const decltype(example)*>(memory) + offset;
    if (stride == 1) {
      for (std::int64_t i = 0; i < count; ++i) values[i] = element_to_float(from[i]);
    } else {
      for (std::int64_t i = 0; i < count; ++i) values[i] = element_to_float(from[i * stride]);
    }
  });
}

// memory[offset + i * stride] = values[i], rounded to the element type.
inline void store_run(Element element, void* memory, std::int64_t offset, std::int64_t stride, std::int64_t count,
                      const float* values) {
  if (element == Element::kBoolean) {
    auto* bytes = static_cast<std::uint8_t*>(memory);
    for (std::int64_t i = 0, bit = offset; i < count; ++i, bit += stride) {
      const auto mask = static_cast<std::uint8_t>(1U << (bit % 8));
      bytes[bit / 8] = static_cast<std::uint8_t>(values[i] != 0.0F ? bytes[bit / 8] | mask : bytes[bit / 8] & ~mask);
    }
    return;
  }
  visit_element(element, [&](auto example) {
    using T = decltype(example);
    auto* to = static_cast<T*>(memory) + offset;
    for (std::int64_t i = 0; i < count; ++i) to[i * stride] = element_from_float<T>(values[i]);
  });
}

// Rounds values to what the element type can hold.
inline void round_to(Element element, float* values, std::int64_t count) {
  if (element == Element::kFloat32) return;
  if (element == Element::kBoolean) {
    for (std::int64_t i = 0; i < count; ++i) values[i] = values[i] != 0.0F ? 1.0F : 0.0F;
    return;
  }
  visit_element(element, [&](auto example) {
    using T = decltype(example);
    for (std::int64_t i = 0; i < count; ++i) values[i] = element_to_float(element_from_float<T>(values[i]));
  });
}

}  // namespace drift::emulator
