// Hurwitz's zeta function, the sum of (q + k)^-s over k = 0, 1, ..., and polygamma functions.
//
// The first terms, then Euler's summation formula; far to the left of 0 the terms on both sides are
// two such sums.  Start reading at zeta.
#pragma once

#include "kernels/special/blocks.h"
#include "kernels/special/gamma.h"

namespace pullback::kernels {
namespace PULLBACK_ISA {

// For s > 1 and q that is no whole number up to 0; times unit^s.
inline double zeta_sum(double s, double first, double unit = 1.0) {
  double q = first, sum = 0.0, lost = 0.0;  // Kahan's
  const double end = 14.0 + s;
  for (double k = 1.0; q < end; k += 1.0) {
    const double term = std::pow(q / unit, -s), next = term - lost, total = sum + next;
    if (absolute(term) == kInf<double>) return term;
    lost = (total - sum) - next;
    sum = total;
    if (q > 0.0 && term <= 1e-18 * absolute(sum)) return sum;
    q = first + k;
  }
  const double power = std::pow(q / unit, -s);
  // Bernoulli's numbers over factorials: B_2 / 2!, B_4 / 4!, ...
  constexpr double kBernoulli[] = {0.08333333333333333,    -0.001388888888888889,
                                   3.306878306878307e-05,  -8.267195767195768e-07,
                                   2.08767569878681e-08,   -5.284190138687493e-10,
                                   1.3382536530684679e-11, -3.3896802963225827e-13,
                                   8.586062056277845e-15,  -2.174868698558062e-16};
  double rest = 0.5, factor = s / q, k = s + 1.0;
  for (const double b : kBernoulli) {
    const double term = b * factor;
    rest += term;
    if (absolute(term) <= 1e-18) break;
    factor *= k * (k + 1.0) / (q * q);
    k += 2.0;
  }
  return sum + power * (q / (s - 1.0) + rest);
}

inline double zeta(double s, double q) {
  if (s != s || q != q) return s + q;
  if (s == 1.0) return kInf<double>;
  if (s < 1.0) return kNan<double>;
  if (q <= 0.0) {
    if (q == std::floor(q)) return kInf<double>;
    if (s != std::floor(s)) return kNan<double>;
    if (q < -50.0) {
      const double fraction = -q - std::floor(-q);
      const double sign = std::fmod(s, 2.0) == 0.0 ? 1.0 : -1.0;
      const double both = zeta_sum(s, 1.0 - fraction) + sign * zeta_sum(s, fraction);
      return both - sign * zeta_sum(s, 1.0 - q);
    }
  }
  if (q == kInf<double> || s == kInf<double>) {
    return q == kInf<double> ? 0.0 : q > 1.0 ? 0.0 : q == 1.0 ? 1.0 : kInf<double>;
  }
  return zeta_sum(s, q);
}

// polygamma(1, x) for x > 0: the asymptotic series from 10 on (Abramowitz and Stegun 6.4.12) and
// the terms before, the least first.
inline void trigamma(const double* x, double* out, int n) {
  // Bernoulli's numbers B_2, B_4, ..., B_18.
  constexpr double kBernoulli[] = {0.16666666666666666,  -0.03333333333333333, 0.023809523809523808,
                                   -0.03333333333333333, 0.07575757575757576,  -0.2531135531135531,
                                   1.1666666666666667,   -7.092156862745098,   54.971177944862156};
  for (int i = 0; i < n; ++i) {
    const double steps = x[i] < 10.0 ? __builtin_ceil(10.0 - x[i]) : 0.0;
    const double q = x[i] + steps, r = 1.0 / (q * q);
    double rest = 0.0;
    for (int k = 8; k >= 0; --k) rest = (rest + kBernoulli[k]) * r;
    double sum = 1.0 / q + (0.5 * r + rest / q);
    for (double k = 9.0; k >= 0.0; k -= 1.0) {
      const double at = x[i] + k;
      sum += k < steps ? 1.0 / (at * at) : 0.0;
    }
    out[i] = sum;
  }
}

// The n-th derivative of digamma, n > 0, is (-1)^(n+1) n! zeta(n + 1, x); n = 1 reflects negative
// arguments.
inline double polygamma(double n, double x) {
  if (n == 1.0 && x < 0.0) {
    constexpr double kPi = 3.14159265358979323846;
    const double sine = std::sin(kPi * (x - std::nearbyint(x)));
    return kPi * kPi / (sine * sine) - polygamma(n, 1.0 - x);
  }
  const double sign = std::fmod(n, 2.0) == 1.0 ? 1.0 : -1.0, s = n + 1.0;
  if (x <= 0.0 && x == std::floor(x)) return sign * kInf<double>;
  if (x == kInf<double>) return 0.0;
  // Far to the right the first term of the asymptotic series is all.
  if (x > 0x1p60 * s) return sign * std::tgamma(n) * std::pow(x, -n);
  if (n == 1.0 && x > 0.0) return alone(trigamma, x);
  // Terms are counted in units near the first one where that might vanish, or factorials overflow.
  if (n > 169.0 && x > 0.0) {
    return sign * std::exp(log_gamma(s) - s * std::log(x)) * zeta_sum(s, x, x);
  }
  if (x >= 2.0) {
    const int power = std::ilogb(x);
    const double scale = std::ldexp(std::tgamma(s), -power * static_cast<int>(s));
    return sign * scale * zeta_sum(s, x, std::ldexp(1.0, power));
  }
  return sign * std::tgamma(s) * zeta(s, x);
}

}  // namespace PULLBACK_ISA
}  // namespace pullback::kernels
