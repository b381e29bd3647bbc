// Arithmetic and its operators: +, -, *, /, //, %, **, and the like.
//
// Each operator's record, function and rows of the table stand together; start reading at add.
#include "ops/pointwise/arithmetic.h"

#include <cmath>

#include "core/error.h"
#include "ops/basic.h"
#include "ops/destination.h"
#include "ops/elementwise.h"
#include "ops/pointwise/compare.h"
#include "ops/pointwise/math.h"
#include "ops/pointwise/select.h"
#include "ops/table.h"

namespace pullback {

using kernels::binary;
using kernels::unary;

static const Elementwise record_add("add", "AddBackward0", DTypeRule::Promote, binary<"add">,
                                    {kReadsNothing, [](T t, S) { return t; }, kSelfAdjoint},
                                    {kReadsNothing, [](T t, S) { return t; }, kSelfAdjoint});
static const Elementwise record_add_scaled("add", "AddBackward0", DTypeRule::Promote,
                                           binary<"add_scaled">,
                                           {kReadsNothing, [](T t, S) { return t; }, kSelfAdjoint},
                                           {kReadsNothing,
                                            [](T t, S s) { return t * s.factor(); }});
static const Elementwise record_sub("sub", "SubBackward0", DTypeRule::Promote, binary<"sub">,
                                    {kReadsNothing, [](T t, S) { return t; }, kSelfAdjoint},
                                    {kReadsNothing, [](T t, S) { return neg(t); }, kSelfAdjoint});
static const Elementwise record_sub_scaled("sub", "SubBackward0", DTypeRule::Promote,
                                           binary<"add_scaled">,
                                           {kReadsNothing, [](T t, S) { return t; }, kSelfAdjoint},
                                           {kReadsNothing,
                                            [](T t, S s) { return t * s.factor(); }});

void check_factor(DType dtype, const Scalar& factor, const char* name) {
  check(factor.category() != Category::Bool || dtype == DType::Bool, "Boolean ", name,
        " only supported for Boolean results.");
  check(!factor.is_floating() || is_differentiable(dtype), "For integral input tensors, argument ",
        name, " must not be a floating point number.");
  check(!factor.is_complex() || is_complex(dtype), "For non-complex input tensors, argument ", name,
        " must not be a complex number.");
}

static Tensor scaled(const Elementwise& op, const Operand& a, const Operand& b, Scalar alpha) {
  const DType dtype = result_type(a, b);
  check_factor(dtype, alpha);
  if (dtype == DType::Bool) {
    fitting(alpha, dtype);
    if (alpha.to_bool()) return elementwise(record_add, a, b);
    const Operand none(Tensor::zeros(b.sizes(), DType::Bool));
    return elementwise(record_add, a, b.is_tensor() ? none : Operand(false));
  }
  double params[kMaxParams];
  scale_params(params, dtype, alpha);
  return elementwise(op, a, b, params);
}

// The factor 1 that every operand takes.
static bool is_one(const Scalar& alpha) {
  return alpha.category() == Category::Integral && alpha.to_double() == 1;
}

Tensor add(const Operand& input, const Operand& other, Scalar alpha) {
  if (is_one(alpha)) return elementwise(record_add, input, other);
  return scaled(record_add_scaled, input, other, alpha);
}

static void refuse_bool_sub(const Operand& a, const Operand& b) {
  const auto is_bool = [](const Operand& x) {
    return x.is_tensor() ? x.tensor().dtype() == DType::Bool
                         : x.number().category() == Category::Bool;
  };
  if (is_bool(a) && is_bool(b)) {
    fail(
        "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or "
        "`logical_xor()` operator instead.");
  }
  if (is_bool(a) || is_bool(b)) {
    fail(
        "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to "
        "invert a mask, use the `~` or `logical_not()` operator instead.");
  }
}

static Scalar negative(const Scalar& alpha) {
  if (alpha.category() == Category::Bool) return alpha;
  if (alpha.is_complex()) return Scalar(-alpha.to_complex());
  if (alpha.is_floating() || alpha.is_wide()) return Scalar(-alpha.to_double());
  return Scalar(static_cast<std::int64_t>(-static_cast<std::uint64_t>(alpha.to_int())));
}

Tensor sub(const Operand& input, const Operand& other, Scalar alpha) {
  refuse_bool_sub(input, other);
  if (is_one(alpha)) return elementwise(record_sub, input, other);
  return scaled(record_sub_scaled, input, other, negative(alpha));
}

static const Elementwise record_mul("mul", "MulBackward0", DTypeRule::Promote, binary<"mul">,
                                    {kReadsB, [](T t, S s) { return t * s.b(); }},
                                    {kReadsA, [](T t, S s) { return t * s.a(); }});

Tensor mul(const Operand& input, const Operand& other) {
  return elementwise(record_mul, input, other);
}

static const Elementwise record_div("div", "DivBackward0", DTypeRule::Float, binary<"div">,
                                    {kReadsB, [](T t, S s) { return t / s.b(); }},
                                    {kReadsA | kReadsB,
                                     [](T t, S s) { return neg(t * (s.a() / s.b() / s.b())); }});

Tensor true_divide(const Operand& input, const Operand& other) {
  return elementwise(record_div, input, other);
}

static const Elementwise record_mul_number("mul", "MulBackward1", DTypeRule::Promote, binary<"mul">,
                                           {kReadsB, [](T t, S s) { return t * s.b(); }},
                                           kZeroSlope);
static const Elementwise record_div_number("div", "DivBackward1", DTypeRule::Float, binary<"div">,
                                           {kReadsB, [](T t, S s) { return t / s.b(); }},
                                           kZeroSlope);

Tensor mul_number(const Tensor& input, const Scalar& number) {
  return elementwise(record_mul_number, input, number);
}

Tensor div_number(const Tensor& input, const Scalar& number) {
  return elementwise(record_div_number, input, number);
}

static const Elementwise record_div_trunc("div", "DivBackward2", DTypeRule::Promote,
                                          binary<"trunc_divide">, kZeroSlope, kZeroSlope);
static const Elementwise record_div_floor("div", "DivBackward2", DTypeRule::Promote,
                                          binary<"floor_divide">, kZeroSlope, kZeroSlope);

Tensor div(const Operand& input, const Operand& other,
           const std::optional<std::string_view>& rounding_mode) {
  if (!rounding_mode) return true_divide(input, other);
  if (*rounding_mode == "trunc") return elementwise(record_div_trunc, input, other);
  if (*rounding_mode == "floor") return elementwise(record_div_floor, input, other);
  fail("div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '",
       *rounding_mode, "'");
}

static const Elementwise record_floor_divide("floor_divide", "NotImplemented", DTypeRule::Promote,
                                             binary<"floor_divide">, {}, {});

Tensor floor_divide(const Operand& input, const Operand& other) {
  return elementwise(record_floor_divide, input, other);
}

static Tensor floor_quotient(S s) { return elementwise(record_div_floor, s.a(), s.b()); }
static Tensor trunc_quotient(S s) { return elementwise(record_div_trunc, s.a(), s.b()); }

static const Elementwise record_remainder("remainder", "RemainderBackward1", DTypeRule::Promote,
                                          binary<"remainder">,
                                          {kReadsNothing, [](T t, S) { return t; }, kSelfAdjoint},
                                          {kReadsA | kReadsB,
                                           [](T t, S s) { return neg(t * floor_quotient(s)); }});
static const Elementwise record_remainder_number(
    "remainder", "RemainderBackward0", DTypeRule::Promote, binary<"remainder">,
    {kReadsNothing, [](T t, S) { return t; }, kSelfAdjoint}, kZeroSlope);

Tensor remainder(const Operand& input, const Operand& other) {
  return elementwise(other.is_tensor() ? record_remainder : record_remainder_number, input, other);
}

static const Elementwise record_fmod("fmod", "FmodBackward1", DTypeRule::Promote, binary<"fmod">,
                                     {kReadsNothing, [](T t, S) { return t; }, kSelfAdjoint},
                                     {kReadsA | kReadsB,
                                      [](T t, S s) { return neg(t * trunc_quotient(s)); }});
static const Elementwise record_fmod_number("fmod", "FmodBackward0", DTypeRule::Promote,
                                            binary<"fmod">,
                                            {kReadsNothing, [](T t, S) { return t; }, kSelfAdjoint},
                                            kZeroSlope);

Tensor fmod(const Tensor& input, const Operand& other) {
  return elementwise(other.is_tensor() ? record_fmod : record_fmod_number, input, other);
}

// Whether the slope at x needs a history of its own.
static bool has_history(const Tensor& x) { return x.has(kBatched) ? mode.grad : is_recorded(x); }

// x**0 has the derivative zero everywhere, also at 0.
static Tensor power_slope(T t, S s) {
  const Scalar& exponent = s.b().number();
  if (exponent.is(0)) return zero_slope(t, s);
  if (exponent.is(1) && !has_history(s.a().tensor())) return t;
  const Scalar less = exponent.is_complex()    ? Scalar(exponent.to_complex() - 1.0)
                      : exponent.is_floating() ? Scalar(exponent.to_double() - 1)
                                               : Scalar(exponent.to_int() - 1);
  return t * (pow(s.a(), less) * exponent);
}

// Where the slope is recorded it is a power: in torch a polynomial stays part of the graph until
// its derivative is zero.
static Tensor square_slope(T t, S s) {
  return t * ((has_history(s.x()) ? pow(s.x(), 1) : s.x()) * 2);
}
static const Elementwise record_square("pow", "PowBackward0", DTypeRule::Promote, unary<"square">,
                                       {kReadsX, square_slope});

static const Elementwise record_pow_number("pow", "PowBackward0", DTypeRule::Promote,
                                           binary<"pow_number">, {kReadsA | kReadsB, power_slope},
                                           kZeroSlope);

static Tensor base_slope(T t, S s) {
  const Tensor& e = s.b().tensor();
  return where(eq(e, 0), 0, t * (e * pow(s.a(), e - 1)));
}
// The logarithm of a base, which is complex as the power is.
static Operand log_of_base(const Operand& base, DType power) {
  if (base.is_tensor()) return log(is_complex(power) ? cast(base.tensor(), power) : base.tensor());
  const std::complex<double> value = base.number().to_complex();
  return is_complex(power) ? Operand(Scalar(std::log(value))) : Operand(std::log(value.real()));
}
// 0**e has the derivative zero for e >= 0.
static Tensor exponent_slope(T t, S s) {
  const Tensor slope = s.y() * log_of_base(s.a(), s.y().dtype());
  const Tensor e = real(s.b().tensor());
  if (s.a().is_tensor()) {
    return t * where(logical_and(eq(s.a().tensor(), 0), ge(e, 0)), 0, slope);
  }
  return t * (s.a().number().is(0) ? where(ge(e, 0), 0, slope) : slope);
}
static const Elementwise record_pow("pow", "PowBackward1", DTypeRule::Promote, binary<"pow">,
                                    {kReadsA | kReadsB, base_slope},
                                    {kReadsA | kReadsB | kReadsY, exponent_slope});
static const Elementwise record_pow_of_number("pow", "PowBackward2", DTypeRule::Promote,
                                              binary<"pow_of_number">, kZeroSlope,
                                              {kReadsA | kReadsB | kReadsY, exponent_slope});

Tensor pow(const Operand& input, const Operand& exponent) {
  if (exponent.is_tensor()) {
    return elementwise(input.is_tensor() ? record_pow : record_pow_of_number, input, exponent);
  }
  const Scalar& e = exponent.number();
  const Category base =
      input.is_tensor() ? category(input.tensor().dtype()) : input.number().category();
  const Category wider = std::max(base, e.category());
  if (wider == Category::Bool && input.is_tensor()) {
    return logical_or(input.tensor(), Tensor::scalar(Scalar(!e.to_bool()), DType::Bool));
  }
  if (wider == Category::Integral) {
    check(e.to_int() >= 0, "Integers to negative integer powers are not allowed.");
    fitting(e, result_type(input, exponent));
  }
  if (base == wider && base != Category::Bool && e.is(2)) {
    return elementwise(record_square, input);
  }
  return elementwise(record_pow_number, input, exponent);
}

Tensor square(const Tensor& input) { return pow(input, 2); }

static Tensor float_power(const Operand& input, const Operand& exponent, Target target) {
  const DType dtype = is_complex(result_type(input, exponent)) ? DType::Complex128 : DType::Float64;
  if (const Tensor* base = target.in_place()) {
    check(base->dtype() == dtype, "the base given to float_power_ has dtype ",
          info(base->dtype()).scalar_name, " but the operation's result requires dtype ",
          info(dtype).scalar_name);
  }
  const auto widen = [dtype](const Operand& x) {
    if (x.is_tensor()) return Operand(cast(x.tensor(), dtype));
    return x.number().is_complex() ? x : Operand(x.number().to_double());
  };
  const Operand base = widen(input);
  const Operand power = widen(exponent);
  const Offer last(target);
  return pow(base, power);
}

Tensor rsub(const Tensor& input, const Operand& other, Scalar alpha) {
  static const Elementwise record("rsub", "RsubBackward0", DTypeRule::Promote, binary<"sub">,
                                  {kReadsNothing, [](T t, S) { return t; }, kSelfAdjoint},
                                  {kReadsNothing, [](T t, S) { return neg(t); }, kSelfAdjoint});
  static const Elementwise record_number(
      "rsub", "RsubBackward1", DTypeRule::Promote, binary<"sub">, kZeroSlope,
      {kReadsNothing, [](T t, S) { return neg(t); }, kSelfAdjoint});
  refuse_bool_sub(input, other);
  const DType dtype = result_type(input, other);
  check_factor(dtype, alpha);
  fitting(negative(alpha), dtype);
  const Operand scaled_input = is_one(alpha) ? Operand(input) : mul(input, alpha);
  return elementwise(other.is_tensor() ? record : record_number, other, scaled_input);
}

static const Elementwise record_neg("neg", "NegBackward0", DTypeRule::Promote, unary<"neg">,
                                    {kReadsNothing, [](T t, S) { return neg(t); }, kSelfAdjoint});

Tensor neg(const Tensor& input) {
  if (input.dtype() == DType::Bool) {
    fail(
        "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to "
        "invert a mask, use the `~` or `logical_not()` operator instead.");
  }
  return elementwise(record_neg, input);
}

Tensor positive(const Tensor& input) {
  check(input.dtype() != DType::Bool, "The `+` operator, on a bool tensor is not supported.");
  return input;
}

static const Elementwise record_abs("abs", "AbsBackward0", DTypeRule::Promote, unary<"abs">,
                                    {kReadsX, [](T t, S s) { return t * conj(sgn(s.x())); }});
Tensor abs(const Tensor& input) { return elementwise(record_abs, input); }
static Tensor abs_into(const Tensor& input, Target target) {
  check(!target.in_place() || !is_complex(input.dtype()),
        "In-place abs is not supported for complex tensors.");
  const Offer last(target);
  return abs(input);
}

static const Elementwise record_sign("sign", "SignBackward0", DTypeRule::Promote, unary<"sign">,
                                     kZeroSlope);
Tensor sign(const Tensor& input) {
  check(ErrorKind::NotImplemented, !is_complex(input.dtype()),
        "Unlike NumPy, torch.sign is not intended to support complex numbers. Please use torch.sgn "
        "instead.");
  return elementwise(record_sign, input);
}

// What of t runs along the circle, by its radius.
static Tensor sgn_slope(T t, S s) {
  const Tensor along = t - s.y() * real(conj(s.y()) * t);
  return where(eq(s.x(), 0), 0, along / abs(s.x()));
}
static const Elementwise record_sgn("sgn", "SgnBackward0", DTypeRule::Promote, unary<"sgn">,
                                    kZeroSlope);
static const Elementwise record_sgn_complex("sgn", "SgnBackward0", DTypeRule::Promote, unary<"sgn">,
                                            {kReadsX | kReadsY, sgn_slope, kSelfAdjoint});
Tensor sgn(const Tensor& input) {
  return elementwise(is_complex(input.dtype()) ? record_sgn_complex : record_sgn, input);
}

PB_UNARY(reciprocal, "ReciprocalBackward0", Float, kReadsY, neg(t*(s.y() * s.y())), "1 / input.",
         "x(3,4, low=0.5, high=2) | x() | xs(3,4) | z(3,4)")
PB_UNARY(floor, "FloorBackward0", Promote, kReadsNothing, zero_slope(t, s),
         "The largest integer not above each element.", "x(3,4) | x()")
PB_UNARY(ceil, "CeilBackward0", Promote, kReadsNothing, zero_slope(t, s),
         "The smallest integer not below each element.", "x(3,4) | x()")
PB_UNARY(trunc, "TruncBackward0", Promote, kReadsNothing, zero_slope(t, s),
         "Each element without its digits after the point.", "x(3,4) | x()")
static const Entry entry_fix("fix(input)", direct<trunc>, kBoth | kInPlaceForm,
                             "The same as trunc.", "x(3,4)");
PB_UNARY(frac, "FracBackward0", Promote, kReadsNothing, t,
         "The digits of each element after the point, with its sign.", "x(3,4) | x()")

static const Elementwise record_round("round", "RoundBackward0", DTypeRule::Promote, unary<"round">,
                                      kZeroSlope);
static const Elementwise record_round_decimals("round", "RoundBackward1", DTypeRule::Promote,
                                               unary<"round_decimals">, kZeroSlope);

Tensor round(const Tensor& input, std::int64_t decimals) {
  if (decimals == 0) return elementwise(record_round, input);
  const double params[kMaxParams] = {static_cast<double>(decimals), 0, 0};
  return elementwise(record_round_decimals, input, params);
}

static const Elementwise record_addcmul(
    "addcmul", "AddcmulBackward0", DTypeRule::Promote, kernels::ternary<"addcmul">,
    {kReadsNothing, [](T t, S) { return t; }, kSelfAdjoint},
    {kReadsC, [](T t, S s) { return t * (s.c() * s.factor()); }},
    {kReadsB, [](T t, S s) { return t * (s.b() * s.factor()); }});

Tensor addcmul(const Tensor& input, const Tensor& tensor1, const Tensor& tensor2, Scalar value) {
  double params[kMaxParams];
  scale_params(params, promote_types(input.dtype(), result_type(tensor1, tensor2)), value);
  return elementwise(record_addcmul, input, tensor1, tensor2, params);
}

static const Elementwise record_addcdiv(
    "addcdiv", "AddcdivBackward0", DTypeRule::Promote, kernels::ternary<"addcdiv">,
    {kReadsNothing, [](T t, S) { return t; }, kSelfAdjoint},
    {kReadsC, [](T t, S s) { return t * (Operand(s.factor()) / s.c()); }},
    {kReadsB | kReadsC, [](T t, S s) { return neg(t * (s.b() * s.factor() / (s.c() * s.c()))); }});

Tensor addcdiv(const Tensor& input, const Tensor& tensor1, const Tensor& tensor2, Scalar value) {
  check(is_differentiable(tensor1.dtype()) || is_differentiable(tensor2.dtype()),
        "Integer division with addcdiv is no longer supported. Write input + value * tensor1 / "
        "tensor2 for a true division, or use div(rounding_mode=\"trunc\").");
  double params[kMaxParams];
  scale_params(params, promote_types(input.dtype(), result_type(tensor1, tensor2)), value);
  return elementwise(record_addcdiv, input, tensor1, tensor2, params);
}

static Scalar rest_of(const Scalar& weight) {
  return weight.is_complex() ? Scalar(1.0 - weight.to_complex()) : Scalar(1 - weight.to_double());
}
static const Elementwise record_lerp_number(
    "lerp", "LerpBackward0", DTypeRule::Promote, kernels::ternary<"lerp">,
    {kReadsC, [](T t, S s) { return t * rest_of(s.c().number()); }},
    {kReadsC, [](T t, S s) { return t * s.c(); }}, kZeroSlope);
static const Elementwise record_lerp("lerp", "LerpBackward1", DTypeRule::Promote,
                                     kernels::ternary<"lerp">,
                                     {kReadsC, [](T t, S s) { return t * (1 - s.c()); }},
                                     {kReadsC, [](T t, S s) { return t * s.c(); }},
                                     {kReadsA | kReadsB,
                                      [](T t, S s) { return t * (s.b() - s.a()); }});

Tensor lerp(const Tensor& input, const Tensor& end, const Operand& weight) {
  const auto check_dtype = [&](const char* what, DType dtype) {
    check(dtype == input.dtype(), "expected dtype ", info(input.dtype()).c_name, " for `", what,
          "` but got dtype ", info(dtype).c_name);
  };
  check_dtype("end", end.dtype());
  check(ErrorKind::NotImplemented, is_differentiable(input.dtype()),
        "\"lerp\" not implemented for '", info(input.dtype()).scalar_name, "'");
  if (!weight.is_tensor()) {
    const Scalar& number = fitting(weight.number(), input.dtype());
    const Scalar factor = is_complex(input.dtype()) ? number : Scalar(number.to_double());
    return elementwise(record_lerp_number, input, end, factor);
  }
  Tensor by = weight.tensor();
  if (by.ndim() == 0 && by.dtype() != input.dtype()) {
    const ModeScope<&Mode::destination> aside{nullptr};
    by = cast(by, input.dtype());
  }
  check_dtype("weight", by.dtype());
  return elementwise(record_lerp, input, end, by);
}

static const Elementwise record_nan_to_num("nan_to_num", "NanToNumBackward0", DTypeRule::Promote,
                                           unary<"nan_to_num">,
                                           {kReadsX, [](T t, S s) { return t * isfinite(s.x()); }});

Tensor nan_to_num(const Tensor& input, std::optional<double> nan, std::optional<double> posinf,
                  std::optional<double> neginf) {
  const double most = largest(real_of(input.dtype()));
  const double params[kMaxParams] = {nan.value_or(0), posinf.value_or(most),
                                     neginf.value_or(-most)};
  return elementwise(record_nan_to_num, input, params);
}

// 1 where the sign stays, -1 where it flips, 0 at 0.
static Tensor copysign_slope(T t, S s) {
  return t * where(eq(s.a().tensor(), 0), 0, s.y() / s.a());
}
static const Elementwise record_copysign("copysign", "CopysignBackward0", DTypeRule::Float,
                                         binary<"copysign">, {kReadsA | kReadsY, copysign_slope},
                                         kZeroSlope);
static const Elementwise record_copysign_number("copysign", "CopysignBackward1", DTypeRule::Float,
                                                binary<"copysign">,
                                                {kReadsA | kReadsY, copysign_slope}, kZeroSlope);

Tensor copysign(const Tensor& input, const Operand& other) {
  return elementwise(other.is_tensor() ? record_copysign : record_copysign_number, input, other);
}

static Tensor sub_number(const Tensor& input, Scalar other, Scalar alpha) {
  static const Elementwise record("sub", "SubBackward1", DTypeRule::Promote, binary<"add_scaled">,
                                  {kReadsNothing, [](T t, S) { return t; }, kSelfAdjoint},
                                  kZeroSlope);
  refuse_bool_sub(input, other);
  return scaled(record, input, other, negative(alpha));
}
static Tensor rsub_number(const Tensor& input, Scalar other, Scalar alpha) {
  return rsub(input, other, alpha);
}

static const Entry entry_add(
    "add(input, other, *, alpha=1)", direct<add>, kPointwise,
    "input + alpha * other, with broadcasting and type promotion.",
    "x(3,4), x(3,4) | x(3,4), x(4) | x(2,1,4), x(3,1), alpha=2.5 | x(3), 2 "
    "| x(3), 2.5 | x(), x(0,3) | xs(3,4), x(3,4) | z(3,4), z(4), alpha=1-2j | x(3), z(2,3), "
    "alpha=2 "
    "| x(3), 2j",
    nullptr, "input, alpha, other");
static const char kSubSamples[] =
    "x(3,4), x(3,4) | x(3,1), x(4), alpha=2 | x(3), 2.5 | x(), x() "
    "| z(3,4), x(4), alpha=2j | x(3), 1j";
static const Entry entry_sub("sub(input, other, *, alpha=1)", direct<sub>, kPointwise,
                             "input - alpha * other, with broadcasting and type promotion.",
                             kSubSamples, nullptr, "input, alpha, other");
static const Entry entry_subtract("subtract(input, other, *, alpha=1)", direct<sub>, kPointwise,
                                  "The same as sub.", kSubSamples);
static const Entry entry_subtract_number("subtract(input, other, alpha=1)", direct<sub_number>,
                                         kPointwise & ~kOutForm, "The same as sub.",
                                         "x(3), 2.5, 2");
static const Entry entry_rsub_number("rsub(input, other, alpha=1)", function<rsub_number>,
                                     kFunctionForm, "other - alpha * input.", "x(3), 2.5, 2");
static const Entry entry_rsub(
    "rsub(input, other, *, alpha=1)", function<rsub>, kFunctionForm, "other - alpha * input.",
    "x(3,4), x(3,4) | x(3,1), x(4), alpha=2 | x(3), 2.5 | x(), x() | z(3), x(2,3), alpha=1j");
static const char kMulSamples[] =
    "x(3,4), x(3,4) | x(3,1), x(4) | x(3), 2.5 | x(), x() | xs(3,4), x(4) | x(0,3), x(3) "
    "| z(3,4), z(4) | zs(3,4), x(4) | x(3,1), z(4) | x(3), 1-2j";
static const Entry entry_mul("mul(input, other)", direct<mul>, kPointwise,
                             "input * other, with broadcasting and type promotion.", kMulSamples);
static const Entry entry_multiply("multiply(input, other)", direct<mul>, kPointwise,
                                  "The same as mul.", kMulSamples);
static const char kDivSamples[] =
    "x(3,4), x(3,4, low=0.5, high=2) | x(3,1), x(4, low=0.5, high=2) | x(3), 2.5 "
    "| 2, x(3, low=0.5, high=2) | x(), x(low=1, high=2) | x(3,4), x(4, low=0.5, high=2), "
    "rounding_mode='floor' | x(3), 0.3, rounding_mode='trunc' | z(3,4), z(4) | x(3,1), z(4) "
    "| z(3), 2.5 | 1j, z(3)";
static const Entry entry_div("div(input, other, *, rounding_mode=None)", direct<div>, kPointwise,
                             "input / other; rounding_mode 'trunc' rounds towards zero, 'floor' "
                             "towards minus infinity, and both keep integers integers.",
                             kDivSamples);
static const Entry entry_divide("divide(input, other, *, rounding_mode=None)", direct<div>,
                                kPointwise, "The same as div.", kDivSamples);
static const Entry entry_true_divide("true_divide(input, other)", direct<true_divide>, kPointwise,
                                     "input / other, as floating numbers.",
                                     "x(3,4), x(3,4, low=0.5, high=2) | x(3), 2.5");
static const Entry entry_floor_divide("floor_divide(input, other)", direct<floor_divide>,
                                      kPointwise | kNoGrad,
                                      "input / other rounded towards minus infinity.",
                                      "c(3,4), c(3,4, low=0.5, high=2) | c(3), 2.5 "
                                      "| i(3, high=9), 2");
static const Entry entry_remainder("remainder(input|self, other)", direct<remainder>, kPointwise,
                                   "What input exceeds a multiple of other by, with the sign of "
                                   "other.",
                                   "x(3,4), x(3,4, low=0.5, high=2) | x(3), 0.7 | x(3), -0.7 "
                                   "| 3.3, x(3, low=0.5, high=2) | x(), x(2, low=1, high=2)");
static const Entry entry_fmod("fmod(input, other)", direct<fmod>, kPointwise,
                              "The remainder of the division, with the sign of input.",
                              "x(3,4), x(3,4, low=0.5, high=2) | x(3), 0.7 | x(3), -0.7");
static const char kPowSamples[] =
    "x(3,4), 2 | x(3,4), 3 | x(3), 0 | x(3, low=0.5, high=2), -1.5 "
    "| x(3,4, low=0.5, high=2), x(3,4) | x(3,1, low=0.5, high=2), x(4) "
    "| 2.5, x(3) | x(), 2 | x(0,3), 2 | z(3,4), 2 | z(3), -1.5 | z(3), 1-0.5j | z(3,1), z(4) "
    "| z(3), x(3) | x(3, low=0.5, high=2), z(3) | 2.5, z(3) | x(3, low=0.5, high=2), 1j";
static const Entry entry_pow("pow(input|self, exponent)", direct<pow>, kPointwise,
                             "input to the power of exponent.", kPowSamples);
static const Entry entry_float_power("float_power(input|self, exponent)", function<float_power>,
                                     kBoth | kInPlaceForm,
                                     "input to the power of exponent, computed in float64.",
                                     kPowSamples);
static const Entry entry_square("square(input)", direct<square>, kPointwise,
                                "The square of each element.", "x(3,4) | x() | xs(3,4) | z(3,4)");
static const Entry entry_neg("neg(input)", direct<neg>, kBoth | kInPlaceForm,
                             "The negative of each element.", "x(3,4) | x() | xs(3,4) | z(3,4)");
static const Entry entry_negative("negative(input)", direct<neg>, kBoth | kInPlaceForm,
                                  "The same as neg.", "x(3,4)");
static const Entry entry_positive("positive(input)", function<positive>, kView, "The input itself.",
                                  "x(3,4)");
static const char kAbsSamples[] = "x(3,4) | x() | x(0,3) | xs(3,4) | z(3,4)";
static const Entry entry_abs("abs(input)", function<abs_into>, kBoth | kInPlaceForm,
                             "The absolute value of each element.", kAbsSamples);
static const Entry entry_absolute("absolute(input)", function<abs_into>, kBoth | kInPlaceForm,
                                  "The same as abs.", "x(3,4) | z(3)");
static const Entry entry_sign("sign(input)", direct<sign>, kBoth | kInPlaceForm,
                              "-1, 0 or 1 by the sign of each element.", "x(3,4) | x() | xs(3,4)");
static const Entry entry_sgn("sgn(input)", direct<sgn>, kBoth | kInPlaceForm,
                             "-1, 0 or 1 by the sign of each element; of a complex number z, "
                             "z / abs(z), and 0 at 0.",
                             "x(3,4) | z(3,4)");
static const Entry entry_round("round(input, *, decimals=0)", direct<round>, kBoth | kInPlaceForm,
                               "The nearest integer, of two equally near ones the even one; with "
                               "decimals the nearest multiple of 10**-decimals.",
                               "x(3,4) | x() | x(3,4), decimals=1 | x(3), decimals=-1");
static const Entry entry_addcmul("addcmul(input, tensor1, tensor2, *, value=1)", direct<addcmul>,
                                 kPointwise, "input + value * tensor1 * tensor2.",
                                 "x(3,4), x(3,4), x(3,4) | x(3,1), x(4), x(), value=0.5 "
                                 "| z(3,1), z(4), x(3,4), value=1-2j | x(3), z(3), z(3)",
                                 nullptr, "input, value, tensor1, tensor2");
static const Entry entry_addcdiv(
    "addcdiv(input, tensor1, tensor2, *, value=1)", direct<addcdiv>, kPointwise,
    "input + value * tensor1 / tensor2.",
    "x(3,4), x(3,4), x(3,4, low=0.5, high=2) "
    "| x(3,1), x(4), x(low=1, high=2), value=0.5 | z(3,1), z(4), z(3,4), value=2j "
    "| z(3), x(3), z(3)",
    nullptr, "input, value, tensor1, tensor2");
static const Entry entry_lerp(
    "lerp(input, end, weight)", direct<lerp>, kPointwise, "input + weight * (end - input).",
    "x(3,4), x(3,4), 0.3 | x(3,4), x(4), x(3,1) | x(), x(), 0.8 | z(3), z(3), 0.3 "
    "| z(3), z(3), 1+2j | z(3,4), z(4), z(3,1)");
static const Entry entry_nan_to_num("nan_to_num(input, nan=None, posinf=None, neginf=None)",
                                    direct<nan_to_num>, kBoth | kInPlaceForm,
                                    "NaN replaced by nan (0), infinities by posinf and neginf (the "
                                    "extreme numbers of the dtype).",
                                    "x(3,4) | x(3), 1.0, 2.0, 3.0 | x()");
static const Entry entry_copysign("copysign(input, other)", direct<copysign>, kPointwise,
                                  "The magnitude of input with the sign of other.",
                                  "x(3,4), x(3,4) | x(3,1), x(4) | x(3), -1.0");

}  // namespace pullback
