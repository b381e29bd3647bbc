// One representation for sorting every dtype: 64-bit keys that compare as the values do.
//
// Equal values have equal keys (-0 is 0), every NaN has the greatest key of its dtype, and
// descending order is ascending order of the complement; so there is one sorting routine, not one
// per dtype.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "kernels/rows.h"

namespace pullback::kernels {

struct KeyedIndex {
  std::uint64_t key;
  std::int64_t index;

  bool operator<(const KeyedIndex& other) const {
    return key != other.key ? key < other.key : index < other.index;
  }
};

template <typename T>
std::uint64_t sort_key(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    constexpr Bits sign = Bits(1) << (sizeof(T) * 8 - 1);
    if (value != value) return static_cast<Bits>(-1);
    const Bits bits = value == 0 ? Bits(0) : std::bit_cast<Bits>(value);
    return static_cast<Bits>((bits & sign) != 0 ? ~bits : bits | sign);
  } else if constexpr (std::is_signed_v<T>) {
    using Bits = std::make_unsigned_t<T>;
    return static_cast<Bits>(static_cast<Bits>(value) ^ (Bits(1) << (sizeof(T) * 8 - 1)));
  } else {
    return static_cast<std::uint64_t>(value);
  }
}

// The keys of a strided row, complemented if descending, with positions 0..n-1.
void read_keys(const char* row, std::int64_t stride, DType dtype, std::int64_t n, bool descending,
               KeyedIndex* keys);

// Sorts by key; stable, given that equal keys come in the order of their positions.
void sort_keys(std::vector<KeyedIndex>& keys, std::vector<KeyedIndex>& scratch);

}  // namespace pullback::kernels
