// Airy's function of the first kind and its derivative.
//
// Polynomials around 0; to the right they fall like exp(-z), to the left they are waves of the
// angle z, with z = 2/3 |x|^(3/2), which is taken in two parts.  Start reading at airy.
#pragma once

#include "kernels/special/airy_tables.h"
#include "kernels/special/pieces.h"

namespace pullback::kernels {
namespace PULLBACK_ISA {

// 2/3 x^(3/2).
PULLBACK_INLINE Exact airy_angle(double x) {
  const double root = square_root(x);
  const Exact square = product(root, root);
  const double root_rest = ((x - square.hi) - square.lo) / (2.0 * root);
  const Exact power = product(x, root);
  constexpr double kThird = 0x1.5555555555555p-1, kThirdRest = 0x1.5555555555555p-55;
  const Exact angle = product(power.hi, kThird);
  const double rest = (power.lo + x * root_rest) * kThird + power.hi * kThirdRest;
  return {angle.hi, angle.lo + rest};
}

inline double airy_right(double x, bool slope) {
  if (x < 2.0) return slope ? by_piece(kAiSlope, x, 2.0) : by_piece(kAi, x, 2.0);
  if (x > 110.0) return slope ? -0.0 : 0.0;
  const Exact z = airy_angle(x);
  const double v = 8.0 / z.hi, root = square_root(square_root(x));
  const double fall = exp_of({-z.hi, -z.lo});
  return slope ? by_piece(kAiSlopeFalling, v, 1.0) * root * fall
               : by_piece(kAiFalling, v, 1.0) / root * fall;
}

// At -x.
inline double airy_left(double x, bool slope) {
  if (x < 4.0) {
    return slope ? factors(kAiSlopeZeros, x) * by_piece(kAiSlopeNegative, x, 2.0)
                 : factors(kAiZeros, x) * by_piece(kAiNegative, x, 2.0);
  }
  constexpr double kInverseRootTwoPi = 0.39894228040143267794;
  const Exact z = airy_angle(x);
  const double s0 = std::sin(z.hi), c0 = std::cos(z.hi);
  const double s = s0 + z.lo * c0, c = c0 - z.lo * s0;
  const double cosine = c + s, sine = s - c;  // of z - pi / 4, times the root of 2
  const double v = 8.0 / z.hi * (8.0 / z.hi), root = square_root(square_root(x));
  if (slope) {
    const double wave =
        sine * by_piece(kAiSlopeP, v, 1.0) - cosine * by_piece(kAiSlopeQ, v, 1.0) / z.hi;
    return wave * root * kInverseRootTwoPi;
  }
  const double wave = cosine * by_piece(kAiP, v, 1.0) + sine * by_piece(kAiQ, v, 1.0) / z.hi;
  return wave / root * kInverseRootTwoPi;
}

inline double airy(double x, bool slope) {
  if (x != x || absolute(x) == kInf<double>) return kNan<double>;
  return x < 0.0 ? airy_left(-x, slope) : airy_right(x, slope);
}

}  // namespace PULLBACK_ISA
}  // namespace pullback::kernels
