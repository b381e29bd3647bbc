// The direct kernels of orthogonal factors, for matrices of up to kDirect rows: reflectors, and
// eigenvalues by Jacobi's rotations.  LAPACK's conventions, as in small.h.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "kernels/linalg/elements.h"

namespace pullback::kernels::small {

template <typename T>
Real<T> length(const T* x, int n) {
  using R = Real<T>;
  R greatest(0);
  for (int i = 0; i < n; ++i) greatest = std::max(greatest, measure(x[i]));
  if (!(greatest > R(0)) || !std::isfinite(greatest)) {
    R sum(0);
    for (int i = 0; i < n; ++i) sum += measure(x[i]);
    return sum;
  }
  R sum(0);
  for (int i = 0; i < n; ++i) {
    const T scaled = x[i] / greatest;
    sum += real_part(product(conjugate(scaled), scaled));
  }
  return greatest * std::sqrt(sum);
}

// The power of two of a number, at least that of the least normal one, and 1 for zero.
template <typename R>
R power_of_two(R x) {
  return x > R(0)
             ? std::ldexp(R(1), std::max(std::ilogb(x), std::ilogb(std::numeric_limits<R>::min())))
             : R(1);
}

// Applies the reflector I - tau v v^H (v[0] is 1) to n columns of m rows from the left.
template <typename T>
void reflect(const T* v, T tau, int m, int n, T* a, int lda) {
  for (int c = 0; c < n; ++c) {
    T* const column = a + c * lda;
    T inner = column[0];
    for (int i = 1; i < m; ++i) inner += product(conjugate(v[i]), column[i]);
    inner = product(inner, tau);
    column[0] -= inner;
    for (int i = 1; i < m; ++i) column[i] -= product(inner, v[i]);
  }
}

template <typename T>
void householder(T* a, int m, int n, int lda, T* tau) {
  const int k = std::min(m, n);
  for (int j = 0; j < k; ++j) {
    T* const x = a + j + j * lda;
    Real<T> rest = length(x + 1, m - j - 1);
    tau[j] = T(0);
    if (rest == Real<T>(0) && std::imag(x[0]) == Real<T>(0)) continue;
    Real<T> whole = std::hypot(std::abs(x[0]), rest);
    Real<T> scale(1);
    // The reciprocal of a length that is not normal is none.
    if (whole < std::numeric_limits<Real<T>>::min() / std::numeric_limits<Real<T>>::epsilon()) {
      scale = power_of_two(whole);
      for (int i = 0; i < m - j; ++i) x[i] /= scale;
      rest = length(x + 1, m - j - 1);
      whole = std::hypot(std::abs(x[0]), rest);
    }
    const Real<T> beta = real_part(x[0]) >= Real<T>(0) ? -whole : whole;
    tau[j] = (beta - x[0]) / beta;
    const T over = T(1) / (x[0] - beta);
    for (int i = 1; i < m - j; ++i) x[i] = product(x[i], over);
    reflect(x, conjugate(tau[j]), m - j, n - j - 1, x + lda, lda);
    x[0] = beta * scale;
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
    for (int i = 1; i < m - j; ++i) v[i] = product(v[i], -tau[j]);
    v[0] = T(1) - tau[j];
    std::fill_n(a + j * lda, j, T(0));
  }
}

// Eigenvalues in rising order, and vectors in the place of a Hermitian matrix if they are wanted,
// by Jacobi's rotations: Golub and Van Loan, "Matrix computations" (4th ed.), algorithm 8.5.3; an
// element is made real by a phase of its column before.  Of `a`, which is finite, both halves are
// read.  True when they have converged.
template <int kMost, typename R>
bool jacobi(std::complex<R>* a, int n, int lda, R* values, bool vectors) {
  using T = std::complex<R>;
  T v[kMost * kMost];
  R greatest(0);
  for (int j = 0; j < n; ++j) {
    for (int i = 0; i < n; ++i) {
      const T x = a[i + j * lda];
      greatest = std::max({greatest, std::abs(x.real()), std::abs(x.imag())});
    }
  }
  // Near 1 products neither overflow nor lose digits.
  const R scale = power_of_two(greatest);
  for (int j = 0; j < n; ++j) {
    for (int i = 0; i < n; ++i) {
      a[i + j * lda] /= scale;
      v[i + j * n] = T(i == j ? 1 : 0);
    }
  }
  const R small = greatest / scale * std::numeric_limits<R>::epsilon() / R(8);
  bool done = false;
  for (int sweep = 0; sweep < 40 && !done; ++sweep) {
    done = true;
    for (int q = 1; q < n; ++q) {
      for (int p = 0; p < q; ++p) {
        const T apq = a[p + q * lda];
        const R modulus = std::abs(apq);
        if (modulus <= small) continue;
        done = false;
        const T phase = apq / modulus;
        const R half = (a[q + q * lda].real() - a[p + p * lda].real()) / (R(2) * modulus);
        const R t = (half >= R(0) ? R(1) : R(-1)) / (std::abs(half) + std::hypot(R(1), half));
        const R c = R(1) / std::hypot(R(1), t);
        const R s = t * c;
        const auto turn = [c, s](T& x, T& y, T phase) {
          const T before = x;
          const T turned = product(y, phase);
          x = c * before - s * turned;
          y = s * before + c * turned;
        };
        const T back = conjugate(phase);
        for (int i = 0; i < n; ++i) turn(a[i + p * lda], a[i + q * lda], back);
        for (int i = 0; i < n; ++i) turn(a[p + i * lda], a[q + i * lda], phase);
        for (int i = 0; vectors && i < n; ++i) turn(v[i + p * n], v[i + q * n], back);
        // What rounding leaves of them would be turned for ever.
        a[p + q * lda] = a[q + p * lda] = T(0);
      }
    }
  }
  int order[kMost];
  const auto value = [&](int k) { return a[k + k * lda].real(); };
  for (int k = 0; k < n; ++k) {
    int place = k;
    for (; place > 0; --place) {
      const int before = order[place - 1];
      if (value(before) <= value(k)) break;
      order[place] = before;
    }
    order[place] = k;
  }
  for (int k = 0; k < n; ++k) values[k] = value(order[k]) * scale;
  for (int k = 0; vectors && k < n; ++k) std::copy_n(v + order[k] * n, n, a + k * lda);
  return done;
}

}  // namespace pullback::kernels::small
