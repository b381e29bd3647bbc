// Loops of complex numbers, compiled once.
//
// Elementary functions are the C library's, products and quotients by the parts: an infinite part
// is not made whole as in Annex G of C, which is PyTorch's way.
#include <cmath>
#include <complex>

#define PULLBACK_ISA plain
#include "kernels/loops.h"

namespace pullback::kernels {
namespace PULLBACK_ISA {
namespace {

using Complex = DTypes<std::complex<float>, std::complex<double>>;
template <typename Z>
using Real = typename Z::value_type;

template <typename Z>
Z product(Z a, Z b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}
// R. L. Smith, Algorithm 116: Complex division, Communications of the ACM 5 (1962).
template <typename Z>
Z quotient(Z a, Z b) {
  using R = Real<Z>;
  const R c = b.real(), d = b.imag();
  if (c == R(0) && d == R(0)) return {a.real() / std::abs(c), a.imag() / std::abs(d)};
  if (std::abs(c) >= std::abs(d)) {
    const R ratio = d / c;
    const R scale = R(1) / (c + d * ratio);
    return {(a.real() + a.imag() * ratio) * scale, (a.imag() - a.real() * ratio) * scale};
  }
  const R ratio = c / d;
  const R scale = R(1) / (c * ratio + d);
  return {(a.real() * ratio + a.imag()) * scale, (a.imag() * ratio - a.real()) * scale};
}
template <typename Z>
bool is_nan(Z z) {
  return std::isnan(z.real()) || std::isnan(z.imag());
}
template <typename Z>
bool is_zero(Z z) {
  return z == Z(0);
}
template <typename Z>
Z inverse(Z z) {
  return quotient(Z(1), z);
}
// A complex factor: its real part where the real kernels have theirs, then the imaginary one.
template <typename Z>
Z factor(const double* p) {
  return {static_cast<Real<Z>>(p[0]), static_cast<Real<Z>>(p[2])};
}

template <typename Z>
struct Neg {
  Z operator()(Z z) const { return -z; }
};
const Register<"neg", LightUnary, Neg, Complex> kNeg;
template <typename Z>
struct Square {
  Z operator()(Z z) const { return product(z, z); }
};
const Register<"square", LightUnary, Square, Complex> kSquare;
template <typename Z>
struct Reciprocal {
  Z operator()(Z z) const { return inverse(z); }
};
const Register<"reciprocal", PlainUnary, Reciprocal, Complex> kReciprocal;
template <typename Z>
struct Abs {
  Real<Z> operator()(Z z) const { return std::abs(z); }
};
const Register<"abs", PlainUnary, Abs, Complex> kAbs;
template <typename Z>
struct Sgn {
  Z operator()(Z z) const { return is_zero(z) ? Z(0) : z / std::abs(z); }
};
const Register<"sgn", PlainUnary, Sgn, Complex> kSgn;
template <typename Z>
struct Angle {
  Real<Z> operator()(Z z) const { return std::arg(z); }
};
const Register<"angle", PlainUnary, Angle, Complex> kAngle;
template <typename T>
struct RealAngle {
  T operator()(T x) const { return std::isnan(x) ? x : x < T(0) ? static_cast<T>(M_PI) : T(0); }
};
const Register<"angle", PlainUnary, RealAngle, Floats> kRealAngle;
template <typename T>
struct OfParts {
  std::complex<T> operator()(T real, T imag) const { return {real, imag}; }
};
const Register<"complex", LightBinary, OfParts, Floats> kOfParts;
template <typename T>
struct Polar {
  std::complex<T> operator()(T length, T angle) const {
    return {length * std::cos(angle), length * std::sin(angle)};
  }
};
const Register<"polar", PlainBinary, Polar, Floats> kPolar;
template <typename Z>
struct NanToNum {
  explicit NanToNum(const double* p)
      : nan(static_cast<Real<Z>>(p[0])),
        inf(static_cast<Real<Z>>(p[1])),
        minus_inf(static_cast<Real<Z>>(p[2])) {}
  Real<Z> part(Real<Z> x) const {
    return std::isnan(x) ? nan : !std::isinf(x) ? x : x > 0 ? inf : minus_inf;
  }
  Z operator()(Z z) const { return {part(z.real()), part(z.imag())}; }
  Real<Z> nan, inf, minus_inf;
};
const Register<"nan_to_num", PlainUnary, NanToNum, Complex> kNanToNum;

template <typename Z>
struct Add {
  Z operator()(Z a, Z b) const { return a + b; }
};
const Register<"add", LightBinary, Add, Complex> kAdd;
template <typename Z>
struct Sub {
  Z operator()(Z a, Z b) const { return a - b; }
};
const Register<"sub", LightBinary, Sub, Complex> kSub;
template <typename Z>
struct Mul {
  Z operator()(Z a, Z b) const { return product(a, b); }
};
const Register<"mul", LightBinary, Mul, Complex> kMul;
template <typename Z>
struct Div {
  Z operator()(Z a, Z b) const { return quotient(a, b); }
};
const Register<"div", PlainBinary, Div, Complex> kDiv;
template <typename Z>
struct AddScaled {
  explicit AddScaled(const double* p) : alpha(factor<Z>(p)) {}
  Z operator()(Z a, Z b) const { return a + product(alpha, b); }
  Z alpha;
};
const Register<"add_scaled", LightBinary, AddScaled, Complex> kAddScaled;
template <typename Z>
struct Addcmul {
  explicit Addcmul(const double* p) : value(factor<Z>(p)) {}
  Z operator()(Z a, Z b, Z c) const { return a + product(product(value, b), c); }
  Z value;
};
const Register<"addcmul", PlainTernary, Addcmul, Complex> kAddcmul;
template <typename Z>
struct Addcdiv {
  explicit Addcdiv(const double* p) : value(factor<Z>(p)) {}
  Z operator()(Z a, Z b, Z c) const { return a + quotient(product(value, b), c); }
  Z value;
};
const Register<"addcdiv", PlainTernary, Addcdiv, Complex> kAddcdiv;
template <typename Z>
struct Lerp {
  Z operator()(Z a, Z b, Z w) const {
    const Z d = b - a;
    return std::norm(w) < Real<Z>(0.25) ? a + product(w, d) : b - product(d, Z(1) - w);
  }
};
const Register<"lerp", PlainTernary, Lerp, Complex> kLerp;

template <typename Z>
struct Eq {
  bool operator()(Z a, Z b) const { return a == b; }
};
const Register<"eq", LightBinary, Eq, Complex> kEq;
template <typename Z>
struct Ne {
  bool operator()(Z a, Z b) const { return !(a == b); }
};
const Register<"ne", LightBinary, Ne, Complex> kNe;
template <typename Z>
struct LogicalAnd {
  bool operator()(Z a, Z b) const { return !is_zero(a) && !is_zero(b); }
};
const Register<"logical_and", LightBinary, LogicalAnd, Complex> kLogicalAnd;
template <typename Z>
struct LogicalOr {
  bool operator()(Z a, Z b) const { return !is_zero(a) || !is_zero(b); }
};
const Register<"logical_or", LightBinary, LogicalOr, Complex> kLogicalOr;
template <typename Z>
struct LogicalXor {
  bool operator()(Z a, Z b) const { return is_zero(a) != is_zero(b); }
};
const Register<"logical_xor", LightBinary, LogicalXor, Complex> kLogicalXor;
template <typename Z>
struct LogicalNot {
  bool operator()(Z z) const { return is_zero(z); }
};
const Register<"logical_not", LightUnary, LogicalNot, Complex> kLogicalNot;
template <typename Z>
struct IsNan {
  bool operator()(Z z) const { return is_nan(z); }
};
const Register<"isnan", LightUnary, IsNan, Complex> kIsNan;
template <typename Z>
struct IsInf {
  bool operator()(Z z) const { return std::isinf(z.real()) || std::isinf(z.imag()); }
};
const Register<"isinf", LightUnary, IsInf, Complex> kIsInf;
template <typename Z>
struct IsFinite {
  bool operator()(Z z) const { return std::isfinite(z.real()) && std::isfinite(z.imag()); }
};
const Register<"isfinite", LightUnary, IsFinite, Complex> kIsFinite;

#define PULLBACK_OF_LIBRARY(Name, function)              \
  template <typename Z>                                  \
  struct Name {                                          \
    Z operator()(Z z) const { return std::function(z); } \
  };                                                     \
  const Register<#function, PlainUnary, Name, Complex> k##Name;
PULLBACK_OF_LIBRARY(Sqrt, sqrt)
PULLBACK_OF_LIBRARY(Exp, exp)
PULLBACK_OF_LIBRARY(Log, log)
PULLBACK_OF_LIBRARY(Log10, log10)
PULLBACK_OF_LIBRARY(Sin, sin)
PULLBACK_OF_LIBRARY(Cos, cos)
PULLBACK_OF_LIBRARY(Tan, tan)
PULLBACK_OF_LIBRARY(Asin, asin)
PULLBACK_OF_LIBRARY(Acos, acos)
PULLBACK_OF_LIBRARY(Atan, atan)
PULLBACK_OF_LIBRARY(Sinh, sinh)
PULLBACK_OF_LIBRARY(Cosh, cosh)
PULLBACK_OF_LIBRARY(Tanh, tanh)
PULLBACK_OF_LIBRARY(Asinh, asinh)
PULLBACK_OF_LIBRARY(Acosh, acosh)
PULLBACK_OF_LIBRARY(Atanh, atanh)
#undef PULLBACK_OF_LIBRARY

template <typename Z>
struct Rsqrt {
  Z operator()(Z z) const { return inverse(std::sqrt(z)); }
};
const Register<"rsqrt", PlainUnary, Rsqrt, Complex> kRsqrt;
template <typename Z>
struct Exp2 {
  Z operator()(Z z) const { return std::exp(z * static_cast<Real<Z>>(M_LN2)); }
};
const Register<"exp2", PlainUnary, Exp2, Complex> kExp2;
template <typename Z>
struct Log2 {
  Z operator()(Z z) const { return std::log(z) / static_cast<Real<Z>>(M_LN2); }
};
const Register<"log2", PlainUnary, Log2, Complex> kLog2;

// e^x cos y - 1 = (e^x - 1) cos y - 2 sin(y/2)^2, of which no term cancels near 0.
template <typename Z>
struct Expm1 {
  Z operator()(Z z) const {
    using R = Real<Z>;
    const R x = z.real(), y = z.imag();
    const R half = std::sin(y / R(2));
    return {std::expm1(x) * std::cos(y) - R(2) * half * half, std::exp(x) * std::sin(y)};
  }
};
const Register<"expm1", PlainUnary, Expm1, Complex> kExpm1;

// log |1 + z| is log1p(2x + x^2 + y^2) / 2 near 0, with the sum in double.
template <typename Z>
struct Log1p {
  Z operator()(Z z) const {
    using R = Real<Z>;
    const R x = z.real(), y = z.imag();
    if (y == R(0) && x >= R(-1)) return {std::log1p(x), y};
    if (!(std::abs(x) < R(0.5) && std::abs(y) < R(0.5))) return std::log(Z(R(1) + x, y));
    const double sum = double(x) * (2.0 + double(x)) + double(y) * double(y);
    return {static_cast<R>(std::log1p(sum) / 2.0), std::atan2(y, R(1) + x)};
  }
};
const Register<"log1p", PlainUnary, Log1p, Complex> kLog1p;
template <typename Z>
Z sigmoid(Z z) {
  return inverse(Z(1) + std::exp(-z));
}
template <typename Z>
struct Sigmoid {
  Z operator()(Z z) const { return sigmoid(z); }
};
const Register<"sigmoid", PlainUnary, Sigmoid, Complex> kSigmoid;
template <typename Z>
struct Silu {
  Z operator()(Z z) const { return quotient(z, Z(1) + std::exp(-z)); }
};
const Register<"silu", PlainUnary, Silu, Complex> kSilu;
template <typename Z>
struct Sinc {
  Z operator()(Z z) const {
    const Z angle = z * static_cast<Real<Z>>(M_PI);
    return is_zero(z) ? Z(1) : quotient(std::sin(angle), angle);
  }
};
const Register<"sinc", PlainUnary, Sinc, Complex> kSinc;

template <typename Z>
struct Logaddexp {
  Z operator()(Z a, Z b) const {
    if (is_nan(a) || is_nan(b)) return Z(NAN, NAN);
    const Z top = a.real() >= b.real() ? a : b;
    const Z other = a.real() >= b.real() ? b : a;
    if (std::isinf(top.real()) && top.real() == other.real()) {
      return top.real() < 0 ? other : std::log(std::exp(a) + std::exp(b));
    }
    return Log1p<Z>()(std::exp(other - top)) + top;
  }
};
const Register<"logaddexp", PlainBinary, Logaddexp, Complex> kLogaddexp;

// The common exponents that are numbers are products, roots and quotients; those in a tensor, also
// of one element, are not.
template <typename Op, typename Z>
struct Power : Traits<Cost::Slow> {
  using Out = Z;
  static void run(char* out, const char* a, const char* b, int64_t so, int64_t sa, int64_t,
                  int64_t n, const double*) {
    const auto each = [=](auto function) {
      for (int64_t i = 0; i < n; ++i) store<Z>(out + i * so, function(load<Z>(a + i * sa)));
    };
    using R = Real<Z>;
    const Z exponent = load<Z>(b);
    if (exponent == R(2)) return each([](Z z) { return product(z, z); });
    if (exponent == R(-1)) return each([](Z z) { return inverse(z); });
    if (exponent == R(0.5)) return each([](Z z) { return std::sqrt(z); });
    if (exponent == R(-0.5)) return each([](Z z) { return inverse(std::sqrt(z)); });
    if (exponent == R(0)) return each([](Z) { return Z(1); });
    if (exponent == R(1)) return each([](Z z) { return z; });
    if (exponent == R(3)) return each([](Z z) { return product(product(z, z), z); });
    if (exponent == R(-2)) return each([](Z z) { return inverse(product(z, z)); });
    return each([=](Z z) { return std::pow(z, exponent); });
  }
};
template <typename Z>
struct Pow {
  Z operator()(Z a, Z b) const { return std::pow(a, b); }
};
const Register<"pow", PlainBinary, Pow, Complex> kPow;
const Register<"pow_number", Power, Pow, Complex> kPowNumber;

// Every power of the number 1 is 1.
template <typename Op, typename Z>
struct PowerOf : Traits<Cost::Slow> {
  using Out = Z;
  static void run(char* out, const char* a, const char* b, int64_t so, int64_t sa, int64_t sb,
                  int64_t n, const double* params) {
    if (load<Z>(a) != Z(1)) return PlainBinary<Op, Z>::run(out, a, b, so, sa, sb, n, params);
    for (int64_t i = 0; i < n; ++i) store<Z>(out + i * so, Z(1));
  }
};
const Register<"pow_of_number", PowerOf, Pow, Complex> kPowOfNumber;

// Derivatives in one go; a gradient g first.
template <typename Z>
struct TanhGrad {
  Z operator()(Z g, Z y) const { return product(g, Z(1) - product(y, y)); }
};
const Register<"tanh_grad", LightBinary, TanhGrad, Complex> kTanhGrad;
template <typename Z>
struct SigmoidGrad {
  Z operator()(Z g, Z y) const { return product(g, product(Z(1) - y, y)); }
};
const Register<"sigmoid_grad", LightBinary, SigmoidGrad, Complex> kSigmoidGrad;
template <typename Z>
struct SiluGrad {
  Z operator()(Z g, Z z) const {
    const Z s = sigmoid(z);
    return product(g, product(s, Z(1) + product(z, Z(1) - s)));
  }
};
const Register<"silu_grad", PlainBinary, SiluGrad, Complex> kSiluGrad;

}  // namespace
}  // namespace PULLBACK_ISA
}  // namespace pullback::kernels
