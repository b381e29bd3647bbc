// Loops of vectorised elementary functions (vecmath.h).
//
// The functions that are hot in float have a float form of their own; the others serve float by way
// of double.  Start reading at fill_math.
#include <cmath>

#include "kernels/loops.h"
#include "kernels/special/normal.h"
#include "kernels/vecmath.h"

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

template <typename T>
struct Sin {
  static double moderate(double x) { return sin_moderate(x); }
  static T any(T x) { return std::sin(x); }
};
template <typename T>
struct Cos {
  static double moderate(double x) { return cos_moderate(x); }
  static T any(T x) { return std::cos(x); }
};
template <typename T>
struct Tan {
  static double moderate(double x) { return tan_moderate(x); }
  static T any(T x) { return std::tan(x); }
};

// Huge, infinite and NaN angles go to libm, element by element.
template <typename Op, typename T>
struct Trigonometric : Traits<Cost::Math> {
  using Out = T;
  [[gnu::noinline, gnu::flatten]] static void contiguous(T* out, const T* in, int64_t n,
                                                         const double*) {
    for (int64_t begin = 0; begin < n; begin += kStage) {
      const int64_t end = n - begin < kStage ? n : begin + kStage;
      int moderate = 1;
      for (int64_t i = begin; i < end; ++i) moderate &= absolute(in[i]) <= T(kTrigMax);
      if (moderate != 0) [[likely]] {
#pragma GCC ivdep
        for (int64_t i = begin; i < end; ++i) out[i] = static_cast<T>(Op::moderate(in[i]));
      } else {
        for (int64_t i = begin; i < end; ++i) {
          const T x = in[i];
          out[i] = absolute(x) <= T(kTrigMax) ? static_cast<T>(Op::moderate(x)) : Op::any(x);
        }
      }
    }
  }
  static void run(char* out, const char* in, int64_t so, int64_t si, int64_t n,
                  const double* params) {
    staged_unary<Trigonometric, T>(out, in, so, si, n, params);
  }
};
const Register<"sin", Trigonometric, Sin, Floats> kSin;
const Register<"cos", Trigonometric, Cos, Floats> kCos;
const Register<"tan", Trigonometric, Tan, Floats> kTan;

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
