// Orthogonal polynomials of whole degrees, by their recurrences (Abramowitz and Stegun, chapter
// 22).
//
// Gegenbauer's and Laguerre's have a parameter: that of a derivative is one higher, so derivatives
// of every order are of the same families.  Start reading at gegenbauer.
#pragma once

#include "kernels/special/pieces.h"

namespace pullback::kernels {
namespace PULLBACK_ISA {

// Polynomials of other degrees are 0: below 0, NaN, and what 64 bits do not hold.
inline bool is_degree(double n) { return n > -1.0 && n < 0x1p63; }
inline bool is_odd(double n) { return std::fmod(std::trunc(n), 2.0) == 1.0; }

// Degrees above this are not reached step by step: NaN.
inline constexpr double kMostSteps = 0x1p30;

// Runs next(k, before, last) for k = 2 .. n from the degrees 0 and 1.
template <typename Next>
PULLBACK_INLINE double recur(double n, double zeroth, double first, Next next) {
  const double end = std::trunc(n);
  if (!is_degree(n)) return 0.0;
  if (end == 0.0) return zeroth;
  if (end > kMostSteps) return std::numeric_limits<double>::quiet_NaN();
  double before = zeroth, last = first;
  for (double k = 2.0; k <= end; k += 1.0) {
    const double value = next(k, before, last);
    before = last;
    last = value;
    if (value != value) break;
  }
  return last;
}

// The binomial coefficient of n + m and m.
inline double choices(double n, double m) {
  double product = 1.0;
  for (double k = 1.0; k <= m; k += 1.0) product = product * (std::trunc(n) + k) / k;
  return product;
}

// C_n of a parameter a > 0 that is half a whole number: Legendre's for 1/2, Chebyshev's of the
// second kind for 1.
inline double gegenbauer(double x, double n, double a) {
  if (absolute(x) == 1.0 && is_degree(n)) {
    return choices(n, 2.0 * a - 1.0) * (x < 0.0 && is_odd(n) ? -1.0 : 1.0);
  }
  return recur(n, 1.0, 2.0 * a * x, [=](double k, double before, double last) {
    return (2.0 * x * (k + a - 1.0) * last - (k + 2.0 * a - 2.0) * before) / k;
  });
}

// The four kinds of Chebyshev's polynomials have one recurrence; degree 1 tells them apart.  Of
// large degrees they are quotients of waves between -1 and 1.
enum class Chebyshev { T, U, V, W };
template <Chebyshev kKind>
inline double chebyshev(double x, double n) {
  constexpr double kFrom = 64.0;
  if (!is_degree(n)) return 0.0;
  if (absolute(x) == 1.0) {
    const double sign = x < 0.0 && is_odd(n) ? -1.0 : 1.0;
    if constexpr (kKind == Chebyshev::T) return sign;
    if constexpr (kKind == Chebyshev::U) return sign * (std::trunc(n) + 1.0);
    const bool is_one = (x > 0.0) == (kKind == Chebyshev::V);
    return sign * (is_one ? 1.0 : 2.0 * std::trunc(n) + 1.0);
  }
  if (n > kFrom && absolute(x) < 1.0) {
    const double angle = std::acos(x), degree = std::trunc(n);
    if constexpr (kKind == Chebyshev::T) return std::cos(degree * angle);
    if constexpr (kKind == Chebyshev::U) return std::sin((degree + 1.0) * angle) / std::sin(angle);
    if constexpr (kKind == Chebyshev::V) {
      return std::cos((degree + 0.5) * angle) / std::cos(0.5 * angle);
    }
    return std::sin((degree + 0.5) * angle) / std::sin(0.5 * angle);
  }
  constexpr double kFirst = kKind == Chebyshev::V ? -1.0 : kKind == Chebyshev::W ? 1.0 : 0.0;
  const double first = kKind == Chebyshev::T ? x : 2.0 * x + kFirst;
  return recur(n, 1.0, first,
               [=](double, double before, double last) { return 2.0 * x * last - before; });
}

// Of the parameter a, a whole number.
inline double laguerre(double x, double n, double a) {
  if (x == 0.0 && is_degree(n)) return choices(n, a);
  return recur(n, 1.0, 1.0 + a - x, [=](double k, double before, double last) {
    return ((2.0 * k - 1.0 + a - x) * last - (k - 1.0 + a) * before) / k;
  });
}
// Those of the physicists for factor 2, of the theory of probability for 1.
inline double hermite(double x, double n, double factor) {
  return recur(n, 1.0, factor * x, [=](double k, double before, double last) {
    return factor * (x * last - (k - 1.0) * before);
  });
}

}  // namespace PULLBACK_ISA
}  // namespace pullback::kernels
