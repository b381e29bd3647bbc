// Elementary and special functions, element by element.
//
// Each operator is its record: the kernel and the slope in recorded operators.  Integers are
// computed in the default dtype.  Start reading at exp.
#include "ops/pointwise/math.h"

#include <cmath>
#include <limits>

#include "core/error.h"
#include "ops/elementwise.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/compare.h"
#include "ops/pointwise/select.h"
#include "ops/table.h"

namespace pullback {

using kernels::binary;
using kernels::unary;

namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr double kLn2 = 0.69314718055994530942;
constexpr double kLn10 = 2.30258509299404568402;
constexpr double kTwoOverRootPi = 1.12837916709551257390;

// The derivatives of tanh and sigmoid from their result, each one kernel.
Tensor tanh_grad(const Tensor& g, const Tensor& y);
Tensor sigmoid_grad(const Tensor& g, const Tensor& y);

const Elementwise record_tanh_grad("tanh_backward", "TanhBackwardBackward0", DTypeRule::Promote,
                                   binary<"tanh_grad">,
                                   {kReadsB, [](T t, S s) { return tanh_grad(t, s.b().tensor()); }},
                                   {kReadsA | kReadsB,
                                    [](T t, S s) { return t * (s.a() * s.b() * -2); }});
const Elementwise record_sigmoid_grad(
    "sigmoid_backward", "SigmoidBackwardBackward0", DTypeRule::Promote, binary<"sigmoid_grad">,
    {kReadsB, [](T t, S s) { return sigmoid_grad(t, s.b().tensor()); }},
    {kReadsA | kReadsB, [](T t, S s) { return t * (s.a() * (1 - s.b() * 2)); }});

Tensor tanh_grad(const Tensor& g, const Tensor& y) { return elementwise(record_tanh_grad, g, y); }
Tensor sigmoid_grad(const Tensor& g, const Tensor& y) {
  return elementwise(record_sigmoid_grad, g, y);
}

}  // namespace

#define PB_SAMPLES "x(3,4) | x() | x(0,3) | xs(3,4)"
#define PB_COMPLEX " | z(3,4) | z() | zs(3,4)"
#define PB_POSITIVE "x(3,4, low=0.2, high=3) | x(low=0.2, high=3) | xs(3,4, low=0.2, high=3)"
#define PB_INSIDE "x(3,4, low=-0.9, high=0.9) | x(low=-0.9, high=0.9) | xs(3,4, low=-0.9, high=0.9)"

PB_UNARY(exp, "ExpBackward0", Float, kReadsY, t* s.y(), "e to the power of each element.",
         PB_SAMPLES PB_COMPLEX)
PB_UNARY(exp2, "Exp2Backward0", Float, kReadsY, t*(s.y() * kLn2), "2 to the power of each element.",
         PB_SAMPLES PB_COMPLEX)
PB_UNARY(expm1, "Expm1Backward0", Float, kReadsY, t*(s.y() + 1),
         "exp(input) - 1, exact also near 0.", PB_SAMPLES PB_COMPLEX)
PB_UNARY(log, "LogBackward0", Float, kReadsX, t / s.x(), "The natural logarithm.",
         PB_POSITIVE PB_COMPLEX)
PB_UNARY(log2, "Log2Backward0", Float, kReadsX, t / (s.x() * kLn2), "The logarithm to base 2.",
         PB_POSITIVE PB_COMPLEX)
PB_UNARY(log10, "Log10Backward0", Float, kReadsX, t / (s.x() * kLn10), "The logarithm to base 10.",
         PB_POSITIVE PB_COMPLEX)
PB_UNARY(log1p, "Log1PBackward0", Float, kReadsX, t / (s.x() + 1),
         "log(1 + input), exact also near 0.", PB_POSITIVE PB_COMPLEX)
PB_UNARY(sqrt, "SqrtBackward0", Float, kReadsY, t / (s.y() * 2), "The square root.",
         PB_POSITIVE PB_COMPLEX)
PB_UNARY(rsqrt, "RsqrtBackward0", Float, kReadsY, t*(pow(s.y(), 3) * -0.5), "1 / sqrt(input).",
         PB_POSITIVE PB_COMPLEX)
PB_UNARY(sin, "SinBackward0", Float, kReadsX, t* cos(s.x()), "The sine.", PB_SAMPLES PB_COMPLEX)
PB_UNARY(cos, "CosBackward0", Float, kReadsX, neg(t* sin(s.x())), "The cosine.",
         PB_SAMPLES PB_COMPLEX)
PB_UNARY(tan, "TanBackward0", Float, kReadsY, t*(square(s.y()) + 1), "The tangent.",
         "x(3,4, low=-1, high=1) | x(low=-1, high=1)" PB_COMPLEX)
