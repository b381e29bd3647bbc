// The direct kernels: factorisations and solutions of matrices of up to kDirect rows, in loops
// that the compiler sees whole.
//
// Matrices are column-major and dense in the first `n` or `m` rows unless strides are said; they
// lie in memory of the caller.  LAPACK's conventions: what `info` means, pivots that count from 1.
// NaN goes through as in LAPACK.
#pragma once

#include <cmath>
#include <cstddef>
#include <utility>

#include "kernels/linalg/elements.h"

namespace pullback::kernels::small {

// The lower factor in the place of a matrix whose lower half is read; a number above zero is the
// order of the first leading minor that is not positive.  `lda` from column to column.
template <typename T>
int cholesky(T* a, int n, int lda) {
  for (int j = 0; j < n; ++j) {
    T* const column = a + j * lda;
    for (int k = 0; k < j; ++k) {
      const T* const before = a + k * lda;
      const T factor = conjugate(before[j]);
      for (int i = j; i < n; ++i) column[i] -= product(factor, before[i]);
    }
    const Real<T> pivot = real_part(column[j]);
    if (!(pivot > Real<T>(0))) return j + 1;
    const Real<T> root = std::sqrt(pivot);
    const Real<T> inverse = Real<T>(1) / root;
    column[j] = root;
    for (int i = j + 1; i < n; ++i) column[i] *= inverse;
  }
  return 0;
}

// A triangle in any strides: element (i, j) is at i * row + j * column, or its conjugate.
template <typename T>
struct Triangle {
  const T* data;
  std::ptrdiff_t row;
  std::ptrdiff_t column;
  bool upper;
  bool unit;
  bool conjugated = false;
  T operator()(int i, int j) const { return conjugate_if(conjugated, data[i * row + j * column]); }
};

// Solves A x = b in the place of b, whose elements are `step` apart.
template <typename T>
void solve_triangle(const Triangle<T>& a, int n, T* b, std::ptrdiff_t step) {
  if (a.upper) {
    for (int j = n - 1; j >= 0; --j) {
      T x = b[j * step];
      if (!a.unit) b[j * step] = x /= a(j, j);
      for (int i = 0; i < j; ++i) b[i * step] -= product(a(i, j), x);
    }
  } else {
    for (int j = 0; j < n; ++j) {
      T x = b[j * step];
      if (!a.unit) b[j * step] = x /= a(j, j);
      for (int i = j + 1; i < n; ++i) b[i * step] -= product(a(i, j), x);
    }
  }
}

// P A = L U in the place of A, of m rows and n columns; `pivots` has min(m, n).
template <typename T>
int lu(T* a, int m, int n, int lda, int* pivots) {
  int info = 0;
  const int k = m < n ? m : n;
  for (int j = 0; j < k; ++j) {
    T* const column = a + j * lda;
    int best = j;
    Real<T> greatest = measure(column[j]);
    for (int i = j + 1; i < m; ++i) {
      const Real<T> size = measure(column[i]);
      if (size > greatest) {
        greatest = size;
        best = i;
      }
    }
    pivots[j] = best + 1;
    const bool is_zero = column[best] == T(0);
    if (is_zero && info == 0) info = j + 1;
    if (best != j) {
      for (int c = 0; c < n; ++c) std::swap(a[j + c * lda], a[best + c * lda]);
    }
    // Below a zero there may be NaN, which goes on.
    const T pivot = is_zero ? T(1) : column[j];
    for (int i = j + 1; i < m; ++i) column[i] /= pivot;
    for (int c = j + 1; c < n; ++c) {
      T* const other = a + c * lda;
      const T factor = other[j];
      for (int i = j + 1; i < m; ++i) other[i] -= product(column[i], factor);
    }
  }
  return info;
}

// Solves A x = b, or A^T x = b, in the place of b from the factors of A or of its conjugate.
template <typename T>
void solve_lu(const T* lu, int n, int ldlu, const int* pivots, bool transposed, bool conjugated,
              T* b) {
  const Triangle<T> lower{lu, 1, ldlu, false, true, conjugated};
  const Triangle<T> upper{lu, 1, ldlu, true, false, conjugated};
  if (!transposed) {
    for (int i = 0; i < n; ++i) std::swap(b[i], b[pivots[i] - 1]);
    solve_triangle(lower, n, b, 1);
    solve_triangle(upper, n, b, 1);
    return;
  }
  solve_triangle(Triangle<T>{lu, ldlu, 1, false, false, conjugated}, n, b, 1);
  solve_triangle(Triangle<T>{lu, ldlu, 1, true, true, conjugated}, n, b, 1);
  for (int i = n - 1; i >= 0; --i) std::swap(b[i], b[pivots[i] - 1]);
}

}  // namespace pullback::kernels::small
