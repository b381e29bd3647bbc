// Bessel functions of orders 0 and 1 of both kinds, modified ones too, and the quotients
// J_n(x) / x^n and I_n(x) / x^n of any order, which derivatives are made of.
//
// Near 0 by power series, up to 8 by polynomials with the zeros divided out, beyond by the slow
// factors of their waves (Abramowitz and Stegun 9.2.5).  Start reading at bessel_j0.
#pragma once

#include "kernels/special/bessel_tables.h"
#include "kernels/special/modified_bessel_tables.h"
#include "kernels/special/pieces.h"

namespace pullback::kernels {
namespace PULLBACK_ISA {

inline constexpr double kTwoOverPi = 0.63661977236758134308;
inline constexpr double kInverseRootPi = 0.56418958354775628695;

// sqrt(2 / (pi x)) (p cos(x - c) - q sin(x - c)), and the same with sin and -cos, c = pi / 4;
// a quarter more for order 1.
template <typename P, typename Q>
PULLBACK_INLINE double far_wave(double x, bool second, bool order_one, const P& p_table,
                                const Q& q_table) {
  if (x == kInf<double>) return 0.0;
  const double v = 16.0 / x * (16.0 / x);
  const double p = by_piece(p_table, v, 1.0);
  const double q = by_piece(q_table, v, 1.0) / x;
  const double s = std::sin(x), c = std::cos(x);
  double cosine = c + s, sine = s - c;
  if (order_one) {
    const double turned = sine;
    sine = -cosine;
    cosine = turned;
  }
  const double wave = second ? p * sine + q * cosine : p * cosine - q * sine;
  return wave * kInverseRootPi / std::sqrt(x);
}

inline double bessel_j0(double x) {
  x = absolute(x);
  if (x < 0.5) {
    return polynomial(x * x, 1.0, -1.0 / 4, 1.0 / 64, -1.0 / 2304, 1.0 / 147456, -1.0 / 14745600,
                      1.0 / 2123366400, -1.0 / 416179814400);
  }
  if (x < 8.0) return factors(kJ0Zeros, x) * by_piece(kJ0, x, 1.0);
  return x == x ? far_wave(x, false, false, kP0, kQ0) : x;
}
inline double bessel_j1(double x) {
  const double a = absolute(x);
  if (a < 8.0) return x * factors(kJ1Zeros, a) * by_piece(kJ1, a, 1.0);
  return x == x ? with_sign(1.0, x) * far_wave(a, false, true, kP1, kQ1) : x;
}
inline double bessel_y0(double x) {
  if (!(x > 0.0)) return x == 0.0 ? -kInf<double> : kNan<double>;
  if (x < 0.5) {
    return kTwoOverPi * std::log(0.5 * x) * bessel_j0(x) + by_piece(kY0Rest, x * x, 4.0);
  }
  if (x < 8.0) return factors(kY0Zeros, x) * by_octave(kY0, x, -1);
  return far_wave(x, true, false, kP0, kQ0);
}
inline double bessel_y1(double x) {
  if (!(x > 0.0)) return x == 0.0 ? -kInf<double> : kNan<double>;
  if (x < 0.5) {
    const double rest = kTwoOverPi * std::log(0.5 * x) * bessel_j1(x);
    return (rest + x * by_piece(kY1Rest, x * x, 4.0)) - kTwoOverPi / x;
  }
  if (x < 8.0) return factors(kY1Zeros, x) * by_octave(kY1, x, -1);
  return far_wave(x, true, true, kP1, kQ1);
}

// exp(-|x|) times I0 and I1.
inline double bessel_i0e(double x) {
  const double a = absolute(x);
  if (a < 8.0) return by_piece(kI0, a, 1.0);
  return a == a ? by_piece(kI0Far, 64.0 / a, 1.0) / std::sqrt(a) : x;
}
inline double bessel_i1e(double x) {
  const double a = absolute(x);
  if (a < 8.0) return x * by_piece(kI1, a, 1.0);
  return a == a ? with_sign(by_piece(kI1Far, 64.0 / a, 1.0) / std::sqrt(a), x) : x;
}

// exp(a) y, also where exp(a) alone overflows.
PULLBACK_INLINE double raised(double a, double y) {
  if (a < 700.0) return std::exp(a) * y;
  const double half = std::exp(0.5 * a);
  return half * y * half;
}
inline double bessel_i0(double x) {
  const double a = absolute(x);
  return a == kInf<double> ? a : raised(a, bessel_i0e(x));
}
inline double bessel_i1(double x) {
  const double a = absolute(x);
  return a == kInf<double> ? x : raised(a, bessel_i1e(x));
}

// Those of the second kind fall like exp(-x); scaled ones do not.
inline double bessel_k0(double x, bool scaled) {
  if (!(x > 0.0)) return x == 0.0 ? kInf<double> : kNan<double>;
  if (x < 0.5) {
    const double y = by_piece(kK0Rest, x * x, 4.0) - std::log(0.5 * x) * bessel_i0(x);
    return scaled ? y * std::exp(x) : y;
  }
  const double y = x < 8.0 ? by_octave(kK0, x, -1) : by_piece(kK0Far, 64.0 / x, 1.0);
  return (scaled ? y : y * std::exp(-x)) / std::sqrt(x);
}
inline double bessel_k1(double x, bool scaled) {
  if (!(x > 0.0)) return x == 0.0 ? kInf<double> : kNan<double>;
  if (x < 0.5) {
    const double rest = std::log(0.5 * x) * bessel_i1(x) + x * by_piece(kK1Rest, x * x, 4.0);
    const double y = rest + 1.0 / x;
    return scaled ? y * std::exp(x) : y;
  }
  const double y = x < 8.0 ? by_octave(kK1, x, -1) : by_piece(kK1Far, 64.0 / x, 1.0);
  return (scaled ? y : y * std::exp(-x)) / std::sqrt(x);
}

inline double spherical_j0(double x) {
  if (absolute(x) <= kTrigMax) return x == 0.0 ? 1.0 : sin_moderate(x) / x;
  return absolute(x) == kInf<double> ? 0.0 : std::sin(x) / x;
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
  double before = spherical ? spherical_j0(x) : bessel_j0(x);
  double last = spherical ? (before - std::cos(x)) / x : bessel_j1(x);
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
