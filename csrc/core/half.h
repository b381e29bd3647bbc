// The two floating types of 16 bits, as bits that are converted from and to float.
//
// Rounding is to nearest, ties to even; every NaN becomes the quiet one.  Nothing is computed in
// these types: loops work on floats (NOTE [Narrow types] in kernels/narrow.h).  The conversions are
// without branches, so that loops over them are vectorised.
#pragma once

#include <bit>
#include <cstdint>

namespace pullback {

struct Half {
  std::uint16_t bits;
};
struct BFloat16 {
  std::uint16_t bits;
};

[[gnu::always_inline]] constexpr float to_float(Half value) {
  const std::uint32_t sign = std::uint32_t{value.bits & 0x8000u} << 16;
  const std::uint32_t magnitude = std::uint32_t{value.bits & 0x7fffu} << 13;
  // Subnormal numbers become normal ones by a product with a power of two, which is exact.
  const std::uint32_t finite =
      std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) * 0x1p112f);
  return std::bit_cast<float>(sign |
                              (magnitude >= 0x7c00u << 13 ? magnitude | 0x7f800000u : finite));
}

[[gnu::always_inline]] constexpr float to_float(BFloat16 value) {
  return std::bit_cast<float>(std::uint32_t{value.bits} << 16);
}

[[gnu::always_inline]] constexpr Half to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  const std::uint32_t rebased = magnitude - (112u << 23);
  const std::uint32_t normal = (rebased + 0xfffu + (rebased >> 13 & 1u)) >> 13;
  // In [0.5, 1) a float has the steps of half's subnormal numbers.
  const std::uint32_t small =
      std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
  std::uint32_t result = magnitude < 0x38800000u ? small : normal;
  result = magnitude >= 0x477ff000u ? 0x7c00u : result;
  result = magnitude > 0x7f800000u ? 0x7e00u : result;
  return {static_cast<std::uint16_t>(sign | result)};
}

[[gnu::always_inline]] constexpr BFloat16 to_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
  return {static_cast<std::uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : rounded)};
}

}  // namespace pullback