PB_UNARY(asin, "AsinBackward0", Float, kReadsX, PB_WIDE(t* rsqrt(1 - square(s.x()))),
         "The arc sine.", PB_INSIDE PB_COMPLEX)
PB_UNARY(acos, "AcosBackward0", Float, kReadsX, PB_WIDE(neg(t* rsqrt(1 - square(s.x())))),
         "The arc cosine.", PB_INSIDE PB_COMPLEX)
PB_UNARY(atan, "AtanBackward0", Float, kReadsX, PB_WIDE(t / (square(s.x()) + 1)),
         "The arc tangent.", PB_SAMPLES PB_COMPLEX)
PB_UNARY(sinh, "SinhBackward0", Float, kReadsX, t* cosh(s.x()), "The hyperbolic sine.",
         PB_SAMPLES PB_COMPLEX)
PB_UNARY(cosh, "CoshBackward0", Float, kReadsX, t* sinh(s.x()), "The hyperbolic cosine.",
         PB_SAMPLES PB_COMPLEX)
PB_UNARY(tanh, "TanhBackward0", Float, kReadsY, tanh_grad(t, s.y()), "The hyperbolic tangent.",
         PB_SAMPLES PB_COMPLEX)
PB_UNARY(asinh, "AsinhBackward0", Float, kReadsX, PB_WIDE(t* rsqrt(square(s.x()) + 1)),
         "The inverse of sinh.", PB_SAMPLES PB_COMPLEX)
// The root of the product is another branch in half of the complex plane.
static Tensor acosh_slope(T t, S s) {
  const Tensor& x = s.x();
  return t * (is_complex(x.dtype()) ? rsqrt(x - 1) * rsqrt(x + 1) : rsqrt(square(x) - 1));
}
PB_UNARY(acosh, "AcoshBackward0", Float, kReadsX, PB_WIDE(acosh_slope(t, s)),
         "The inverse of cosh.", "x(3,4, low=1.2, high=3) | x(low=1.2, high=3)" PB_COMPLEX)
PB_UNARY(atanh, "AtanhBackward0", Float, kReadsX, PB_WIDE(t / (1 - square(s.x()))),
         "The inverse of tanh.", PB_INSIDE PB_COMPLEX)
PB_UNARY(sigmoid, "SigmoidBackward0", Float, kReadsY, sigmoid_grad(t, s.y()),
         "1 / (1 + exp(-input)).", PB_SAMPLES PB_COMPLEX)
PB_UNARY(erf, "ErfBackward0", Float, kReadsX, PB_WIDE(t*(exp(neg(square(s.x()))) * kTwoOverRootPi)),
         "The error function.", PB_SAMPLES)
PB_UNARY(erfc, "ErfcBackward0", Float, kReadsX,
         PB_WIDE(t*(exp(neg(square(s.x()))) * -kTwoOverRootPi)),
         "1 - erf(input), exact also where it is "
         "small.",
         PB_SAMPLES)
PB_UNARY(erfinv, "ErfinvBackward0", Float, kReadsX,
         PB_WIDE(t*(exp(square(erfinv(s.x()))) * (1 / kTwoOverRootPi))), "The inverse of erf.",
         PB_INSIDE)
PB_UNARY(lgamma, "LgammaBackward0", Float, kReadsX, t* digamma(s.x()),
         "The logarithm of the absolute value of the gamma function.", PB_POSITIVE)
PB_UNARY(digamma, "DigammaBackward0", Float, kReadsX, t* polygamma(1, s.x()),
         "The derivative of lgamma.", PB_POSITIVE)
PB_UNARY(sinc, "SincBackward0", Float, kReadsX,
         PB_WIDE(where(eq(s.x(), 0), 0, t*((cos(s.x() * kPi) - sinc(s.x())) / s.x()))),
         "sin(pi input) / (pi input), and 1 at 0.", PB_SAMPLES PB_COMPLEX)

static Tensor polygamma_slope(T t, S s) {
  return t * polygamma(static_cast<std::int64_t>(s.p(0)) + 1, s.x());
}
static const Elementwise record_polygamma("polygamma", "PolygammaBackward0", DTypeRule::Float,
                                          unary<"polygamma">, {kReadsX, polygamma_slope});

Tensor polygamma(std::int64_t n, const Tensor& input) {
  check(n >= 0, "polygamma(n, x) does not support negative n.");
  if (n == 0) return digamma(input);
  const double params[kMaxParams] = {static_cast<double>(n), 0, 0};
  return elementwise(record_polygamma, input, params);
}

