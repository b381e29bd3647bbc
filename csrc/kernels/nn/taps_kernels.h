// The innermost loops of sparse maps (taps.h), one copy per instruction set (taps_isa.cpp).
#pragma once

#include <cstdint>
#include <type_traits>

namespace pullback::kernels {

// As wide as the numbers.
template <typename T>
using PlaceOf = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;

// Tables hold whole vectors, filled up with places that exist.
inline constexpr std::int64_t kPlacesAtOnce = 16;

// out[p] = the sum over t of weights[t][p] * in[places[t][p]], of those where used[t][p] is -1 and
// not 0; rows of tables are `width` apart.  `used` is null if all are.
template <typename T>
struct TapsOfNeighbours {
  const T* in;
  T* out;
  const PlaceOf<T>* places;
  const T* weights;
  const PlaceOf<T>* used;
  std::int64_t width, num_taps, count;
};

// out[o][i] = the sum over the taps first[o] to first[o + 1] of weights[t] * in[inputs[t]][i].
template <typename T>
struct TapsOfRows {
  const T* in;
  T* out;
  const std::int64_t* first;
  const std::int64_t* inputs;
  const T* weights;
  std::int64_t outputs, inner;
};

template <typename T>
struct TapsKernels {
  void (*neighbours)(const TapsOfNeighbours<T>&);
  void (*rows)(const TapsOfRows<T>&);
};

struct TapsTable {
  TapsKernels<float> float32;
  TapsKernels<double> float64;
};

}  // namespace pullback::kernels
