// The scaled error function, and the normal distribution: the logarithm of its function (which is
// in vecmath.h), quantiles, and what is near to these.
//
// Squares in exponents are taken in two parts, so that tails have full precision.  Start reading at
// erfcx.
#pragma once

#include "kernels/special/normal_tables.h"
#include "kernels/special/pieces.h"

namespace pullback::kernels {
namespace PULLBACK_ISA {

inline constexpr double kRootHalf = 0.70710678118654752440;

// exp(x^2) erfc(x) for x >= 0.
PULLBACK_INLINE double erfcx_right(double x) {
  if (x < 4.0) return by_piece(kErfcx, x, 2.0);
  return by_piece(kErfcxFar, 4.0 / x * (4.0 / x), 4.0) / x;
}

inline double erfcx(double x) {
  if (!(x < 0.0)) return x == x ? erfcx_right(x) : x;
  if (x < -26.7) return kInf<double>;
  return 2.0 * exp_of(product(x, x)) - erfcx_right(-x);
}

// The probability that a normal number is beyond x >= 0.
inline double normal_tail(double x) {
  if (x > 39.0) return 0.0;
  const Exact square = product(x, x);
  return 0.5 * erfcx_right(x * kRootHalf) * exp_of({-0.5 * square.hi, -0.5 * square.lo});
}

inline double log_ndtr(double x) {
  if (x != x) return x;
  if (x < -1.0) return std::log(0.5 * erfcx_right(-x * kRootHalf)) - 0.5 * x * x;
  return x < 0.0 ? std::log(normal_tail(-x)) : std::log1p(-normal_tail(x));
}

inline double ndtri(double p) {
  if (!(p > 0.0 && p < 1.0)) {
    return p == 0.0 ? -kInf<double> : p == 1.0 ? kInf<double> : kNan<double>;
  }
  const double q = p - 0.5;
  if (absolute(q) < 0.3646) return q * by_piece(kCentralQuantile, q * q, 32.0);
  const double r = square_root(-2.0 * log(q < 0.0 ? p : 1.0 - p));
  return with_sign(r * by_octave(kTailQuantile, r, 1), q);
}

PULLBACK_INLINE double entr(double x) {
  const double edge = x == 0.0 ? 0.0 : x < 0.0 ? -kInf<double> : x;
  return x > 0.0 ? -x * log(x) : edge;
}

// The inverse of erf in float, as the one of double in vecmath.h; at most 4 ulp off.
PULLBACK_INLINE float erfinv(float x) {
  const float a = absolute(x);
  const float w = -log((1.0f - a) * (1.0f + a));
  const float central =
      x * polynomial(muladd(w, 0.4f, -1.0f), 1.50140936, 0.616600723, -0.026108686, -0.019574194,
                     0.00852917636, -0.000484349951, -0.000845545939, 0.000284075153,
                     3.55313789e-05, -3.33398093e-05);
  constexpr float kMiddle = 3.21803399f, kHalf = 0.981966011f;
  const float tail =
      polynomial((square_root(w) - kMiddle) * (1.0f / kHalf), 3.05170857, 0.987072397,
                 0.00471555778, -0.00242158443, 0.00082968005, -0.000207443775, 1.67994903e-05,
                 2.02778005e-05, -1.24019739e-05, 2.47432607e-06);
  const float end = a > 1.0f ? kNan<float> : with_sign(kInf<float>, x);
  const float inner = w > 5.0f ? with_sign(tail, x) : central;
  return a >= 1.0f ? end : inner;
}

}  // namespace PULLBACK_ISA
}  // namespace pullback::kernels
