// The innermost loop of maxima of windows (pool.h), one copy per instruction set (pool_isa.cpp).
#pragma once

#include <cstdint>

#include "kernels/nn/taps_kernels.h"

namespace pullback::kernels {

// Output p sees, tap after tap, in[places[t][p] + first[t]].  The tables are filled up to whole
// vectors (kPlacesAtOnce) with places that exist.
template <typename T>
struct GreatestOf {
  const T* in;
  const PlaceOf<T>* const* places;
  const PlaceOf<T>* first;
  std::int64_t num_taps;
  std::int64_t count;
  T* values;
  std::int64_t* indices;
};

struct PoolTable {
  void (*float32)(const GreatestOf<float>&);
  void (*float64)(const GreatestOf<double>&);
};

}  // namespace pullback::kernels
