// The direct kernels of orthogonal factors, for matrices of up to kDirect rows: reflectors, and
// eigenvalues and singular values by Jacobi's rotations.  LAPACK's conventions, as in small.h.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace pullback::kernels::small {

template <typename T>
T length(const T* x, int n) {
  T greatest(0);
  for (int i = 0; i < n; ++i) greatest = std::max(greatest, std::abs(x[i]));
  if (!(greatest > T(0)) || !std::isfinite(greatest)) {
    T sum(0);
    for (int i = 0; i < n; ++i) sum += std::abs(x[i]);
    return sum;
  }
  T sum(0);
  for (int i = 0; i < n; ++i) sum += x[i] / greatest * (x[i] / greatest);
  return greatest * std::sqrt(sum);
}

// Applies the reflector of `v` (v[0] is 1) to n columns of m rows from the left.
template <typename T>
void reflect(const T* v, T tau, int m, int n, T* a, int lda) {
  for (int c = 0; c < n; ++c) {
    T* const column = a + c * lda;
    T inner = column[0];
    for (int i = 1; i < m; ++i) inner += v[i] * column[i];
    inner *= tau;
    column[0] -= inner;
    for (int i = 1; i < m; ++i) column[i] -= inner * v[i];
  }
}

template <typename T>
void householder(T* a, int m, int n, int lda, T* tau) {
  const int k = std::min(m, n);
  for (int j = 0; j < k; ++j) {
    T* const x = a + j + j * lda;
    const T rest = length(x + 1, m - j - 1);
    tau[j] = T(0);
    if (rest == T(0)) continue;
    const T whole = std::hypot(x[0], rest);
    const T beta = x[0] >= T(0) ? -whole : whole;
    tau[j] = (beta - x[0]) / beta;
    const T scale = T(1) / (x[0] - beta);
    for (int i = 1; i < m - j; ++i) x[i] *= scale;
    reflect(x, tau[j], m - j, n - j - 1, x + lda, lda);
    x[0] = beta;
  }
}

template <typename T>
void householder_product(T* a, int m, int n, int k, int lda, const T* tau) {
  for (int c = k; c < n; ++c) {
    std::fill_n(a + c * lda, m, T(0));
    a[c + c * lda] = T(1);
  }
  for (int j = k - 1; j >= 0; --j) {
    T* const v = a + j + j * lda;
    reflect(v, tau[j], m - j, n - j - 1, v + lda, lda);
    for (int i = 1; i < m - j; ++i) v[i] *= -tau[j];
    v[0] = T(1) - tau[j];
    std::fill_n(a + j * lda, j, T(0));
  }
}

}  // namespace pullback::kernels::small
