// Vectors of numbers from places that a table names, for files that are compiled per instruction
// set.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "kernels/dispatch.h"
#include "kernels/vectors.h"

namespace pullback::kernels::PULLBACK_ISA {
namespace {

// A place has the size of the number, so that vectors of both have as many lanes.
template <typename T>
using Place = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;

#if defined(__AVX512F__)
PULLBACK_INLINE Vector<float> gathered(const float* from, Vector<std::int32_t> places) {
  return _mm512_mask_i32gather_ps(_mm512_setzero_ps(), 0xffff, reinterpret_cast<__m512i>(places),
                                  from, 4);
}
PULLBACK_INLINE Vector<double> gathered(const double* from, Vector<std::int64_t> places) {
  return _mm512_mask_i64gather_pd(_mm512_setzero_pd(), 0xff, reinterpret_cast<__m512i>(places),
                                  from, 8);
}
#elif defined(__AVX2__)
PULLBACK_INLINE Vector<float> gathered(const float* from, Vector<std::int32_t> places) {
  return _mm256_i32gather_ps(from, reinterpret_cast<__m256i>(places), 4);
}
PULLBACK_INLINE Vector<double> gathered(const double* from, Vector<std::int64_t> places) {
  return _mm256_i64gather_pd(from, reinterpret_cast<__m256i>(places), 8);
}
#else
template <typename T>
PULLBACK_INLINE Vector<T> gathered(const T* from, Vector<Place<T>> places) {
  Vector<T> v;
#pragma GCC unroll 4
  for (int l = 0; l < kWidth<T>; ++l) v[l] = from[places[l]];
  return v;
}
#endif

// The first `count` lanes.
template <typename T>
PULLBACK_INLINE void store_first(T* to, Vector<T> v, std::int64_t count) {
  if (count >= kWidth<T>) {
    std::memcpy(to, &v, sizeof(v));
  } else {
    std::memcpy(to, &v, static_cast<std::size_t>(count) * sizeof(T));
  }
}

}  // namespace
}  // namespace pullback::kernels::PULLBACK_ISA
