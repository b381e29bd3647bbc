// Loops of vectorised elementary functions (vecmath.h).
//
// The functions that are hot in float have a float form of their own; the others serve float by way
// of double.  The math library's lgamma_r is used because lgamma writes a global.  Start reading at
// PULLBACK_NATIVE.
#include <cmath>

#include "kernels/loops.h"
#include "kernels/special/normal.h"
#include "kernels/vecmath_normal.h"

namespace pullback::kernels {
namespace PULLBACK_ISA {
namespace {

#define PULLBACK_NATIVE(Name, function)             \
  template <typename T>                             \
  struct Name {                                     \
    T operator()(T x) const { return function(x); } \
  };                                                \
  const Register<#function, MathUnary, Name, Floats> k##Name;
PULLBACK_NATIVE(Exp, exp)
PULLBACK_NATIVE(Exp2, exp2)
PULLBACK_NATIVE(Expm1, expm1)
PULLBACK_NATIVE(Log, log)
PULLBACK_NATIVE(Log1p, log1p)
PULLBACK_NATIVE(Tanh, tanh)
PULLBACK_NATIVE(Sigmoid, sigmoid)
PULLBACK_NATIVE(Erf, erf)
PULLBACK_NATIVE(Erfc, erfc)
#undef PULLBACK_NATIVE

#define PULLBACK_BY_DOUBLE(Name, function)                    \
  template <typename T>                                       \
  struct Name {                                               \
    double operator()(double x) const { return function(x); } \
  };                                                          \
  const Register<#function, MathUnary, Name, Floats> k##Name;
PULLBACK_BY_DOUBLE(Log2, log2)
PULLBACK_BY_DOUBLE(Log10, log10)
PULLBACK_BY_DOUBLE(Asin, asin)
PULLBACK_BY_DOUBLE(Acos, acos)
PULLBACK_BY_DOUBLE(Atan, atan)
PULLBACK_BY_DOUBLE(Sinh, sinh)
PULLBACK_BY_DOUBLE(Cosh, cosh)
PULLBACK_BY_DOUBLE(Asinh, asinh)
PULLBACK_BY_DOUBLE(Acosh, acosh)
PULLBACK_BY_DOUBLE(Atanh, atanh)
#undef PULLBACK_BY_DOUBLE

// Arguments are first brought into [eps, 1 - eps], unless eps is negative.
template <typename T>
struct Logit {
  explicit Logit(const double* p)
      : low(p[0] >= 0.0 ? static_cast<T>(p[0]) : -kInf<T>),
        high(p[0] >= 0.0 ? T(1) - static_cast<T>(p[0]) : kInf<T>) {}
  T operator()(T x) const {
    x = x < low ? low : x > high ? high : x;
    return log(x / (T(1) - x));
  }
  T low, high;
};
const Register<"logit", MathUnary, Logit, Floats> kLogit;

template <typename T>
struct Erfinv {
  T operator()(T x) const { return erfinv(x); }
};
const Register<"erfinv", MathUnary, Erfinv, Floats> kErfinv(Cost::Slow);

struct Angles {
  template <typename T>
  PULLBACK_INLINE static bool is_moderate(T x) {
    return absolute(x) <= T(kTrigMax);
  }
};
template <typename T>
struct Sin : Angles {
  static double moderate(double x) { return sin_moderate(x); }
  static T any(T x) { return std::sin(x); }
};
template <typename T>
struct Cos : Angles {
  static double moderate(double x) { return cos_moderate(x); }
  static T any(T x) { return std::cos(x); }
};
template <typename T>
struct Tan : Angles {
  static double moderate(double x) { return tan_moderate(x); }
  static T any(T x) { return std::tan(x); }
};

// Arguments that are not moderate go to libm, element by element.
template <typename Op, typename T>
struct ModerateUnary : Traits<Cost::Math> {
  using Out = T;
  [[gnu::noinline, gnu::flatten]] static void contiguous(T* out, const T* in, int64_t n,
                                                         const double*) {
    for (int64_t begin = 0; begin < n; begin += kStage) {
      const int64_t end = begin + whole(n - begin < kStage ? n - begin : kStage);
      int moderate = 1;
      for (int64_t i = begin; i < end; ++i) moderate &= Op::is_moderate(in[i]);
      if (moderate != 0) [[likely]] {
#pragma GCC ivdep
        for (int64_t i = begin; i < end; ++i) out[i] = static_cast<T>(Op::moderate(in[i]));
      } else {
        for (int64_t i = begin; i < end; ++i) {
          const T x = in[i];
          out[i] = Op::is_moderate(x) ? static_cast<T>(Op::moderate(x)) : Op::any(x);
        }
      }
    }
  }
  static void run(char* out, const char* in, int64_t so, int64_t si, int64_t n,
                  const double* params) {
    staged_unary<ModerateUnary, T>(out, in, so, si, n, params);
  }
};
const Register<"sin", ModerateUnary, Sin, Floats> kSin;
const Register<"cos", ModerateUnary, Cos, Floats> kCos;
const Register<"tan", ModerateUnary, Tan, Floats> kTan;

// lgamma for positive floats: below 4 from that of 1 + d with 0 <= d < 1, which is d (d - 1) times
// a polynomial, and the logarithm of the factors between; from 4 on by Stirling's series.
PULLBACK_INLINE double lgamma_positive(double x) {
  const double factors = select(x < 3.0, x - 1.0, (x - 1.0) * (x - 2.0));
  const double product = select(x < 1.0, x, select(x < 2.0, 1.0, factors));
  const double logarithm = log(select(x < 4.0, product, x));
  const double whole = x < 1.0 ? 0.0 : x < 2.0 ? 1.0 : x < 3.0 ? 2.0 : 3.0;
  const double d = select(x < 4.0, x - whole, 0.5);
  const double slope =
      polynomial(d - 0.5, 0.48312895054098087, -0.14595990197047848, 0.062911404835583162,
                 -0.031308005354291575, 0.01679679922060099, -0.0094362882687330212,
                 0.0054530805032640458, -0.0031169820596948635, 0.0018638849491948337,
                 -0.0015244858346622184, 0.00093493312778748664);
  const double near = d * (d - 1.0) * slope + (x < 1.0 ? -logarithm : logarithm);
  const double inverse = 1.0 / x;
  const double series =
      inverse * polynomial(inverse * inverse, 0.083333333255361339, -0.002777737696539205,
                           0.00079037488426422797, -0.00050669833447411169);
  const double far = (x - 0.5) * logarithm - x + (0.91893853320467274 + series);
  return select(x < 4.0, near, far);
}
template <typename T>
struct Lgamma {
  T operator()(T x) const {
    int sign;
    return ::lgamma_r(x, &sign);
  }
};
template <>
struct Lgamma<float> {
  static bool is_moderate(float x) { return (x > 0.0f) & (x < kInf<float>); }
  static double moderate(double x) { return lgamma_positive(x); }
  static float any(float x) {
    int sign;
    return ::lgammaf_r(x, &sign);
  }
};
const Register<"lgamma", ModerateUnary, Lgamma, DTypes<float>> kLgammaOfFloat(Cost::Slow);
const Register<"lgamma", PlainUnary, Lgamma, DTypes<double>> kLgamma;

template <typename T>
struct Atan2 {
  double operator()(double y, double x) const { return atan2(y, x); }
};
const Register<"atan2", MathBinary, Atan2, Floats> kAtan2(Cost::Slow);
template <typename T>
struct Xlogy {
  T operator()(T x, T y) const { return y != y ? y : x == T(0) ? T(0) : x * log(y); }
};
const Register<"xlogy", MathBinary, Xlogy, Floats> kXlogy;
template <typename T>
struct Logaddexp {
  double operator()(double a, double b) const {
    const double top = a > b ? a : b;
    const double sum = top + log1p(exp(-absolute(a - b)));
    return ((a == b) & (absolute(a) == kInf<double>)) ? a : sum;
  }
};
const Register<"logaddexp", MathBinary, Logaddexp, Floats> kLogaddexp;
template <typename T>
struct Logaddexp2 {
  double operator()(double a, double b) const {
    constexpr double kLog2E = 1.4426950408889634;
    const double top = a > b ? a : b;
    const double sum = top + log1p(exp2(-absolute(a - b))) * kLog2E;
    return ((a == b) & (absolute(a) == kInf<double>)) ? a : sum;
  }
};
const Register<"logaddexp2", MathBinary, Logaddexp2, Floats> kLogaddexp2;
template <typename T>
struct Hypot {
  T operator()(T a, T b) const {
    if constexpr (std::is_same_v<T, float>) {
      const double x = a;
      const double y = b;
      const float length = static_cast<float>(square_root(x * x + y * y));
      return ((absolute(a) == kInf<float>) | (absolute(b) == kInf<float>)) ? kInf<float> : length;
    } else {
      return std::hypot(a, b);
    }
  }
};
const Register<"hypot", MathBinary, Hypot, Floats> kHypot(Cost::Slow);

}  // namespace
}  // namespace PULLBACK_ISA
}  // namespace pullback::kernels