// Outside [eps, 1 - eps] the result is constant; without eps it is NaN outside [0, 1].
static Tensor logit_slope(T t, S s) {
  const double eps = s.p(0);
  const Tensor& x = s.x();
  const double low = eps < 0 ? 0 : eps;
  const Tensor inside = logical_and(ge(x, low), le(x, 1 - low));
  const Scalar outside(eps < 0 ? std::numeric_limits<double>::quiet_NaN() : 0.0);
  return where(inside, t / (x * (1 - x)), outside);
}
static const Elementwise record_logit("logit", "LogitBackward0", DTypeRule::Float, unary<"logit">,
                                      {kReadsX,
                                       [](T t, S s) { return PB_WIDE(logit_slope(t, s)); }});

Tensor logit(const Tensor& input, std::optional<double> eps) {
  if (eps) fitting(*eps, input.dtype() == DType::Float64 ? DType::Float64 : DType::Float32);
  const double params[kMaxParams] = {eps.value_or(-1), 0, 0};
  return elementwise(record_logit, input, params);
}

static const Elementwise record_deg2rad("deg2rad", "Deg2RadBackward0", DTypeRule::Float,
                                        binary<"mul">,
                                        {kReadsB, [](T t, S s) { return t * s.b(); }}, kZeroSlope);
static const Elementwise record_rad2deg("rad2deg", "Rad2DegBackward0", DTypeRule::Float,
                                        binary<"mul">,
                                        {kReadsB, [](T t, S s) { return t * s.b(); }}, kZeroSlope);

static void refuse_complex(const Tensor& input, const char* name) {
  check(!is_complex(input.dtype()), name, " is not supported for complex tensors.");
}
static Tensor deg2rad(const Tensor& input) {
  refuse_complex(input, "deg2rad");
  return elementwise(record_deg2rad, input, kPi / 180);
}
static Tensor rad2deg(const Tensor& input) {
  refuse_complex(input, "rad2deg");
  return elementwise(record_rad2deg, input, 180 / kPi);
}

// 1 / (a * a + b * b), and 0 at the origin.
static Tensor inverse_square_length(S s) {
  const Tensor length = s.a() * s.a() + s.b() * s.b();
  return where(eq(length, 0), 0, reciprocal(length));
}
static const Elementwise record_atan2(
    "atan2", "Atan2Backward0", DTypeRule::Float, binary<"atan2">,
    {kReadsA | kReadsB, [](T t, S s) { return t * (s.b() * inverse_square_length(s)); }},
    {kReadsA | kReadsB,
     [](T t, S s) { return t * (neg(s.a().tensor()) * inverse_square_length(s)); }});

Tensor atan2(const Tensor& input, const Tensor& other) {
  return elementwise(record_atan2, input, other);
}

static const Elementwise record_hypot(
    "hypot", "HypotBackward0", DTypeRule::Promote, binary<"hypot">,
    {kReadsA | kReadsY, [](T t, S s) { return t * (s.a() / s.y()); }},
    {kReadsB | kReadsY, [](T t, S s) { return t * (s.b() / s.y()); }});

Tensor hypot(const Tensor& input, const Tensor& other) {
  return elementwise(record_hypot, input, other);
}

Tensor zero_at_pole(const Tensor& gradient, const Saved& s, double pole) {
  const Operand& y = s.b();
  if (!y.is_tensor() && y.number().to_double() > pole) return gradient;
  const Tensor none = eq(s.a().tensor(), 0);
  return masked_fill(gradient, y.is_tensor() ? logical_and(none, le(y.tensor(), pole)) : none, 0);
}

static Tensor xlogy_slope(T t, S s) { return zero_at_pole(xlogy(t, s.b()), s, 0); }
static Tensor xlogy_log_slope(T t, S s) { return t * (s.a() / s.b()); }

Tensor xlogy(const Operand& input, const Operand& other) {
  static const Elementwise record("xlogy", "XlogyBackward0", DTypeRule::Float, binary<"xlogy">,
                                  {kReadsA | kReadsB, xlogy_slope},
                                  {kReadsA | kReadsB, xlogy_log_slope});
  static const Elementwise record_of_number("xlogy", "XlogyBackward1", DTypeRule::Float,
                                            binary<"xlogy">, kZeroSlope,
                                            {kReadsA | kReadsB, xlogy_log_slope});
  static const Elementwise record_number("xlogy", "XlogyBackward2", DTypeRule::Float,
                                         binary<"xlogy">, {kReadsA | kReadsB, xlogy_slope},
                                         kZeroSlope);
  const Elementwise& op = !input.is_tensor()  ? record_of_number
                          : other.is_tensor() ? record
                                              : record_number;
  return elementwise(op, input, other);
}

Tensor finite_below(const Tensor& input) {
  return is_floating(input.dtype()) ? clamp_min(input, -largest(input.dtype())) : input;
}

Tensor finite_above(const Tensor& input) {
  return is_floating(input.dtype()) ? clamp_max(input, largest(input.dtype())) : input;
}

