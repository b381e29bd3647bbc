// Vectors of the machine whose lanes are matrices, for lanes_*_isa.cpp: arithmetic is the
// compiler's, here are the few functions that it has no operator for, and packing.
#pragma once

#include <cstring>
#include <utility>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "kernels/dispatch.h"
#include "kernels/linalg/lanes.h"
#include "kernels/vectors.h"

namespace pullback::kernels::PULLBACK_ISA {
namespace {

template <typename T>
inline constexpr int kLanes = kWidth<T>;
static_assert(kLanes<float> <= kMostLanes && kLanes<double> <= kMostLanesOf<double>);

template <typename T>
using V = Vector<T>;
template <typename T>
using Mask = decltype(V<T>{} < V<T>{});

template <typename T>
PULLBACK_INLINE V<T> spread(T x) {
  return V<T>{} + x;
}
#if defined(__AVX512F__)
PULLBACK_INLINE V<double> root(V<double> x) { return _mm512_maskz_sqrt_pd(0xff, x); }
PULLBACK_INLINE V<float> root(V<float> x) { return _mm512_maskz_sqrt_ps(0xffff, x); }
#elif defined(__AVX__)
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

// Elements k of x with bit kStep of k, and elements k - kStep of y in the place of the others.
template <int kStep, typename VT, std::size_t... k>
PULLBACK_INLINE void exchange_halves(VT& x, VT& y, std::index_sequence<k...>) {
  constexpr int kCount = sizeof...(k);
  const VT a = x;
  const VT b = y;
  x = __builtin_shufflevector(a, b, ((k & kStep) != 0 ? kCount + int(k) - kStep : int(k))...);
  y = __builtin_shufflevector(a, b, ((k & kStep) != 0 ? kCount + int(k) : int(k) + kStep)...);
}
// Transposes the square of as many vectors as each has lanes, by exchanging quarters of ever larger
// squares (Eklundh 1972).
template <typename T, int kStep = 1>
PULLBACK_INLINE void transpose(V<T>* square) {
  if constexpr (kStep < kLanes<T>) {
#pragma GCC unroll 16
    for (int k = 0; k < kLanes<T>; ++k) {
      if ((k & kStep) != 0) continue;
      exchange_halves<kStep>(square[k], square[k + kStep],
                             std::make_index_sequence<std::size_t(kLanes<T>)>{});
    }
    transpose<T, 2 * kStep>(square);
  }
}

// Calls whole(begin) for squares that cover n elements, the last of which may overlap, and
// single(i) where that would be a waste.
template <typename T, typename Whole, typename Single>
PULLBACK_INLINE void by_squares(int n, Whole whole, Single single) {
  constexpr int kWidth = kLanes<T>;
  int i = 0;
  for (; i + kWidth <= n; i += kWidth) whole(i);
  if (n >= kWidth && n - i > kWidth / 4) {
    whole(n - kWidth);
  } else {
    for (; i < n; ++i) single(i);
  }
}
// Calls body(rows, columns) of a: matrices without gaps between their columns are one column.
template <typename T, typename Body>
PULLBACK_INLINE void with_long_columns(const LaneMatrices<T>& a, int step, Body body) {
  if (a.leading == a.rows && step == a.rows) return body(a.rows * a.columns, 1);
  body(a.rows, a.columns);
}

// Element (i, j) of all matrices in packed[i + j * step].
template <typename T>
PULLBACK_INLINE void pack(const LaneMatrices<T>& a, V<T>* packed, int step) {
  const T* from[kLanes<T>];
  for (int k = 0; k < kLanes<T>; ++k) from[k] = matrix_of(a, k);
  const auto square = [&](int i) __attribute__((always_inline)) {
    V<T> lines[kLanes<T>];
    for (int k = 0; k < kLanes<T>; ++k) std::memcpy(&lines[k], from[k] + i, sizeof(V<T>));
    transpose<T>(lines);
    for (int k = 0; k < kLanes<T>; ++k) packed[i + k] = lines[k];
  };
  const auto single = [&](int i) __attribute__((always_inline)) {
    V<T> element;
    for (int k = 0; k < kLanes<T>; ++k) element[k] = from[k][i];
    packed[i] = element;
  };
  with_long_columns(a, step, [&](int rows, int columns) __attribute__((always_inline)) {
    for (int j = 0; j < columns; ++j, packed += step) {
      by_squares<T>(rows, square, single);
      for (int k = 0; k < kLanes<T>; ++k) from[k] += a.leading;
    }
  });
}
template <typename T>
PULLBACK_INLINE void unpack(const V<T>* packed, const LaneMatrices<T>& a, int step) {
  T* to[kLanes<T>];
  for (int k = 0; k < kLanes<T>; ++k) to[k] = a.at[k < a.count ? k : 0];
  const auto square = [&](int i) __attribute__((always_inline)) {
    V<T> lines[kLanes<T>];
    for (int k = 0; k < kLanes<T>; ++k) lines[k] = packed[i + k];
    transpose<T>(lines);
#pragma GCC unroll 16
    for (int k = 0; k < kLanes<T>; ++k) {
      if (k < a.count) std::memcpy(to[k] + i, &lines[k], sizeof(V<T>));
    }
  };
  const auto single = [&](int i) __attribute__((always_inline)) {
    const V<T> element = packed[i];
#pragma GCC unroll 16
    for (int k = 0; k < kLanes<T>; ++k) {
      if (k < a.count) to[k][i] = element[k];
    }
  };
  with_long_columns(a, step, [&](int rows, int columns) __attribute__((always_inline)) {
    for (int j = 0; j < columns; ++j, packed += step) {
      by_squares<T>(rows, square, single);
      for (int k = 0; k < kLanes<T>; ++k) to[k] += a.leading;
    }
  });
}

}  // namespace
}  // namespace pullback::kernels::PULLBACK_ISA
