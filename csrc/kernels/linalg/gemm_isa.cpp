// The matrix product of small matrices (see gemm_kernels.h).
//
// Blocks of c stay in registers while k runs: up to 6 rows by two vectors of columns, narrower at
// the right edge.  Where rows of a and columns of b are contiguous and there are few of them, a
// product is a set of inner products, vectorised along k.  k must fit kSmallPack where b has to be
// copied. Start reading at product().
#include <cstdint>
#include <cstring>

#if defined(__FMA__)
#include <immintrin.h>
#endif

#include "kernels/dispatch.h"
#include "kernels/linalg/gemm_kernels.h"

namespace pullback::kernels::PULLBACK_ISA {
namespace {

#if defined(__AVX__)
constexpr int kBytes = 32;
#else
constexpr int kBytes = 16;
#endif

template <typename T, int bytes>
struct VectorOf {
  typedef T type __attribute__((vector_size(bytes)));
};
template <typename T, int width>
using Vector = typename VectorOf<T, width * sizeof(T)>::type;

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
  PULLBACK_INLINE static V spread(T x) { return V{} + x; }
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

template <typename T, int rows>
void row_band(const Product<T>& p, std::int64_t i) {
  constexpr int width = kBytes / sizeof(T);
  std::int64_t j = 0;
  for (; j + 2 * width <= p.n; j += 2 * width) block<T, rows, 2, width>(p, i, j);
  if (j + width <= p.n) {
    block<T, rows, 1, width>(p, i, j);
    j += width;
  }
  if constexpr (width > 2) {
    if (j + width / 2 <= p.n) {
      block<T, rows, 1, width / 2>(p, i, j);
      j += width / 2;
    }
  }
  for (; j < p.n; ++j) block<T, rows, 1, 1>(p, i, j);
}

template <typename T>
void by_bands(const Product<T>& p) {
  std::int64_t i = 0;
  // No band of 1 or 2 rows where it can be helped: 7 are 4 and 3, 8 are 4 and 4.
  for (; p.m - i > 8 || p.m - i == 6; i += 6) row_band<T, 6>(p, i);
  for (; p.m - i == 4 || p.m - i > 5; i += 4) row_band<T, 4>(p, i);
  switch (p.m - i) {
    case 5:
      return row_band<T, 5>(p, i);
    case 3:
      return row_band<T, 3>(p, i);
    case 2:
      return row_band<T, 2>(p, i);
    case 1:
      return row_band<T, 1>(p, i);
    default:
      return;
  }
}

// Inner products of one column of b with `rows` rows of a, both contiguous along k.
template <typename T, int rows>
void inner_block(const Product<T>& p, std::int64_t i, std::int64_t j) {
  constexpr int width = kBytes / sizeof(T);
  constexpr int chains = rows == 1 ? 4 : 1;
  using L = Lane<T, width>;
  typename L::V sums[rows][chains];
#pragma GCC unroll 4
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < chains; ++v) sums[r][v] = L::spread(T(0));
  }
  const T* a = p.a + i * p.a_row;
  const T* b = p.b + j * p.b_column;
  std::int64_t k = 0;
  for (; k + chains * width <= p.k; k += chains * width) {
#pragma GCC unroll 4
    for (int v = 0; v < chains; ++v) {
      const auto right = L::load(b + k + v * width);
#pragma GCC unroll 4
      for (int r = 0; r < rows; ++r) {
        sums[r][v] = fused(L::load(a + r * p.a_row + k + v * width), right, sums[r][v]);
      }
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 2
    for (int half = chains / 2; half > 0; half /= 2) {
#pragma GCC unroll 2
      for (int v = 0; v < half; ++v) sums[r][v] += sums[r][v + half];
    }
    T flat[width];
    std::memcpy(flat, &sums[r][0], sizeof(flat));
#pragma GCC unroll 4
    for (int half = width / 2; half > 0; half /= 2) {
#pragma GCC unroll 4
      for (int l = 0; l < half; ++l) flat[l] += flat[l + half];
    }
    T sum = flat[0];
    for (std::int64_t l = k; l < p.k; ++l) sum = fused(a[r * p.a_row + l], b[l], sum);
    write<T, 1>(p, i + r, j, sum);
  }
}

template <typename T>
void by_inner_products(const Product<T>& p) {
  for (std::int64_t j = 0; j < p.n; ++j) {
    std::int64_t i = 0;
    for (; i + 4 <= p.m; i += 4) inner_block<T, 4>(p, i, j);
    for (; i < p.m; ++i) inner_block<T, 1>(p, i, j);
  }
}

template <typename T>
Product<T> transposed(const Product<T>& p) {
  return {p.b,     p.a,        p.c,     p.n,        p.m,     p.k,         p.b_column,
          p.b_row, p.a_column, p.a_row, p.c_column, p.c_row, p.accumulate};
}

template <typename T>
__attribute__((noinline)) void packed(Product<T> p) {
  T buffer[kSmallPack];
  for (std::int64_t k = 0; k < p.k; ++k) {
    const T* from = p.b + k * p.b_row;
    T* to = buffer + k * p.n;
    for (std::int64_t j = 0; j < p.n; ++j) to[j] = from[j * p.b_column];
  }
  p.b = buffer;
  p.b_row = p.n;
  p.b_column = 1;
  by_bands(p);
}

template <typename T>
void product(const SmallProduct& s) {
  Product<T> p{static_cast<const T*>(s.a),
               static_cast<const T*>(s.b),
               static_cast<T*>(s.c),
               s.m,
               s.n,
               s.k,
               s.a_row,
               s.a_column,
               s.b_row,
               s.b_column,
               s.c_row,
               s.c_column,
               s.accumulate};
  if (p.n == 1) p.b_column = 1;
  if (p.a_column == 1 && p.b_row == 1 && (p.m <= 3 || p.n == 1)) {
    return p.n == 1 ? by_inner_products(p) : by_inner_products(transposed(p));
  }
  if (p.b_column == 1 && p.n > 1) return by_bands(p);
  if (p.a_row == 1 || p.m == 1) {
    Product<T> t = transposed(p);
    t.b_column = 1;
    return by_bands(t);
  }
  if (p.n == 1) return by_bands(p);
  packed(p);
}

void product_float32(const SmallProduct& p) { product<float>(p); }
void product_float64(const SmallProduct& p) { product<double>(p); }

}  // namespace

SmallGemm small_gemm() { return {&product_float32, &product_float64}; }

}  // namespace pullback::kernels::PULLBACK_ISA
