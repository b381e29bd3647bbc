// Elementary functions that the compiler can vectorise: straight-line code, a choice is a select.
//
// Included by *_isa.cpp only, so everything lives in the namespace of one instruction set.  Each
// function is right at 0, -0, denormals, infinities, NaN and beyond overflow, and at most 2 ulp
// off, the compositions (sigmoid, silu, erfc, gelu) at most 5; tests/cpp/test_vecmath.cpp measures
// it. T is float or double; functions on double alone also serve float, whose result is then nearly
// always the nearest.  Polynomial coefficients are
// Chebyshev fits made at 50 digits for this file.  Start reading at exp.
#pragma once

#include <cstdint>
#include <limits>

#include "kernels/dispatch.h"

namespace pullback::kernels {
namespace PULLBACK_ISA {

template <typename T>
struct Fp;

template <>
struct Fp<float> {
  using Bits = std::uint32_t;
  static constexpr int kMantissa = 23;
  static constexpr Bits kBias = 127;
  static constexpr Bits kSign = 0x80000000u;
  static constexpr float kMagic = 0x1.8p23f;  // x + kMagic - kMagic rounds x to an integer
  static constexpr float kLn2Hi = 0x1.62ep-1f, kLn2Lo = 0x1.0bfbe8p-15f;
  static constexpr float kExpMin = -104.0f, kExpMax = 91.0f;
  static constexpr Bits kLift = 30;            // e^kExpMin 2^kLift is a normal number
  static constexpr float kExpNormal = -87.5f;  // below it e^x is no normal number
  static constexpr Bits kSqrtHalf = 0x3f3504f3u;
};

template <>
struct Fp<double> {
  using Bits = std::uint64_t;
  static constexpr int kMantissa = 52;
  static constexpr Bits kBias = 1023;
  static constexpr Bits kSign = 0x8000000000000000u;
  static constexpr double kMagic = 0x1.8p52;
  static constexpr double kLn2Hi = 0x1.62e42fefap-1, kLn2Lo = 0x1.cf79abc9e3b3ap-40;
  static constexpr double kExpMin = -746.0, kExpMax = 712.0;
  static constexpr Bits kLift = 60;
  static constexpr double kExpNormal = -708.5;
  static constexpr Bits kSqrtHalf = 0x3fe6a09e667f3bcdu;
};

template <typename T>
inline constexpr T kInf = std::numeric_limits<T>::infinity();
template <typename T>
inline constexpr T kNan = std::numeric_limits<T>::quiet_NaN();

template <typename T>
PULLBACK_INLINE typename Fp<T>::Bits bits(T x) {
  return __builtin_bit_cast(typename Fp<T>::Bits, x);
}
template <typename T>
PULLBACK_INLINE T from_bits(typename Fp<T>::Bits b) {
  return __builtin_bit_cast(T, b);
}

// a * b + c, fused where the CPU can.
PULLBACK_INLINE float muladd(float a, float b, float c) {
#if defined(__FMA__) || defined(__aarch64__)
  return __builtin_fmaf(a, b, c);
#else
  return a * b + c;
#endif
}
PULLBACK_INLINE double muladd(double a, double b, double c) {
#if defined(__FMA__) || defined(__aarch64__)
  return __builtin_fma(a, b, c);
#else
  return a * b + c;
#endif
}

PULLBACK_INLINE float absolute(float x) { return __builtin_fabsf(x); }
PULLBACK_INLINE double absolute(double x) { return __builtin_fabs(x); }
PULLBACK_INLINE float with_sign(float x, float s) { return __builtin_copysignf(x, s); }
PULLBACK_INLINE double with_sign(double x, double s) { return __builtin_copysign(x, s); }
PULLBACK_INLINE float square_root(float x) { return __builtin_sqrtf(x); }
PULLBACK_INLINE double square_root(double x) { return __builtin_sqrt(x); }

// condition ? a : b where the compiler would otherwise branch around a costly arm.
template <typename T>
PULLBACK_INLINE T select(bool condition, T a, T b) {
  using Bits = typename Fp<T>::Bits;
  const Bits mask = Bits{0} - static_cast<Bits>(condition);
  return from_bits<T>((bits(a) & mask) | (bits(b) & ~mask));
}

// c0 + c1 x + c2 x^2 + ..., by Horner's rule.
template <typename T>
PULLBACK_INLINE T polynomial(T, double c) {
  return static_cast<T>(c);
}
template <typename T, typename... C>
PULLBACK_INLINE T polynomial(T x, double c0, C... c) {
  return muladd(x, polynomial(x, c...), static_cast<T>(c0));
}

// 2^n for an integral n, where it is a normal number.
template <typename T>
PULLBACK_INLINE T power_of_two(T n) {
  using F = Fp<T>;
  return from_bits<T>((bits(n + F::kMagic) - bits(F::kMagic) + F::kBias) << F::kMantissa);
}
// p * 2^n for an integral n, rounded once, also where the result is denormal or 2^n overflows: 2^n
// is a product of two powers, whose biased exponents are the halves of n + 2 kBias.
template <typename T>
PULLBACK_INLINE T scale(T p, T n) {
  using F = Fp<T>;
  const typename F::Bits both = bits(n + F::kMagic) - bits(F::kMagic) + 2 * F::kBias;
  const typename F::Bits first = both >> 1;
  return p * from_bits<T>(first << F::kMantissa) * from_bits<T>((both - first) << F::kMantissa);
}

// (e^r - 1 - r) / r^2 for |r| <= ln(2) / 2.
PULLBACK_INLINE float exp_tail(float r) {
  return polynomial(r, 0.5, 0.166665734, 0.0416665501, 0.00836377387, 0.00139269266);
}
PULLBACK_INLINE double exp_tail(double r) {
  return polynomial(r, 0.5, 0.1666666666666667, 0.04166666666666667, 0.008333333333325544,
                    0.0013888888888883327, 0.00019841269876864356, 2.4801587327007187e-05,
                    2.755725283351691e-06, 2.75572718102198e-07, 2.5106274733573296e-08,
                    2.0915442297780116e-09);
}

// x = n ln 2 + r + c, c being the rounding error of r.
template <typename T>
struct Reduced {
  T n, r, c;
};
template <typename T>
PULLBACK_INLINE Reduced<T> reduce_ln2(T x) {
  using F = Fp<T>;
  const T n = (x * T(1.4426950408889634) + F::kMagic) - F::kMagic;
  const T hi = muladd(-n, F::kLn2Hi, x);
  const T lo = n * F::kLn2Lo;
  const T r = hi - lo;
  return {n, r, (hi - r) - lo};
}

// e^(r + c) 2^n.
template <typename T>
PULLBACK_INLINE T exp_reduced(Reduced<T> k) {
  return scale(T(1) + (k.r + muladd(k.r * k.r, exp_tail(k.r), k.c)), k.n);
}
template <typename T>
PULLBACK_INLINE Reduced<T> reduce_exp(T x) {
  x = x < Fp<T>::kExpMin ? Fp<T>::kExpMin : x;
  x = x > Fp<T>::kExpMax ? Fp<T>::kExpMax : x;
  return reduce_ln2(x);
}

template <typename T>
PULLBACK_INLINE T exp(T x) {
  return exp_reduced(reduce_exp(x));
}
// e^x for x <= 0, for softmax: denormal results are zero, else at most 2 ulp off.
template <typename T>
PULLBACK_INLINE T exp_falling(T x) {
  using F = Fp<T>;
  const T inside = x < F::kExpNormal ? F::kExpNormal : x;
  const T shifted = muladd(inside, T(1.4426950408889634), F::kMagic);
  const T n = shifted - F::kMagic;
  const T r = muladd(-n, F::kLn2Lo, muladd(-n, F::kLn2Hi, inside));
  const T p = T(1) + muladd(r * r, exp_tail(r), r);
  const T power = from_bits<T>((bits(shifted) - bits(F::kMagic) + F::kBias) << F::kMantissa);
  return x < F::kExpNormal ? T(0) : p * power;
}

// e^(x + c) for kExpMin - 1 < x <= 0 with c tiny: scaled by 2^kLift first, so that a denormal
// result is rounded once.
template <typename T>
PULLBACK_INLINE T exp_lifted(T x, T c) {
  using F = Fp<T>;
  using Bits = typename F::Bits;
  const T shifted = muladd(x, T(1.4426950408889634), F::kMagic);
  const T n = shifted - F::kMagic;
  const T r = muladd(-n, F::kLn2Lo, muladd(-n, F::kLn2Hi, x)) + c;
  const T p = T(1) + muladd(r * r, exp_tail(r), r);
  const Bits exponent = bits(shifted) - bits(F::kMagic) + F::kBias + F::kLift;
  constexpr T kDown = T(1) / static_cast<T>(Bits{1} << F::kLift);
  return p * from_bits<T>(exponent << F::kMantissa) * kDown;
}
// e^x for x <= 0, at most 2 ulp off.
template <typename T>
PULLBACK_INLINE T exp_nonpositive(T x) {
  return exp_lifted(x < Fp<T>::kExpMin ? Fp<T>::kExpMin : x, T(0));
}

// e^x / 2, which overflows later than e^x.
PULLBACK_INLINE double half_exp(double x) {
  Reduced<double> k = reduce_exp(x);
  k.n -= 1.0;
  return exp_reduced(k);
}

PULLBACK_INLINE float exp2(float x) {
  x = x < -160.0f ? -160.0f : x;
  x = x > 130.0f ? 130.0f : x;
  const float n = (x + Fp<float>::kMagic) - Fp<float>::kMagic;
  const float y = x - n;
  const float slope = polynomial(y, 0.693147188, 0.240226508, 0.0555035711, 0.00961808256,
                                 0.00133908634, 0.000154531629);
  return scale(muladd(y, slope, 1.0f), n);
}
PULLBACK_INLINE double exp2(double x) {
  x = x < -1080.0 ? -1080.0 : x;
  x = x > 1025.0 ? 1025.0 : x;
  const double n = (x + Fp<double>::kMagic) - Fp<double>::kMagic;
  const double y = x - n;
  const double hi = y * 0x1.62e42fefa39efp-1;
  const double lo = y * 0x1.abc9e3b39803fp-56;
  return scale(1.0 + (hi + muladd(hi * hi, exp_tail(hi), lo)), n);
}

// e^x - 1 as (p + (1 - 2^-n)) 2^n with p = e^r - 1, which cancels nowhere.
template <typename T>
PULLBACK_INLINE T expm1(T x) {
  const T low = x < T(-60) ? T(-60) : x;
  const Reduced<T> k = reduce_ln2(low > Fp<T>::kExpMax ? Fp<T>::kExpMax : low);
  const T p = k.r + muladd(k.r * k.r, exp_tail(k.r), muladd(k.r, k.c, k.c));
  const T power = power_of_two(-(k.n > T(64) ? T(64) : k.n));
  return with_sign(scale(p + (T(1) - power), k.n), x);
}

// log(1 + f) = f - f^2/2 + s (f^2/2 + R) with s = f / (2 + f); here R as a function of s^2.
PULLBACK_INLINE float log_tail(float z) {
  return z * polynomial(z, 0.666666665, 0.400001256, 0.28550397, 0.233419434);
}
PULLBACK_INLINE double log_tail(double z) {
  return z * polynomial(z, 0.666666666666666667, 0.3999999999989322, 0.28571428628810996,
                        0.22222210674238516, 0.18182922513515942, 0.15330617306743305,
                        0.1463003136412286);
}

// x = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)), for finite x > 0.
template <typename T>
struct Split {
  T k, f;
};
template <typename T>
PULLBACK_INLINE Split<T> split(T x) {
  using F = Fp<T>;
  using Bits = typename F::Bits;
  const bool denormal = x < std::numeric_limits<T>::min();
  const T two_to_mantissa = static_cast<T>(Bits{1} << F::kMantissa);
  const T normal = denormal ? x * two_to_mantissa : x;
  // The exponent goes through the mantissa of 2^kMantissa: there is no wide int-to-double in AVX2.
  const Bits shifted = bits(normal) - F::kSqrtHalf + (F::kBias << F::kMantissa);
  const Bits k_bits = (shifted >> F::kMantissa) | bits(two_to_mantissa);
  const T k = from_bits<T>(k_bits) - (two_to_mantissa + static_cast<T>(F::kBias));
  const Bits mantissa = (shifted & ((Bits{1} << F::kMantissa) - 1)) + F::kSqrtHalf;
  return {k - (denormal ? static_cast<T>(F::kMantissa) : T(0)), from_bits<T>(mantissa) - T(1)};
}

// Puts the special values of a logarithm in place of whatever the straight line gave.
template <typename T>
PULLBACK_INLINE T log_special(T x, T result) {
  const T special = x == T(0) ? -kInf<T> : x < T(0) ? kNan<T> : x;
  return ((x > T(0)) & (x < kInf<T>)) ? result : special;
}

template <typename T>
PULLBACK_INLINE T log(T x) {
  const Split<T> m = split(x);
  const T s = m.f / (T(2) + m.f);
  const T half_square = T(0.5) * m.f * m.f;
  const T tail = s * (half_square + log_tail(s * s)) + m.k * Fp<T>::kLn2Lo;
  return log_special(x, muladd(m.k, Fp<T>::kLn2Hi, m.f - (half_square - tail)));
}

// k a + log(1 + f) b with a and b given in two parts: log2 and log10.
PULLBACK_INLINE double log_base(double x, double a_hi, double a_lo, double b_hi, double b_lo) {
  const Split<double> m = split(x);
  const double s = m.f / (2.0 + m.f);
  const double half_square = 0.5 * m.f * m.f;
  const double hi = from_bits<double>(bits(m.f - half_square) & 0xffffffff00000000u);
  const double lo = (m.f - hi) - half_square + s * (half_square + log_tail(s * s));
  const double main = hi * b_hi;
  const double rest = lo * (b_hi + b_lo) + hi * b_lo + m.k * a_lo;
  const double whole = m.k * a_hi;
  const double sum = whole + main;
  return log_special(x, sum + (((whole - sum) + main) + rest));
}
PULLBACK_INLINE double log2(double x) {
  return log_base(x, 1.0, 0.0, 0x1.71547p+0, 0x1.94ae0bf85ddf4p-22);
}
PULLBACK_INLINE double log10(double x) {
  return log_base(x, 0x1.34413509f78p-2, 0x1.fef311f12b358p-46, 0x1.bcb7bp-2,
                  0x1.526e50e32a6abp-26);
}

// 1 + x = 2^k (1 + f), f being rounded once: 2^-k (1 + x) is exact but for its last sum.
PULLBACK_INLINE float log1p(float x) {
  const float u = 1.0f + x;
  const float k = split(u).k;
  const float power = 0.25f * power_of_two(2.0f - k);  // 2^-k itself may be denormal
  const float f = muladd(x, power, power - 1.0f);
  const float s = f / (2.0f + f);
  const float half_square = 0.5f * f * f;
  const float tail = s * (half_square + log_tail(s * s)) + k * Fp<float>::kLn2Lo;
  const float result = muladd(k, Fp<float>::kLn2Hi, f - (half_square - tail));
  return absolute(x) < 0x1p-25f ? x : log_special(u, result);
}
PULLBACK_INLINE double log1p(double x) {
  const double u = 1.0 + x;
  const Split<double> m = split(u);
  const bool near_zero = m.k == 0.0;
  const double lost = u >= 2.0 ? 1.0 - (u - x) : x - (u - 1.0);
  const double f = near_zero ? x : m.f;
  const double correction = near_zero ? 0.0 : lost / u;
  const double s = f / (2.0 + f);
  const double half_square = 0.5 * f * f;
  const double tail =
      s * (half_square + log_tail(s * s)) + muladd(m.k, Fp<double>::kLn2Lo, correction);
  const double result = muladd(m.k, Fp<double>::kLn2Hi, f - (half_square - tail));
  return absolute(x) < 0x1p-54 ? x : log_special(u, result);
}

PULLBACK_INLINE float tanh(float x) {
  const float a = absolute(x);
  const float z = x * x;
  const float small = polynomial(z, -0.333333332, 0.133333036, -0.0539592596, 0.0217689187,
                                 -0.00834394552, 0.00229274482);
  const float large = 1.0f - 2.0f / (exp(2.0f * a) + 1.0f);
  return with_sign(a < 0.625f ? muladd(a * z, small, a) : large, x);
}
PULLBACK_INLINE double tanh(double x) {
  const double a = absolute(x);
  const double z = x * x;
  const double small = polynomial(
      z, -0.3333333333333333, 0.1333333333333323, -0.05396825396808919, 0.021869488525836745,
      -0.008863235197797702, 0.003592121783201609, -0.0014557606808451268, 0.0005894659482848757,
      -0.00023635079097275086, 8.819014552796585e-05, -2.2948547411684485e-05);
  const double large = 1.0 - 2.0 / (exp(2.0 * a) + 1.0);
  return with_sign(a < 0.5 ? muladd(a * z, small, a) : large, x);
}

// x for x >= 0, x e^-|x| else: the numerators of sigmoid and silu, over 1 + e^-|x|.
template <typename T>
PULLBACK_INLINE T sigmoid(T x) {
  const T e = exp_nonpositive(-absolute(x));
  return (x < T(0) ? e : T(1)) / (T(1) + e);
}
template <typename T>
PULLBACK_INLINE T silu(T x) {
  const T e = exp_nonpositive(-absolute(x));
  return (x < T(0) ? x * e : x) / (T(1) + e);
}

PULLBACK_INLINE double cosh(double x) {
  const double half = half_exp(absolute(x));
  return half + 0.25 / half;
}
PULLBACK_INLINE double sinh(double x) {
  const double a = absolute(x);
  const double t = expm1(a > 40.0 ? 40.0 : a);
  const double small = 0.5 * (t + t / (t + 1.0));
  return with_sign(select(a < 20.0, small, half_exp(a)), x);
}
PULLBACK_INLINE double asinh(double x) {
  const double a = absolute(x);
  const bool large = a > 0x1p60;
  const double square = a * a;
  const double argument = large ? a : a + square / (1.0 + square_root(square + 1.0));
  return with_sign(log1p(argument) + (large ? 0x1.62e42fefa39efp-1 : 0.0), x);
}
PULLBACK_INLINE double acosh(double x) {
  const bool large = x > 0x1p60;
  const double t = x - 1.0;
  const double argument = large ? x : t + square_root(muladd(t, t, 2.0 * t));
  const double result = log1p(argument) + (large ? 0x1.62e42fefa39efp-1 : 0.0);
  return x < 1.0 ? kNan<double> : result;
}
PULLBACK_INLINE double atanh(double x) {
  const double a = absolute(x);
  const double argument = 2.0 * a / (1.0 - a);
  const double result = 0.5 * log1p(argument);
  return with_sign(a > 1.0 ? kNan<double> : result, x);
}

// x = (quadrant + 4 i) pi/2 + r + c with |r| <= pi/4, for |x| <= kTrigMax.
inline constexpr double kTrigMax = 1e6;
struct Angle {
  double sin, cos;
  std::uint64_t quadrant;  // its low two bits count
};
PULLBACK_INLINE Angle angle(double x) {
  const double shifted = x * 0x1.45f306dc9c883p-1 + Fp<double>::kMagic;
  const double n = shifted - Fp<double>::kMagic;
  const double a = muladd(-n, 0x1.921fb544p+0, x);
  const double b = n * 0x1.0b4611a6p-34;
  const double hi = a - b;
  const double back = hi - a;
  const double lo = ((a - (hi - back)) - (b + back)) - n * 0x1.3198a2e037073p-69;
  const double r = hi + lo;
  const double c = (hi - r) + lo;
  const double z = r * r;
  const double sine =
      polynomial(z, -0.16666666666666666, 0.0083333333333307, -0.00019841269836385435,
                 2.7557315910939e-06, -2.5051092308431318e-08, 1.5915309183057952e-10);
  const double cosine =
      polynomial(z, 0.041666666666666664, -0.0013888888888887241, 2.480158729853226e-05,
                 -2.7557317151858866e-07, 2.0876121534608454e-09, -1.1380868171449914e-11);
  const double half = 0.5 * z;
  const double w = 1.0 - half;
  const double sin = r + (r * z * sine + c * w);
  return {absolute(x) < 0x1p-27 ? x : sin, w + (((1.0 - w) - half) + (z * z * cosine - r * c)),
          bits(shifted)};
}
PULLBACK_INLINE double of_quadrant(const Angle& a, std::uint64_t quadrant) {
  const double value = (quadrant & 1) != 0 ? a.cos : a.sin;
  return from_bits<double>(bits(value) ^ ((quadrant & 2) << 62));
}
PULLBACK_INLINE double sin_moderate(double x) {
  const Angle a = angle(x);
  return of_quadrant(a, a.quadrant);
}
PULLBACK_INLINE double cos_moderate(double x) {
  const Angle a = angle(x);
  return of_quadrant(a, a.quadrant + 1);
}
PULLBACK_INLINE double tan_moderate(double x) {
  const Angle a = angle(x);
  return of_quadrant(a, a.quadrant) / of_quadrant(a, a.quadrant + 1);
}

// The angle of (x, y) in the first quadrant, neither NaN nor both 0: the ratio is turned by 0, pi/4
// or pi/2 so that a polynomial in at most tan(pi/8) remains.
PULLBACK_INLINE double first_quadrant(double y, double x) {
  const bool low = y < 0.41421356237309503 * x;
  const bool high = y > 2.4142135623730950 * x;
  const double numerator = low ? y : high ? -x : y - x;
  const double denominator = low ? x : high ? y : y + x;
  const double hi = low ? 0.0 : high ? 0x1.921fb54442d18p+0 : 0x1.921fb54442d18p-1;
  const double lo = low ? 0.0 : high ? 0x1.1a62633145c07p-54 : 0x1.1a62633145c07p-55;
  const double s = numerator / denominator;
  const double z = s * s;
  const double tail = polynomial(z, -0.3333333333333333, 0.199999999999998, -0.1428571428565887,
                                 0.11111111105062217, -0.09090908748866046, 0.07692296241152069,
                                 -0.06666422483428941, 0.05878901402471912, -0.05230251222202872,
                                 0.045506678905969974, -0.034546787010101984, 0.01625943380140557);
  return hi + (s + muladd(s * z, tail, lo));
}
PULLBACK_INLINE double atan(double x) { return with_sign(first_quadrant(absolute(x), 1.0), x); }
PULLBACK_INLINE double atan2(double y, double x) {
  double a = absolute(y);
  double b = absolute(x);
  const double most = a > b ? a : b;
  const double factor = most > 0x1p1000 ? 0x1p-60 : most < 0x1p-960 ? 0x1p60 : 1.0;
  const bool infinite = !(most < kInf<double>);
  const bool diagonal = infinite & (a == b);
  a = diagonal ? 1.0 : a * factor;
  b = diagonal ? 1.0 : b * factor;
  const double acute = most == 0.0 ? 0.0 : first_quadrant(a, b);
  const bool left = with_sign(1.0, x) < 0.0;
  const double angle = left ? 0x1.921fb54442d18p+1 - (acute - 0x1.1a62633145c07p-53) : acute;
  return ((x != x) | (y != y)) ? x + y : with_sign(angle, y);
}

// asin of a >= 0 is asin(s), or pi/2 - 2 asin(s) where a >= 1/2, s being the sine of the half
// angle. This is asin(s).
PULLBACK_INLINE double arc_sine(double a) {
  const bool small = a < 0.5;
  const double z = select(small, a * a, 0.5 * (1.0 - a));
  const double s = select(small, a, square_root(z));
  const double tail = polynomial(z, 0.16666666666666666, 0.07500000000000119, 0.04464285714255019,
                                 0.030381944475693704, 0.022372157435623815, 0.017352816768546473,
                                 0.013963775787848137, 0.011566511821890942, 0.00962140274734483,
                                 0.009322101501082774, 0.0030350071727267623, 0.019579201619744684,
                                 -0.019277545928584557, 0.02963502626354855);
  return muladd(s * z, tail, s);
}
PULLBACK_INLINE double asin(double x) {
  const double a = absolute(x);
  const double s = arc_sine(a);
  const double large = 0x1.921fb54442d18p+0 - (2.0 * s - 0x1.1a62633145c07p-54);
  return with_sign(select(a < 0.5, s, large), x);
}
PULLBACK_INLINE double acos(double x) {
  const double a = absolute(x);
  const double s = arc_sine(a);
  const double small = 0x1.921fb54442d18p+0 - (with_sign(s, x) - 0x1.1a62633145c07p-54);
  const double left = 0x1.921fb54442d18p+1 - (2.0 * s - 0x1.1a62633145c07p-53);
  return select(a < 0.5, small, select(x < 0.0, left, 2.0 * s));
}

}  // namespace PULLBACK_ISA
}  // namespace pullback::kernels
