// Vectors of the machine whose lanes are matrices, for lanes_*_isa.cpp: arithmetic is the
// compiler's, here are the few functions that it has no operator for, and packing.
#pragma once

#include <cstring>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "kernels/dispatch.h"
#include "kernels/linalg/lanes.h"

namespace pullback::kernels::PULLBACK_ISA {
namespace {

#if defined(__AVX__)
constexpr int kLaneBytes = 32;
#else
constexpr int kLaneBytes = 16;
#endif

template <typename T>
inline constexpr int kLanes = kLaneBytes / int(sizeof(T));
static_assert(kLanes<float> <= kMostLanes);

template <typename T>
struct VectorOf {
  typedef T type __attribute__((vector_size(kLaneBytes)));
};
template <typename T>
using V = typename VectorOf<T>::type;
template <typename T>
using Mask = decltype(V<T>{} < V<T>{});

template <typename T>
PULLBACK_INLINE V<T> spread(T x) {
  return V<T>{} + x;
}
#if defined(__AVX__)
PULLBACK_INLINE V<double> root(V<double> x) { return _mm256_sqrt_pd(x); }
PULLBACK_INLINE V<float> root(V<float> x) { return _mm256_sqrt_ps(x); }
#elif defined(__SSE2__)
PULLBACK_INLINE V<double> root(V<double> x) { return _mm_sqrt_pd(x); }
PULLBACK_INLINE V<float> root(V<float> x) { return _mm_sqrt_ps(x); }
#else
template <typename VT>
PULLBACK_INLINE VT root(VT x) {
  for (unsigned k = 0; k < sizeof(VT) / sizeof(x[0]); ++k) x[k] = __builtin_sqrt(x[k]);
  return x;
}
#endif

template <typename VT>
PULLBACK_INLINE VT size_of(VT x) {
  return x < 0 ? -x : x;
}
template <typename VT>
PULLBACK_INLINE VT greater_of(VT a, VT b) {
  return a > b ? a : b;
}
template <typename M>
PULLBACK_INLINE bool any(M mask) {
  long long words[sizeof(M) / sizeof(long long)];
  std::memcpy(words, &mask, sizeof(M));
  long long all = 0;
  for (const long long word : words) all |= word;
  return all != 0;
}

// Lanes without a matrix get the first one.
template <typename T>
PULLBACK_INLINE const T* matrix_of(const LaneMatrices<T>& a, int lane) {
  return a.at[lane < a.count ? lane : 0];
}

// Element (i, j) of all matrices in packed[i + j * rows].
template <typename T>
PULLBACK_INLINE void pack(const LaneMatrices<T>& a, V<T>* packed) {
  const T* from[kLanes<T>];
  for (int k = 0; k < kLanes<T>; ++k) from[k] = matrix_of(a, k);
  for (int j = 0; j < a.columns; ++j) {
    for (int i = 0; i < a.rows; ++i) {
      V<T> element;
      for (int k = 0; k < kLanes<T>; ++k) element[k] = from[k][i];
      packed[i + j * a.rows] = element;
    }
    for (int k = 0; k < kLanes<T>; ++k) from[k] += a.leading;
  }
}
template <typename T>
PULLBACK_INLINE void unpack_lane(const V<T>* packed, const LaneMatrices<T>& a, int k) {
  T* column = a.at[k];
  for (int j = 0; j < a.columns; ++j, column += a.leading) {
    for (int i = 0; i < a.rows; ++i) column[i] = packed[i + j * a.rows][k];
  }
}
template <typename T>
PULLBACK_INLINE void unpack(const V<T>* packed, const LaneMatrices<T>& a) {
  if (__builtin_constant_p(a.rows)) {  // the vectors are in registers
#pragma GCC unroll 8
    for (int k = 0; k < kLanes<T>; ++k) {
      if (k < a.count) unpack_lane<T>(packed, a, k);
    }
  } else {
    for (int k = 0; k < a.count; ++k) unpack_lane<T>(packed, a, k);
  }
}

}  // namespace
}  // namespace pullback::kernels::PULLBACK_ISA
