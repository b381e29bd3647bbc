// Hurwitz's zeta function: the sum of (q + k)^-s over k = 0, 1, ...
//
// The first terms, then Euler's summation formula; far to the left of 0 the terms on both sides are
// two such sums.  Polygamma functions of any order are made of it.  Start reading at zeta.
#pragma once

#include "kernels/special/gamma.h"
#include "kernels/special/pieces.h"

namespace pullback::kernels {
namespace PULLBACK_ISA {

// For s > 1 and q that is no whole number up to 0.
inline double zeta_sum(double s, double q) {
  double sum = 0.0, lost = 0.0;  // Kahan's
  for (const double end = 14.0 + s; q < end; q += 1.0) {
    const double term = std::pow(q, -s), next = term - lost, total = sum + next;
    lost = (total - sum) - next;
    sum = total;
    if (q > 0.0 && term <= 1e-18 * absolute(sum)) return sum;
  }
  const double power = std::pow(q, -s);
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
      const double left = zeta_sum(s, fraction) - zeta_sum(s, 1.0 - q);
      return (std::fmod(s, 2.0) == 0.0 ? left : -left) + zeta_sum(s, 1.0 - fraction);
    }
  }
  if (q == kInf<double> || s == kInf<double>) {
    return q == kInf<double> ? 0.0 : q > 1.0 ? 0.0 : q == 1.0 ? 1.0 : kInf<double>;
  }
  return zeta_sum(s, q);
}

}  // namespace PULLBACK_ISA
}  // namespace pullback::kernels
