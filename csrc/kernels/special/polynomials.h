// Orthogonal polynomials of whole degrees, by their recurrences (Abramowitz and Stegun, chapter
// 22).
//
// Gegenbauer's and Laguerre's have a parameter: that of a derivative is one higher, so derivatives
// of every order are of the same families.  Start reading at gegenbauer.
#pragma once

#include "kernels/special/pieces.h"

namespace pullback::kernels {
namespace PULLBACK_ISA {

// Runs next(k, before, last) for k = 2 .. n from the degrees 0 and 1; below 0, and for NaN, it is
// 0.
template <typename Next>
PULLBACK_INLINE double recur(double n, double zeroth, double first, Next next) {
  const double end = std::trunc(n);
  if (!(end >= 0.0)) return 0.0;
  if (end == 0.0) return zeroth;
  double before = zeroth, last = first;
  for (double k = 2.0; k <= end; k += 1.0) {
    const double value = next(k, before, last);
    before = last;
    last = value;
    if (value != value) break;
  }
  return last;
}

// C_n of parameter a > 0: Legendre's for 1/2, Chebyshev's of the second kind for 1.
inline double gegenbauer(double x, double n, double a) {
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

// Of the parameter a.
inline double laguerre(double x, double n, double a) {
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
