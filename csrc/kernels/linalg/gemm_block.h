// Blocks of a matrix product in registers, for the files that are compiled per instruction set.
//
// A block of c, some rows by one or two vectors of columns, stays in registers while k runs.  Start
// reading at block().
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__FMA__)
#include <immintrin.h>
#endif

#include "kernels/dispatch.h"
#include "kernels/vectors.h"

namespace pullback::kernels::PULLBACK_ISA {
namespace {

#if defined(__AVX512F__)
PULLBACK_INLINE Vector<float, 16> fused(Vector<float, 16> a, Vector<float, 16> b,
                                        Vector<float, 16> c) {
  return _mm512_fmadd_ps(a, b, c);
}
PULLBACK_INLINE Vector<double, 8> fused(Vector<double, 8> a, Vector<double, 8> b,
                                        Vector<double, 8> c) {
  return _mm512_fmadd_pd(a, b, c);
}
#endif
#if defined(__FMA__)
PULLBACK_INLINE Vector<float, 8> fused(Vector<float, 8> a, Vector<float, 8> b, Vector<float, 8> c) {
  return _mm256_fmadd_ps(a, b, c);
}
PULLBACK_INLINE Vector<float, 4> fused(Vector<float, 4> a, Vector<float, 4> b, Vector<float, 4> c) {
  return _mm_fmadd_ps(a, b, c);
}
PULLBACK_INLINE Vector<double, 4> fused(Vector<double, 4> a, Vector<double, 4> b,
                                        Vector<double, 4> c) {
  return _mm256_fmadd_pd(a, b, c);
}
PULLBACK_INLINE Vector<double, 2> fused(Vector<double, 2> a, Vector<double, 2> b,
                                        Vector<double, 2> c) {
  return _mm_fmadd_pd(a, b, c);
}
PULLBACK_INLINE float fused(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
PULLBACK_INLINE double fused(double a, double b, double c) { return __builtin_fma(a, b, c); }
#else
template <typename V>
PULLBACK_INLINE V fused(V a, V b, V c) {
  return a * b + c;
}
#endif

// A vector of `width` elements, or a plain scalar for width 1.
template <typename T, int width>
struct Lane {
  using V = Vector<T, width>;
  PULLBACK_INLINE static V load(const T* p) {
    V v;
    std::memcpy(&v, p, sizeof(v));
    return v;
  }
  PULLBACK_INLINE static V spread(T x) { return x - V{}; }
};
template <typename T>
struct Lane<T, 1> {
  using V = T;
  PULLBACK_INLINE static V load(const T* p) { return *p; }
  PULLBACK_INLINE static V spread(T x) { return x; }
};

template <typename T>
struct Product {
  const T* a;
  const T* b;
  T* c;
  std::int64_t m, n, k;
  std::int64_t a_row, a_column, b_row, b_column, c_row, c_column;
  bool accumulate;
};

template <typename T, int width>
PULLBACK_INLINE void write(const Product<T>& p, std::int64_t i, std::int64_t j,
                           typename Lane<T, width>::V v) {
  T* c = p.c + i * p.c_row + j * p.c_column;
  if (p.c_column == 1) {
    if (p.accumulate) v += Lane<T, width>::load(c);
    std::memcpy(c, &v, sizeof(v));
    return;
  }
  T flat[width];
  std::memcpy(flat, &v, sizeof(v));
  for (int l = 0; l < width; ++l) {
    T* at = c + l * p.c_column;
    *at = p.accumulate ? *at + flat[l] : flat[l];
  }
}

// c[i .. i+rows][j .. j+vectors*width]; the columns of b are side by side.
template <typename T, int rows, int vectors, int width>
void block(const Product<T>& p, std::int64_t i, std::int64_t j) {
  using L = Lane<T, width>;
  typename L::V sums[rows][vectors];
#pragma GCC unroll 6
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) sums[r][v] = L::spread(T(0));
  }
  const T* a = p.a + i * p.a_row;
  const T* b = p.b + j;
  for (std::int64_t k = 0; k < p.k; ++k, a += p.a_column, b += p.b_row) {
    typename L::V right[vectors];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) right[v] = L::load(b + v * width);
#pragma GCC unroll 6
    for (int r = 0; r < rows; ++r) {
      const auto left = L::spread(a[r * p.a_row]);
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) sums[r][v] = fused(left, right[v], sums[r][v]);
    }
  }
#pragma GCC unroll 6
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) write<T, width>(p, i + r, j + v * width, sums[r][v]);
  }
}

}  // namespace
}  // namespace pullback::kernels::PULLBACK_ISA
