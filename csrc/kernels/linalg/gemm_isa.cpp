// The matrix product of small matrices (see gemm_kernels.h).
//
// Bands of up to 6 rows are cut into blocks that stay in registers (gemm_block.h), narrower at the
// right edge.  Where both operands are contiguous along k and one has few rows, a product is a set
// of inner products, vectorised along k.  k must fit kSmallPack where b has to be copied.  Start
// reading at product().
#include <cstdint>
#include <cstring>

#include "kernels/linalg/gemm_block.h"
#include "kernels/linalg/gemm_kernels.h"

namespace pullback::kernels::PULLBACK_ISA {
namespace {

// Columns from j on that are fewer than two vectors of `width`, in halves down to 16 bytes.
template <typename T, int rows, int width>
void last_columns(const Product<T>& p, std::int64_t i, std::int64_t j) {
  if (j + width <= p.n) {
    block<T, rows, 1, width>(p, i, j);
    j += width;
  }
  if constexpr (width * sizeof(T) > 16) {
    last_columns<T, rows, width / 2>(p, i, j);
  } else {
    for (; j < p.n; ++j) block<T, rows, 1, 1>(p, i, j);
  }
}

template <typename T, int rows>
void row_band(const Product<T>& p, std::int64_t i) {
  constexpr int width = kVectorBytes / sizeof(T);
  std::int64_t j = 0;
  for (; j + 2 * width <= p.n; j += 2 * width) block<T, rows, 2, width>(p, i, j);
  last_columns<T, rows, width>(p, i, j);
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

// The sums of the elements of `columns` vectors, each as a tree; those of four at once where the
// last steps of the trees fit one vector.
template <typename T, int width>
PULLBACK_INLINE Vector<T, 16 / sizeof(T)> halved(Vector<T, width> v) {
  if constexpr (width * sizeof(T) == 16) {
    return v;
  } else {
    Vector<T, width / 2> parts[2];
    std::memcpy(parts, &v, sizeof(v));
    return halved<T, width / 2>(parts[0] + parts[1]);
  }
}
template <typename T, int width, int columns>
PULLBACK_INLINE void totals(T* to, const Vector<T, width>* sums) {
  Vector<T, 16 / sizeof(T)> v[columns];
#pragma GCC unroll 4
  for (int c = 0; c < columns; ++c) v[c] = halved<T, width>(sums[c]);
  if constexpr (sizeof(T) == 4 && columns == 4) {
    const auto ab = __builtin_shufflevector(v[0], v[1], 0, 1, 4, 5) +
                    __builtin_shufflevector(v[0], v[1], 2, 3, 6, 7);
    const auto cd = __builtin_shufflevector(v[2], v[3], 0, 1, 4, 5) +
                    __builtin_shufflevector(v[2], v[3], 2, 3, 6, 7);
    const auto all =
        __builtin_shufflevector(ab, cd, 0, 2, 4, 6) + __builtin_shufflevector(ab, cd, 1, 3, 5, 7);
    std::memcpy(to, &all, sizeof(all));
  } else {
#pragma GCC unroll 4
    for (int c = 0; c < columns; ++c) {
      if constexpr (sizeof(T) == 4) {
        to[c] = (v[c][0] + v[c][2]) + (v[c][1] + v[c][3]);
      } else {
        to[c] = v[c][0] + v[c][1];
      }
    }
  }
}

// Inner products of `rows` rows of a and `columns` columns of b, both contiguous along k; an
// element has `chains` sums, so that additions need not wait for one another.
template <typename T, int rows, int columns, int chains>
void inner_block(const Product<T>& p, std::int64_t i, std::int64_t j) {
  constexpr int width = kVectorBytes / sizeof(T);
  using L = Lane<T, width>;
  typename L::V sums[rows][columns][chains];
#pragma GCC unroll 4
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 4
    for (int c = 0; c < columns; ++c) {
#pragma GCC unroll 4
      for (int v = 0; v < chains; ++v) sums[r][c][v] = L::spread(T(0));
    }
  }
  const T* a = p.a + i * p.a_row;
  const T* b = p.b + j * p.b_column;
  std::int64_t k = 0;
  for (; k + chains * width <= p.k; k += chains * width) {
#pragma GCC unroll 4
    for (int v = 0; v < chains; ++v) {
      typename L::V right[columns];
#pragma GCC unroll 4
      for (int c = 0; c < columns; ++c) right[c] = L::load(b + c * p.b_column + k + v * width);
#pragma GCC unroll 4
      for (int r = 0; r < rows; ++r) {
        const auto left = L::load(a + r * p.a_row + k + v * width);
#pragma GCC unroll 4
        for (int c = 0; c < columns; ++c) sums[r][c][v] = fused(left, right[c], sums[r][c][v]);
      }
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < rows; ++r) {
    typename L::V whole[columns];
#pragma GCC unroll 4
    for (int c = 0; c < columns; ++c) {
#pragma GCC unroll 2
      for (int half = chains / 2; half > 0; half /= 2) {
#pragma GCC unroll 2
        for (int v = 0; v < half; ++v) sums[r][c][v] += sums[r][c][v + half];
      }
      whole[c] = sums[r][c][0];
    }
    T sum[columns];
    totals<T, width, columns>(sum, whole);
    for (std::int64_t l = k; l < p.k; ++l) {
#pragma GCC unroll 4
      for (int c = 0; c < columns; ++c) {
        sum[c] = fused(a[r * p.a_row + l], b[c * p.b_column + l], sum[c]);
      }
    }
#pragma GCC unroll 4
    for (int c = 0; c < columns; ++c) write<T, 1>(p, i + r, j + c, sum[c]);
  }
}

template <typename T, int rows>
void inner_band(const Product<T>& p, std::int64_t i) {
  std::int64_t j = 0;
  if constexpr (rows > 1) {
    for (; j + 4 <= p.n; j += 4) inner_block<T, rows, 4, 1>(p, i, j);
  }
  for (; j < p.n; ++j) inner_block<T, rows, 1, 4>(p, i, j);
}

template <typename T>
void by_inner_products(const Product<T>& p) {
  // As many rows of four sums as the registers hold beside what they are made of.
  constexpr int rows = kVectorBytes == 64 ? 4 : 2;
  std::int64_t i = 0;
  for (; i + rows <= p.m; i += rows) inner_band<T, rows>(p, i);
  if constexpr (rows == 4) {
    if (p.m - i >= 2) {
      inner_band<T, 2>(p, i);
      i += 2;
    }
  }
  if (i < p.m) inner_band<T, 1>(p, i);
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
  if (p.a_column == 1 && p.b_row == 1) {
    if (p.n == 1 || (p.m > 3 && p.k >= kLongInner && (p.m <= kFewRows || p.n <= kFewRows))) {
      return by_inner_products(p);
    }
    if (p.m <= 3) return by_inner_products(transposed(p));
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
