// The direct kernels of orthogonal factors, for matrices of up to kDirect rows: reflectors, and
// eigenvalues by Jacobi's rotations.  LAPACK's conventions, as in small.h.
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

// Eigenvalues in rising order, and vectors in the place of a symmetric matrix if they are wanted,
// by Jacobi's rotations: Golub and Van Loan, "Matrix computations" (4th ed.), algorithm 8.5.3.  Of
// `a` both halves are read.  True when they have converged.
template <typename T, int kMost>
bool jacobi(T* a, int n, int lda, T* values, bool vectors) {
  T v[kMost * kMost];
  T size(0);
  for (int j = 0; j < n; ++j) {
    std::fill_n(v + j * n, n, T(0));
    v[j + j * n] = T(1);
    for (int i = 0; i < n; ++i) size = std::max(size, std::abs(a[i + j * lda]));
  }
  const T small = size * std::numeric_limits<T>::epsilon() / T(8);
  bool done = size == T(0);
  for (int sweep = 0; sweep < 40 && !done; ++sweep) {
    done = true;
    for (int q = 1; q < n; ++q) {
      for (int p = 0; p < q; ++p) {
        const T apq = a[p + q * lda];
        if (std::abs(apq) <= small) continue;
        done = false;
        const T half = (a[q + q * lda] - a[p + p * lda]) / (T(2) * apq);
        const T t = (half >= T(0) ? T(1) : T(-1)) / (std::abs(half) + std::hypot(T(1), half));
        const T c = T(1) / std::hypot(T(1), t);
        const T s = t * c;
        const auto turn = [c, s](T& x, T& y) {
          const T before = x;
          x = c * before - s * y;
          y = s * before + c * y;
        };
        for (int i = 0; i < n; ++i) turn(a[i + p * lda], a[i + q * lda]);
        for (int i = 0; i < n; ++i) turn(a[p + i * lda], a[q + i * lda]);
        for (int i = 0; vectors && i < n; ++i) turn(v[i + p * n], v[i + q * n]);
      }
    }
  }
  int order[kMost];
  for (int k = 0; k < n; ++k) {
    int place = k;
    for (; place > 0; --place) {
      const int before = order[place - 1];
      if (a[before + before * lda] <= a[k + k * lda]) break;
      order[place] = before;
    }
    order[place] = k;
  }
  for (int k = 0; k < n; ++k) values[k] = a[order[k] + order[k] * lda];
  for (int k = 0; vectors && k < n; ++k) std::copy_n(v + order[k] * n, n, a + k * lda);
  return done;
}

}  // namespace pullback::kernels::small
