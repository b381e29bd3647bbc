// Loops of vectorised elementary functions (vecmath.h).
//
// The functions that are hot in float have a float form of their own; the others serve float by way
// of double.  Start reading at fill_math.
#include <cmath>

#include "kernels/loops.h"
#include "kernels/vecmath.h"

namespace pullback::kernels {
namespace PULLBACK_ISA {
namespace {

#define PULLBACK_NATIVE(Name, function)             \
  template <typename T>                             \
  struct Name {                                     \
    T operator()(T x) const { return function(x); } \
  };
PULLBACK_NATIVE(Exp, exp)
PULLBACK_NATIVE(Log, log)
PULLBACK_NATIVE(Tanh, tanh)
PULLBACK_NATIVE(Sigmoid, sigmoid)
PULLBACK_NATIVE(Erf, erf)
PULLBACK_NATIVE(Erfc, erfc)
#undef PULLBACK_NATIVE

#define PULLBACK_BY_DOUBLE(Name, function)                    \
  template <typename T>                                       \
  struct Name {                                               \
    double operator()(double x) const { return function(x); } \
  };
PULLBACK_BY_DOUBLE(Exp2, exp2)
PULLBACK_BY_DOUBLE(Expm1, expm1)
PULLBACK_BY_DOUBLE(Log2, log2)
PULLBACK_BY_DOUBLE(Log10, log10)
PULLBACK_BY_DOUBLE(Log1p, log1p)
PULLBACK_BY_DOUBLE(Asin, asin)
PULLBACK_BY_DOUBLE(Acos, acos)
PULLBACK_BY_DOUBLE(Atan, atan)
PULLBACK_BY_DOUBLE(Sinh, sinh)
PULLBACK_BY_DOUBLE(Cosh, cosh)
PULLBACK_BY_DOUBLE(Asinh, asinh)
PULLBACK_BY_DOUBLE(Acosh, acosh)
PULLBACK_BY_DOUBLE(Atanh, atanh)
PULLBACK_BY_DOUBLE(Erfinv, erfinv)
#undef PULLBACK_BY_DOUBLE

struct Sin {
  static double moderate(double x) { return sin_moderate(x); }
  static double any(double x) { return std::sin(x); }
  static float any(float x) { return std::sin(x); }
};
struct Cos {
  static double moderate(double x) { return cos_moderate(x); }
  static double any(double x) { return std::cos(x); }
  static float any(float x) { return std::cos(x); }
};
struct Tan {
  static double moderate(double x) { return tan_moderate(x); }
  static double any(double x) { return std::tan(x); }
  static float any(float x) { return std::tan(x); }
};

// Huge, infinite and NaN angles go to libm, element by element.
template <typename Op, typename T>
struct Trigonometric {
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
template <typename Op>
void set_trigonometric(ElementwiseTable& t, Unary op) {
  t.unary[static_cast<int>(op)][static_cast<int>(DType::Float32)] = &Trigonometric<Op, float>::run;
  t.unary[static_cast<int>(op)][static_cast<int>(DType::Float64)] = &Trigonometric<Op, double>::run;
}

template <typename T>
struct Atan2 {
  double operator()(double y, double x) const { return atan2(y, x); }
};
template <typename T>
struct Xlogy {
  T operator()(T x, T y) const { return y != y ? y : x == T(0) ? T(0) : x * log(y); }
};
template <typename T>
struct Logaddexp {
  double operator()(double a, double b) const {
    const double top = a > b ? a : b;
    const double sum = top + log1p(exp(-absolute(a - b)));
    return ((a == b) & (absolute(a) == kInf<double>)) ? a : sum;
  }
};
template <typename T>
struct Logaddexp2 {
  double operator()(double a, double b) const {
    constexpr double kLog2E = 1.4426950408889634;
    const double top = a > b ? a : b;
    const double sum = top + log1p(exp2(-absolute(a - b))) * kLog2E;
    return ((a == b) & (absolute(a) == kInf<double>)) ? a : sum;
  }
};
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

template <template <typename> typename Op>
void set_floats(ElementwiseTable& t, Unary op) {
  set<MathUnary, Op, float, double>(t, op);
}

}  // namespace

void fill_math(ElementwiseTable& t) {
  set_floats<Exp>(t, Unary::Exp);
  set_floats<Exp2>(t, Unary::Exp2);
  set_floats<Expm1>(t, Unary::Expm1);
  set_floats<Log>(t, Unary::Log);
  set_floats<Log2>(t, Unary::Log2);
  set_floats<Log10>(t, Unary::Log10);
  set_floats<Log1p>(t, Unary::Log1p);
  set_floats<Asin>(t, Unary::Asin);
  set_floats<Acos>(t, Unary::Acos);
  set_floats<Atan>(t, Unary::Atan);
  set_floats<Sinh>(t, Unary::Sinh);
  set_floats<Cosh>(t, Unary::Cosh);
  set_floats<Tanh>(t, Unary::Tanh);
  set_floats<Asinh>(t, Unary::Asinh);
  set_floats<Acosh>(t, Unary::Acosh);
  set_floats<Atanh>(t, Unary::Atanh);
  set_floats<Sigmoid>(t, Unary::Sigmoid);
  set_floats<Erf>(t, Unary::Erf);
  set_floats<Erfc>(t, Unary::Erfc);
  set_floats<Erfinv>(t, Unary::Erfinv);
  set_trigonometric<Sin>(t, Unary::Sin);
  set_trigonometric<Cos>(t, Unary::Cos);
  set_trigonometric<Tan>(t, Unary::Tan);
  set<MathBinary, Atan2, float, double>(t, Binary::Atan2);
  set<MathBinary, Xlogy, float, double>(t, Binary::Xlogy);
  set<MathBinary, Logaddexp, float, double>(t, Binary::Logaddexp);
  set<MathBinary, Logaddexp2, float, double>(t, Binary::Logaddexp2);
  set<MathBinary, Hypot, float, double>(t, Binary::Hypot);
}

}  // namespace PULLBACK_ISA
}  // namespace pullback::kernels
