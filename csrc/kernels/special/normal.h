// The scaled error function, and the normal distribution: the logarithm of its function (which is
// in vecmath.h), quantiles, and what is near to these.
//
// Squares in exponents are taken in two parts, so that tails have full precision.  Start reading at
// erfcx.
#pragma once

#include "kernels/special/blocks.h"
#include "kernels/special/normal_tables.h"
#include "kernels/vecmath_normal.h"

namespace pullback::kernels {
namespace PULLBACK_ISA {

inline constexpr double kRootHalf = 0.70710678118654752440;

// exp(x^2) erfc(x) for x >= 0.
PULLBACK_INLINE void erfcx_right(const double* x, double* out, int n) {
  double v[kBlock], far[kBlock];
  by_pieces<kErfcx>(x, 2.0, out, n);
  if (!any_of(x, n, [](double each) { return each >= 4.0; })) return;
  for (int i = 0; i < n; ++i) v[i] = 4.0 / x[i] * (4.0 / x[i]);
  by_pieces<kErfcxFar>(v, 4.0, far, n);
  for (int i = 0; i < n; ++i) out[i] = x[i] >= 4.0 ? far[i] / x[i] : out[i];
}

inline void erfcx(const double* x, double* out, int n) {
  double a[kBlock];
  for (int i = 0; i < n; ++i) a[i] = absolute(x[i]);
  erfcx_right(a, out, n);
  for (int i = 0; i < n; ++i) {
    const double inside = x[i] < -27.0 ? -27.0 : x[i];
    const Exact square = product(inside, inside);
    const double power = exp(square.hi);
    const double left = 2.0 * muladd(power, square.lo, power) - out[i];
    out[i] = x[i] < -26.7 ? kInf<double> : x[i] < 0.0 ? left : out[i];
  }
}

// The logarithm of the distribution function, of which there is 1 less to the right of 0.
inline void log_ndtr(const double* x, double* out, int n) {
  double z[kBlock], scaled[kBlock];
  for (int i = 0; i < n; ++i) z[i] = absolute(x[i]) * kRootHalf;
  erfcx_right(z, scaled, n);
  for (int i = 0; i < n; ++i) {
    const double half = 0.5 * scaled[i];
    const double tail = half * exp_minus_square(absolute(x[i]), 0.5);
    const double far = log(half) - 0.5 * x[i] * x[i];
    const double left = x[i] < -1.0 ? far : log(tail);
    out[i] = x[i] < 0.0 ? left : log1p(-tail);
  }
}

inline void ndtri(const double* p, double* out, int n) {
  double square[kBlock], r[kBlock], tail[kBlock];
  for (int i = 0; i < n; ++i) square[i] = (p[i] - 0.5) * (p[i] - 0.5);
  by_pieces<kCentralQuantile>(square, 32.0, out, n);
  for (int i = 0; i < n; ++i) out[i] *= p[i] - 0.5;
  const auto is_central = [](double each) { return absolute(each - 0.5) < 0.3646; };
  if (!any_of(p, n, [=](double each) { return !is_central(each); })) return;
  for (int i = 0; i < n; ++i) r[i] = square_root(-2.0 * log(p[i] < 0.5 ? p[i] : 1.0 - p[i]));
  by_octaves<kTailQuantile>(r, 1, tail, n);
  for (int i = 0; i < n; ++i) {
    const double outer = with_sign(r[i] * tail[i], p[i] - 0.5);
    const double edge = p[i] == 0.0 ? -kInf<double> : p[i] == 1.0 ? kInf<double> : kNan<double>;
    const double inner = is_central(p[i]) ? out[i] : outer;
    out[i] = ((p[i] > 0.0) & (p[i] < 1.0)) ? inner : edge;
  }
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
