// Bessel functions of orders 0 and 1 of both kinds, modified ones too, and the quotients
// J_n(x) / x^n and I_n(x) / x^n of any order, which derivatives are made of.
//
// Near 0 by power series, up to 8 by polynomials with the zeros divided out, beyond by the slow
// factors of their waves (Abramowitz and Stegun 9.2.5).  Start reading at bessel_j.
#pragma once

#include "kernels/special/bessel_tables.h"
#include "kernels/special/blocks.h"
#include "kernels/special/modified_bessel_tables.h"

namespace pullback::kernels {
namespace PULLBACK_ISA {

inline constexpr double kTwoOverPi = 0.63661977236758134308;
inline constexpr double kInverseRootPi = 0.56418958354775628695;

// sqrt(2 / (pi x)) (p cos(x - c) - q sin(x - c)) for x from 8 on, and for the second kind the same
// with sin and -cos, c = pi / 4; a quarter more for order 1.
template <int kOrder, bool kSecond>
PULLBACK_INLINE void far_waves(const double* x, double* out, int n) {
  double v[kBlock], p[kBlock], q[kBlock], sines_of[kBlock], cosines_of[kBlock];
  for (int i = 0; i < n; ++i) v[i] = 16.0 / x[i] * (16.0 / x[i]);
  if constexpr (kOrder == 0) {
    by_pieces<kP0>(v, 1.0, p, n);
    by_pieces<kQ0>(v, 1.0, q, n);
  } else {
    by_pieces<kP1>(v, 1.0, p, n);
    by_pieces<kQ1>(v, 1.0, q, n);
  }
  sines(x, sines_of, cosines_of, n);
  for (int i = 0; i < n; ++i) {
    const double s = sines_of[i], c = cosines_of[i], over = q[i] / x[i];
    const double cosine = kOrder == 0 ? c + s : s - c;
    const double sine = kOrder == 0 ? s - c : -(c + s);
    const double wave = kSecond ? p[i] * sine + over * cosine : p[i] * cosine - over * sine;
    out[i] = x[i] == kInf<double> ? 0.0 : wave * kInverseRootPi / square_root(x[i]);
  }
}

PULLBACK_INLINE double j0_series(double x) {
  return polynomial(x * x, 1.0, -1.0 / 4, 1.0 / 64, -1.0 / 2304, 1.0 / 147456, -1.0 / 14745600,
                    1.0 / 2123366400, -1.0 / 416179814400);
}
template <int kOrder>
inline void bessel_j(const double* x, double* out, int n) {
  double a[kBlock], far[kBlock];
  for (int i = 0; i < n; ++i) a[i] = absolute(x[i]);
  const bool is_far = any_of(a, n, [](double each) { return each >= 8.0; });
  if (!is_far || any_of(a, n, [](double each) { return each < 8.0; })) {
    if constexpr (kOrder == 0) {
      by_pieces<kJ0>(a, 1.0, out, n);
      for (int i = 0; i < n; ++i) {
        out[i] = a[i] < 0.5 ? j0_series(a[i]) : factors(kJ0Zeros, a[i]) * out[i];
      }
    } else {
      by_pieces<kJ1>(a, 1.0, out, n);
      for (int i = 0; i < n; ++i) out[i] = x[i] * factors(kJ1Zeros, a[i]) * out[i];
    }
  }
  if (!is_far) return;
  far_waves<kOrder, false>(a, far, n);
  for (int i = 0; i < n; ++i) {
    const double wave = kOrder == 0 ? far[i] : with_sign(1.0, x[i]) * far[i];
    out[i] = a[i] < 8.0 ? out[i] : wave;
  }
}

// Near 0, where the logarithm is.
template <int kOrder>
PULLBACK_INLINE void near_y(const double* x, double* out, int n) {
  double square[kBlock], rest[kBlock], j1[kBlock];
  for (int i = 0; i < n; ++i) square[i] = x[i] * x[i];
  if constexpr (kOrder == 0) {
    by_pieces<kY0Rest>(square, 4.0, rest, n);
  } else {
    by_pieces<kY1Rest>(square, 4.0, rest, n);
    by_pieces<kJ1>(x, 1.0, j1, n);
  }
  for (int i = 0; i < n; ++i) {
    const double logarithm = kTwoOverPi * log(0.5 * x[i]);
    if constexpr (kOrder == 0) {
      out[i] = logarithm * j0_series(x[i]) + rest[i];
    } else {
      const double j = x[i] * factors(kJ1Zeros, x[i]) * j1[i];
      out[i] = (logarithm * j + x[i] * rest[i]) - kTwoOverPi / x[i];
    }
  }
}
template <int kOrder>
inline void bessel_y(const double* x, double* out, int n) {
  double other[kBlock];
  for (int i = 0; i < n; ++i) out[i] = x[i] == 0.0 ? -kInf<double> : kNan<double>;
  if (any_of(x, n, [](double each) { return (each >= 0.5) & (each < 8.0); })) {
    if constexpr (kOrder == 0) {
      by_octaves<kY0>(x, -1, other, n);
    } else {
      by_octaves<kY1>(x, -1, other, n);
    }
    for (int i = 0; i < n; ++i) {
      const double zeros = kOrder == 0 ? factors(kY0Zeros, x[i]) : factors(kY1Zeros, x[i]);
      out[i] = ((x[i] >= 0.5) & (x[i] < 8.0)) ? zeros * other[i] : out[i];
    }
  }
  if (any_of(x, n, [](double each) { return (each > 0.0) & (each < 0.5); })) {
    near_y<kOrder>(x, other, n);
    for (int i = 0; i < n; ++i) out[i] = ((x[i] > 0.0) & (x[i] < 0.5)) ? other[i] : out[i];
  }
  if (any_of(x, n, [](double each) { return each >= 8.0; })) {
    far_waves<kOrder, true>(x, other, n);
    for (int i = 0; i < n; ++i) out[i] = x[i] >= 8.0 ? other[i] : out[i];
  }
}

// exp(a) y, also where exp(a) alone overflows.
PULLBACK_INLINE double raised(double a, double y) {
  const double half = exp(0.5 * a);
  return a < 700.0 ? exp(a) * y : half * y * half;
}

// I0 and I1, scaled by exp(-|x|) or not.
template <int kOrder, bool kScaled>
inline void bessel_i(const double* x, double* out, int n) {
  double a[kBlock], far[kBlock];
  for (int i = 0; i < n; ++i) a[i] = absolute(x[i]);
  const bool is_far = any_of(a, n, [](double each) { return each >= 8.0; });
  if (!is_far || any_of(a, n, [](double each) { return each < 8.0; })) {
    if constexpr (kOrder == 0) {
      by_pieces<kI0>(a, 1.0, out, n);
    } else {
      by_pieces<kI1>(a, 1.0, out, n);
      for (int i = 0; i < n; ++i) out[i] *= x[i];
    }
  }
  if (is_far) {
    double inverse[kBlock];
    for (int i = 0; i < n; ++i) inverse[i] = 64.0 / a[i];
    if constexpr (kOrder == 0) {
      by_pieces<kI0Far>(inverse, 1.0, far, n);
    } else {
      by_pieces<kI1Far>(inverse, 1.0, far, n);
    }
    for (int i = 0; i < n; ++i) {
      const double y = far[i] / square_root(a[i]);
      out[i] = a[i] < 8.0 ? out[i] : kOrder == 0 ? y : with_sign(y, x[i]);
    }
  }
  if constexpr (!kScaled) {
    for (int i = 0; i < n; ++i) {
      const double y = raised(a[i], out[i]);
      out[i] = a[i] == kInf<double> ? (kOrder == 0 ? a[i] : x[i]) : y;
    }
  }
}

// Those of the second kind fall like exp(-x); scaled ones do not.
inline double bessel_k0(double x, bool scaled) {
  if (!(x > 0.0)) return x == 0.0 ? kInf<double> : kNan<double>;
  if (x < 0.5) {
    const double y =
        by_piece(kK0Rest, x * x, 4.0) - std::log(0.5 * x) * (std::exp(x) * by_piece(kI0, x, 1.0));
    return scaled ? y * std::exp(x) : y;
  }
  const double y = x < 8.0 ? by_octave(kK0, x, -1) : by_piece(kK0Far, 64.0 / x, 1.0);
  return (scaled ? y : y * std::exp(-x)) / std::sqrt(x);
}
inline double bessel_k1(double x, bool scaled) {
  if (!(x > 0.0)) return x == 0.0 ? kInf<double> : kNan<double>;
  if (x < 0.5) {
    const double rest = std::log(0.5 * x) * (std::exp(x) * x * by_piece(kI1, x, 1.0)) +
                        x * by_piece(kK1Rest, x * x, 4.0);
    const double y = rest + 1.0 / x;
    return scaled ? y * std::exp(x) : y;
  }
  const double y = x < 8.0 ? by_octave(kK1, x, -1) : by_piece(kK1Far, 64.0 / x, 1.0);
  return (scaled ? y : y * std::exp(-x)) / std::sqrt(x);
}

inline void spherical_j0(const double* x, double* out, int n) {
  for (int i = 0; i < n; ++i) out[i] = x[i] == 0.0 ? 1.0 : sin_moderate(x[i]) / x[i];
  if (!any_of(x, n, [](double each) { return absolute(each) > kTrigMax; })) return;
  for (int i = 0; i < n; ++i) {
    if (!(absolute(x[i]) > kTrigMax)) continue;
    out[i] = absolute(x[i]) == kInf<double> ? 0.0 : std::sin(x[i]) / x[i];
  }
}

// The power series of f_nu(x) / x^nu over its value at 0; sign is -1 for J and 1 for I.
PULLBACK_INLINE double bessel_series(double nu, double x, double sign) {
  const double square = sign * 0.25 * x * x;
  double term = 1.0, sum = 1.0;
  for (double k = 1.0; k < 5000.0; k += 1.0) {
    term *= square / (k * (nu + k));
    sum += term;
    if (absolute(term) <= 1e-17 * absolute(sum)) break;
  }
  return sum;
}

// J_n(x) / x^n, or with half an order more sqrt(pi / 2) times that: j_n(x) / x^n.  From x of the
// size of n on by the recurrence from the orders 0 and 1.
inline double bessel_j_over_power(double x, double n, bool spherical) {
  x = absolute(x);
  if (x != x) return x;
  if (x == kInf<double>) return 0.0;
  if (x < n + 2.0) {
    const double nu = spherical ? n + 0.5 : n;
    double first = 1.0;  // 1 / (2^n n!), or 1 / (1 3 5 ... (2n + 1))
    for (double k = 1.0; k <= n; k += 1.0) first /= spherical ? 2.0 * k + 1.0 : 2.0 * k;
    return first * bessel_series(nu, x, -1.0);
  }
  double before = alone(spherical ? spherical_j0 : bessel_j<0>, x);
  double last = spherical ? (before - std::cos(x)) / x : alone(bessel_j<1>, x);
  for (double k = 1.0; k < n; k += 1.0) {
    const double next = (2.0 * k + (spherical ? 1.0 : 0.0)) / x * last - before;
    before = last;
    last = next;
  }
  return n == 0.0 ? before : last / std::pow(x, n);
}

// I_n(x) / x^n, scaled by exp(-|x|) or not: the series, or far out the asymptotic one
// (Abramowitz and Stegun 9.7.1).
inline double bessel_i_over_power(double x, double n, bool scaled) {
  x = absolute(x);
  if (x != x) return x;
  if (x < 60.0 + n * n) {
    double first = 1.0;
    for (double k = 1.0; k <= n; k += 1.0) first /= 2.0 * k;
    const double part = scaled ? std::exp(-0.5 * x) : 1.0;  // in halves: the series is large
    return first * part * bessel_series(n, x, 1.0) * part;
  }
  double term = 1.0, sum = 1.0;
  for (double k = 1.0; k < 60.0; k += 1.0) {
    const double odd = 2.0 * k - 1.0;
    term *= -(4.0 * n * n - odd * odd) / (8.0 * k * x);
    sum += term;
    if (absolute(term) <= 1e-17) break;
  }
  const double y = sum / (std::sqrt(2.0 * 3.14159265358979323846 * x) * std::pow(x, n));
  return scaled ? y : raised(x, y);
}

}  // namespace PULLBACK_ISA
}  // namespace pullback::kernels
