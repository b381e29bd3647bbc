// Orthogonal polynomials of whole degrees, by their recurrences (Abramowitz and Stegun, chapter
// 22).
//
// Gegenbauer's and Laguerre's have a parameter: that of a derivative is one higher, so derivatives
// of every order are of the same families.  Start reading at by_recurrence.
#pragma once

#include "kernels/special/pieces.h"

namespace pullback::kernels {
namespace PULLBACK_ISA {

// Polynomials of other degrees are 0: below 0, NaN, and what 64 bits do not hold.
PULLBACK_INLINE bool is_degree(double n) { return (n > -1.0) & (n < 0x1p63); }
inline bool is_odd(double n) { return std::fmod(std::trunc(n), 2.0) == 1.0; }

// Degrees above this are not reached step by step: NaN.
inline constexpr double kMostSteps = 0x1p30;

// A family of polynomials: those of degrees 0 and 1 are 1 and first(x), the others come of
// next(k, x, before, last); is_direct() says where value() is to be taken instead.
//
// out[i] of x[i] and the degree n[i], in steps for all i at once.
template <int kMost, typename Family>
PULLBACK_INLINE void by_recurrence(const Family& family, const double* x, const double* n,
                                   double* out, int count) {
  double degree[kMost], before[kMost], last[kMost];
  double highest = 0.0;
  bool any_direct = false;
  for (int i = 0; i < count; ++i) {
    const bool is_direct = family.is_direct(x[i], n[i]);
    any_direct |= is_direct;
    const bool steps = is_degree(n[i]) & (n[i] < kMostSteps + 1.0) & !is_direct;
    degree[i] = steps ? __builtin_trunc(n[i]) : 0.0;
    highest = degree[i] > highest ? degree[i] : highest;
    before[i] = 1.0;
    last[i] = family.first(x[i]);
  }
  bool is_busy = true;
  for (double k = 2.0; k <= highest && is_busy; k += 1.0) {
    for (int i = 0; i < count; ++i) {
      const double value = family.next(k, x[i], before[i], last[i]);
      before[i] = k <= degree[i] ? last[i] : before[i];
      last[i] = k <= degree[i] ? value : last[i];
    }
    if (std::fmod(k, 1024.0) != 0.0) continue;
    is_busy = false;  // NaN stays
    for (int i = 0; i < count; ++i) is_busy |= k < degree[i] && last[i] == last[i];
  }
  for (int i = 0; i < count; ++i) {
    const double value = degree[i] == 0.0 ? 1.0 : last[i];
    const double reached = n[i] < kMostSteps + 1.0 ? value : kNan<double>;
    out[i] = is_degree(n[i]) ? reached : 0.0;
  }
  for (int i = 0; any_direct && i < count; ++i) {
    if (is_degree(n[i]) && family.is_direct(x[i], n[i])) out[i] = family.value(x[i], n[i]);
  }
}

// The binomial coefficient of n + m and m.
inline double choices(double n, double m) {
  double product = 1.0;
  for (double k = 1.0; k <= m; k += 1.0) product = product * (std::trunc(n) + k) / k;
  return product;
}

// C_n of a parameter a > 0 that is half a whole number: Legendre's for 1/2, Chebyshev's of the
// second kind for 1.
struct GegenbauerOf {
  double a;
  bool is_direct(double x, double) const { return absolute(x) == 1.0; }
  double value(double x, double n) const {
    return choices(n, 2.0 * a - 1.0) * (x < 0.0 && is_odd(n) ? -1.0 : 1.0);
  }
  double first(double x) const { return 2.0 * a * x; }
  double next(double k, double x, double before, double last) const {
    return (2.0 * x * (k + a - 1.0) * last - (k + 2.0 * a - 2.0) * before) / k;
  }
};

// The four kinds of Chebyshev's polynomials have one recurrence; degree 1 tells them apart.  Of
// large degrees they are quotients of waves between -1 and 1.
enum class Chebyshev { T, U, V, W };
template <Chebyshev kKind>
struct ChebyshevOf {
  static constexpr double kFrom = 64.0;
  bool is_direct(double x, double n) const {
    return (absolute(x) == 1.0) | ((n > kFrom) & (absolute(x) < 1.0));
  }
  double value(double x, double n) const {
    if (absolute(x) == 1.0) {
      const double sign = x < 0.0 && is_odd(n) ? -1.0 : 1.0;
      if constexpr (kKind == Chebyshev::T) return sign;
      if constexpr (kKind == Chebyshev::U) return sign * (std::trunc(n) + 1.0);
      const bool is_one = (x > 0.0) == (kKind == Chebyshev::V);
      return sign * (is_one ? 1.0 : 2.0 * std::trunc(n) + 1.0);
    }
    const double angle = std::acos(x), degree = std::trunc(n);
    if constexpr (kKind == Chebyshev::T) return std::cos(degree * angle);
    if constexpr (kKind == Chebyshev::U) return std::sin((degree + 1.0) * angle) / std::sin(angle);
    if constexpr (kKind == Chebyshev::V) {
      return std::cos((degree + 0.5) * angle) / std::cos(0.5 * angle);
    }
    return std::sin((degree + 0.5) * angle) / std::sin(0.5 * angle);
  }
  double first(double x) const {
    constexpr double kFirst = kKind == Chebyshev::V ? -1.0 : kKind == Chebyshev::W ? 1.0 : 0.0;
    return kKind == Chebyshev::T ? x : 2.0 * x + kFirst;
  }
  double next(double, double x, double before, double last) const {
    return 2.0 * x * last - before;
  }
};

// Of the parameter a, a whole number.
struct LaguerreOf {
  double a;
  bool is_direct(double x, double) const { return x == 0.0; }
  double value(double, double n) const { return choices(n, a); }
  double first(double x) const { return 1.0 + a - x; }
  double next(double k, double x, double before, double last) const {
    return ((2.0 * k - 1.0 + a - x) * last - (k - 1.0 + a) * before) / k;
  }
};
// Those of the physicists for factor 2, of the theory of probability for 1.
struct HermiteOf {
  double factor;
  bool is_direct(double, double) const { return false; }
  double value(double, double) const { return 0.0; }
  double first(double x) const { return factor * x; }
  double next(double k, double x, double before, double last) const {
    return factor * (x * last - (k - 1.0) * before);
  }
};

}  // namespace PULLBACK_ISA
}  // namespace pullback::kernels
