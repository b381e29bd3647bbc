// The error function, its inverse and the normal distribution function, for loops that the compiler
// vectorises (see vecmath.h, whose rules hold here, too).  Start reading at normal.
#pragma once

#include "kernels/vecmath.h"

namespace pullback::kernels {
namespace PULLBACK_ISA {

// (1 + 2a) e^(a^2) erfc(a) for a >= 0, as a polynomial in (a - K) / (a + K).
PULLBACK_INLINE float erfc_shape(float a) {
  const float t = (a - 2.0f) / (a + 2.0f);
  return polynomial(t, 1.27697839, -0.0927639028, -0.166031526, 0.164053104, -0.0542032075,
                    -0.00804248141, 0.00863181807, 0.00126266341, -0.00124907664, -0.000350061971,
                    3.29297882e-5);
}
PULLBACK_INLINE double erfc_shape(double a) {
  const double t = (a - 4.0) / (a + 4.0);
  const double z = t * t;
  const double even =
      polynomial(z, 1.2329951186255526, 0.015379652102606133, -0.10103906603558063,
                 -0.06633036582729279, -0.016197733895959854, -0.0007577743061693371,
                 0.00015062567141369432, -1.1232086023404734e-05, 3.0994402010831546e-07,
                 5.883230632914435e-08, -9.456271524915692e-09);
  const double odd = polynomial(
      z, -0.13962111684056255, 0.06809705425470212, 0.09373283499798463, 0.03716751554242076,
      0.005031969952329153, -0.00019925669640425623, -2.4398609353512906e-05, 5.706827475068264e-06,
      -8.187662562915786e-07, 1.0181247475149971e-07, -8.906208663934622e-09);
  return muladd(t, odd, even);
}

// The rounding error of a * a.
template <typename T>
PULLBACK_INLINE T square_error(T a, T square) {
#if defined(__FMA__) || defined(__aarch64__)
  return muladd(a, a, -square);
#else
  const T splitter = static_cast<T>((typename Fp<T>::Bits{1} << ((Fp<T>::kMantissa + 2) / 2)) + 1);
  const T hi = splitter * a - (splitter * a - a);
  const T lo = a - hi;
  return ((hi * hi - square) + T(2) * hi * lo) + lo * lo;
#endif
}

// e^(-factor a^2), factor 1 or 1/2, without the error that squaring a large a brings.
template <typename T>
PULLBACK_INLINE T exp_minus_square(T a, T factor) {
  a = a > T(40) ? T(40) : a;
  const T square = a * a;
  Reduced<T> k = reduce_exp(-factor * square);
  k.r -= factor * square_error(a, square);
  return exp_reduced(k);
}

// erfc(a) for a >= 0; the largest a are cut off where the result has underflowed anyway.
template <typename T>
PULLBACK_INLINE T erfc_positive(T a) {
  a = a > T(40) ? T(40) : a;
  return exp_minus_square(a, T(1)) * erfc_shape(a) / (T(1) + T(2) * a);
}
PULLBACK_INLINE float erf_small(float x) {
  return muladd(
      x, polynomial(x * x, 0.128379165, -0.37612604, 0.112827139, -0.0267491454, 0.0046998674), x);
}
PULLBACK_INLINE double erf_small(double x) {
  return muladd(x,
                polynomial(x * x, 0.12837916709551256, -0.3761263890318337, 0.11283791670916,
                           -0.026866170629665617, 0.0052239773189408974, -0.0008548292857959904,
                           0.00012053091006734576, -1.4839541968782493e-05, 1.4659944116441546e-06),
                x);
}
template <typename T>
PULLBACK_INLINE T erf(T x) {
  const T a = absolute(x);
  return a < T(0.5) ? erf_small(x) : with_sign(T(1) - erfc_positive(a), x);
}
template <typename T>
PULLBACK_INLINE T erfc(T x) {
  const T a = absolute(x);
  const T tail = erfc_positive(a);
  return a < T(0.5) ? T(1) - erf_small(x) : x < T(0) ? T(2) - tail : tail;
}

// With w = -log(1 - x^2): erfinv(x) / x for w up to 5, a polynomial in w; beyond, where x may be as
// near to 1 as 1 - 2^-53, erfinv(x) itself as one in sqrt(w).  At most 2.5 ulp off.
PULLBACK_INLINE double erfinv_central(double w) {
  return polynomial(muladd(w, 0.4, -1.0), 1.501409351110792, 0.6166006918604175,
                    -0.026108235777397546, -0.019573561059547235, 0.00852540095093571,
                    -0.00048789839832821423, -0.0008341356436274527, 0.00029219068516379794,
                    2.0472417318135177e-05, -4.143207161087569e-05, 8.652724308992296e-06,
                    2.851653340750412e-06, -1.8538776245567707e-06, 1.358328533200264e-07,
                    1.9955253577447374e-07, -7.089712161469048e-08, -6.723947932139946e-09,
                    1.1039320695967966e-08, -1.9762731377249387e-09, -9.755337189136466e-10,
                    4.4154081401624544e-10, 3.858161126784112e-11, -3.8266700213012684e-11);
}
PULLBACK_INLINE double erfinv_tail(double root) {
  constexpr double kMiddle = (2.2 + 6.05) / 2, kHalf = (6.05 - 2.2) / 2;
  return polynomial((root - kMiddle) / kHalf, 3.965988436068322, 1.9438082129812095,
                    0.0035553537680286223, -0.005127345438072659, 0.003395366401847141,
                    -0.0018441792644407426, 0.0008959766611173214, -0.00038583861438903493,
                    0.00012566316329798967, 1.872955120624636e-06, -5.6137102302813574e-05,
                    6.6051364652608e-05, -5.006463955175736e-05, 2.444892993430427e-05,
                    -2.5149775875745566e-06, -8.912413625828035e-06, 1.0079095936872536e-05,
                    -5.54924524123431e-06, 7.903105654015753e-07, 1.1326442094342875e-06,
                    -1.0414239961853936e-06, 8.142962160504683e-07, -5.237606892127236e-07,
                    -8.30795515721002e-08, 3.475249625191744e-07, -1.2933653552568736e-07,
                    -4.1704990864364544e-08, 3.125022016395868e-08, -3.695758445992649e-09);
}
PULLBACK_INLINE double erfinv(double x) {
  const double a = absolute(x);
  const double w = -log((1.0 - a) * (1.0 + a));
  const double central = x * erfinv_central(w);
  const double tail = with_sign(erfinv_tail(square_root(w)), x);
  const double end = a > 1.0 ? kNan<double> : with_sign(kInf<double>, x);
  const double inner = w > 5.0 ? tail : central;
  return a >= 1.0 ? end : inner;
}

// The normal distribution function of x and e^(-x^2/2).
template <typename T>
struct Normal {
  T cdf, e;
};
PULLBACK_INLINE Normal<double> normal(double x) {
  double a = absolute(x);
  a = a > 40.0 ? 40.0 : a;
  const double z = a * 0.70710678118654752;
  const double e = exp_minus_square(a, 0.5);
  const double far = 0.5 * e * erfc_shape(z) / (1.0 + 2.0 * z);
  const double tail = select(z < 0.5, 0.5 - 0.5 * erf_small(z), far);
  return {x < 0.0 ? tail : 1.0 - tail, e};
}
// The tail is e^(-a^2/2) / (a + 5/2) times a polynomial in (a - 5/2) / (a + 5/2).
PULLBACK_INLINE Normal<float> normal(float x) {
  float a = absolute(x);
  a = a > 14.5f ? 14.5f : a;  // where e has underflowed
  const float square = a * a;
  const float e = exp_lifted(-0.5f * square, -0.5f * square_error(a, square));
  const float q = 1.0f / (a + 2.5f);
  const float shape = polynomial((a - 2.5f) * q, 0.706656635, -0.433692127, 0.131988004,
                                 0.0092378445, -0.0163935591, -0.00161071937, 0.00254152459,
                                 0.00070426258, -0.000324979104, -0.000171672873);
  const float tail = e * (q * shape);
  return {x < 0.0f ? tail : 1.0f - tail, e};
}

}  // namespace PULLBACK_ISA
}  // namespace pullback::kernels