// The share of one operand in the sum: sigmoid of how far it exceeds the other.
static Tensor share(T t, const Operand& mine, const Operand& other, double scale) {
  const Tensor excess = mine - finite_below(other.tensor());
  return t * sigmoid(scale == 1 ? excess : excess * scale);
}
static const Elementwise record_logaddexp(
    "logaddexp", "LogaddexpBackward0", DTypeRule::Promote, binary<"logaddexp">,
    {kReadsA | kReadsB, [](T t, S s) { return share(t, s.a(), s.b(), 1); }},
    {kReadsA | kReadsB, [](T t, S s) { return share(t, s.b(), s.a(), 1); }});
static const Elementwise record_logaddexp2(
    "logaddexp2", "Logaddexp2Backward0", DTypeRule::Promote, binary<"logaddexp2">,
    {kReadsA | kReadsB, [](T t, S s) { return share(t, s.a(), s.b(), kLn2); }},
    {kReadsA | kReadsB, [](T t, S s) { return share(t, s.b(), s.a(), kLn2); }});

Tensor logaddexp(const Tensor& input, const Tensor& other) {
  return elementwise(record_logaddexp, input, other);
}
Tensor logaddexp2(const Tensor& input, const Tensor& other) {
  return elementwise(record_logaddexp2, input, other);
}

static Tensor polygamma_method(const Tensor& input, std::int64_t n) { return polygamma(n, input); }

static const Entry entry_polygamma("polygamma(n, input)", direct<polygamma>,
                                   kFunctionForm | kCastOutForm | kSpecialForm,
                                   "The n-th derivative of digamma.",
                                   "1, x(3,4, low=0.2, high=3) | 2, x(3, low=0.2, high=3)");
static const Entry entry_polygamma_method("polygamma(input, n)", direct<polygamma_method>,
                                          kMethodForm | kInPlaceForm,
                                          "The n-th derivative of digamma.",
                                          "x(3,4, low=0.2, high=3), 1");
static const Entry entry_logit("logit(input, eps=None)", direct<logit>, kPointwise,
                               "log(input / (1 - input)), of input clamped to [eps, 1 - eps].",
                               "x(3,4, low=0.1, high=0.9) | x(3,4, low=0.1, high=0.9), 0.3 "
                               "| x(low=0.1, high=0.9)");
static const Entry entry_deg2rad("deg2rad(input)", direct<deg2rad>, kPointwise,
                                 "Degrees as radians.", "x(3,4) | x()");
static const Entry entry_rad2deg("rad2deg(input)", direct<rad2deg>, kPointwise,
                                 "Radians as degrees.", "x(3,4) | x()");

#define PB_ALIAS(NAME, OF, SAMPLES)                                                                \
  static const Entry entry_##NAME(#NAME "(input)", direct<OF>, kPointwise, "The same as " #OF ".", \
                                  SAMPLES);
PB_ALIAS(arcsin, asin, PB_INSIDE)
PB_ALIAS(arccos, acos, PB_INSIDE)
PB_ALIAS(arctan, atan, PB_SAMPLES)
PB_ALIAS(arcsinh, asinh, PB_SAMPLES)
PB_ALIAS(arccosh, acosh, "x(3,4, low=1.2, high=3)")
PB_ALIAS(arctanh, atanh, PB_INSIDE)

#define PB_BINARY_SAMPLES \
  "x(3,4), x(3,4) | x(3,1), x(4) | x(), x() | xs(3,4), x(3,4) | x(0,3), x(3)"
static const Entry entry_atan2("atan2(input, other)", direct<atan2>, kPointwise,
                               "The angle of the point (other, input).", PB_BINARY_SAMPLES);
static const Entry entry_arctan2("arctan2(input, other)", direct<atan2>, kPointwise,
                                 "The same as atan2.", PB_BINARY_SAMPLES);
static const Entry entry_hypot("hypot(input, other)", direct<hypot>, kPointwise,
                               "sqrt(input**2 + other**2) without overflow.", PB_BINARY_SAMPLES);
static const Entry entry_xlogy("xlogy(input|self, other)", direct<xlogy>, kPointwise | kSpecialForm,
                               "input * log(other), and 0 where input is 0.",
                               "x(3,4), x(3,4, low=0.2, high=3) | x(3,1), x(4, low=0.2, high=3) "
                               "| 2.5, x(3, low=0.2, high=3) | x(3), 2.5 | x(), x(low=1, high=2)");
static const Entry entry_logaddexp("logaddexp(input, other)", direct<logaddexp>, kCastBoth,
                                   "log(exp(input) + exp(other)) without overflow.",
                                   PB_BINARY_SAMPLES " | z(3,4), z(4)");
static const Entry entry_logaddexp2("logaddexp2(input, other)", direct<logaddexp2>, kCastBoth,
                                    "log2(2**input + 2**other) without overflow.",
                                    PB_BINARY_SAMPLES);

}  // namespace pullback
