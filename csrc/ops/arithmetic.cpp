// Arithmetic and its operators: +, -, *, /, //, %, **, and the like.
#include "ops/arithmetic.h"

#include "core/error.h"
#include "ops/basic.h"
#include "ops/elementwise.h"
#include "ops/table.h"

namespace pullback {

using kernels::Binary;
using kernels::Unary;

static const Elementwise record_add("add", "AddBackward0", DTypeRule::Promote, Binary::Add,
                                    {kReadsNothing, [](T t, S) { return t; }},
                                    {kReadsNothing, [](T t, S) { return t; }});
static const Elementwise record_add_scaled("add", "AddBackward0", DTypeRule::Promote,
                                           Binary::AddScaled,
                                           {kReadsNothing, [](T t, S) { return t; }},
                                           {kReadsNothing, [](T t, S s) { return t * s.p(1); }});
static const Elementwise record_sub("sub", "SubBackward0", DTypeRule::Promote, Binary::Sub,
                                    {kReadsNothing, [](T t, S) { return t; }},
                                    {kReadsNothing, [](T t, S) { return neg(t); }});
static const Elementwise record_sub_scaled("sub", "SubBackward0", DTypeRule::Promote,
                                           Binary::AddScaled,
                                           {kReadsNothing, [](T t, S) { return t; }},
                                           {kReadsNothing, [](T t, S s) { return t * s.p(1); }});

// The kernel reads p0 in the dtype it computes in, the slope reads p1.
static Tensor scaled(const Elementwise& op, const char* name, const Operand& a, const Operand& b,
                     Scalar alpha) {
  const DType dtype = result_type(a, b);
  if (alpha.category() > category(dtype)) {
    fail("For integral input tensors, argument alpha must not be a floating point number.");
  }
  check(dtype != DType::Bool || alpha.category() == Category::Bool, name,
        ": For boolean input tensors, argument alpha must be a boolean.");
  const double params[kMaxParams] = {
      is_floating(dtype) ? alpha.to_double() : kernels::integral_param(alpha.to_int()),
      alpha.to_double(), 0};
  return elementwise(op, a, b, params);
}

static bool is_one(const Scalar& alpha) { return alpha.to_double() == 1; }

Tensor add(const Operand& input, const Operand& other, Scalar alpha) {
  if (is_one(alpha)) return elementwise(record_add, input, other);
  return scaled(record_add_scaled, "add", input, other, alpha);
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

Tensor sub(const Operand& input, const Operand& other, Scalar alpha) {
  refuse_bool_sub(input, other);
  if (is_one(alpha)) return elementwise(record_sub, input, other);
  const Scalar minus = alpha.is_floating() ? Scalar(-alpha.to_double()) : Scalar(-alpha.to_int());
  return scaled(record_sub_scaled, "sub", input, other, minus);
}

static const Elementwise record_mul("mul", "MulBackward0", DTypeRule::Promote, Binary::Mul,
                                    {kReadsB, [](T t, S s) { return t * s.b(); }},
                                    {kReadsA, [](T t, S s) { return t * s.a(); }});

Tensor mul(const Operand& input, const Operand& other) {
  return elementwise(record_mul, input, other);
}

static const Elementwise record_div("div", "DivBackward0", DTypeRule::Float, Binary::Div,
                                    {kReadsB, [](T t, S s) { return t / s.b(); }},
                                    {kReadsA | kReadsB,
                                     [](T t, S s) { return neg(t * (s.a() / s.b() / s.b())); }});

Tensor true_divide(const Operand& input, const Operand& other) {
  return elementwise(record_div, input, other);
}

PB_UNARY(neg, "NegBackward0", Promote, Neg, kReadsNothing, neg(t), "The negative of each element.",
         "x(3,4) | x()")
PB_UNARY(square, "PowBackward0", Promote, Square, kReadsX, t*(s.x() * 2),
         "The square of each element.", "x(3,4) | x()")

static const Entry entry_add(
    "add(input, other, *, alpha=1)", function<add>, kPointwise,
    "input + alpha * other, with broadcasting and type promotion.",
    "x(3,4), x(3,4) | x(3,4), x(4) | x(2,1,4), x(3,1), alpha=2.5 | x(3), 2 "
    "| x(3), 2.5 | x(), x(0,3)");
static const Entry entry_sub("sub(input, other, *, alpha=1)", function<sub>, kPointwise,
                             "input - alpha * other, with broadcasting and type promotion.",
                             "x(3,4), x(3,4) | x(3,1), x(4), alpha=2 | x(3), 2.5");
static const Entry entry_mul("mul(input, other)", function<mul>, kPointwise,
                             "input * other, with broadcasting and type promotion.",
                             "x(3,4), x(3,4) | x(3,1), x(4) | x(3), 2.5 | x(), x()");

}  // namespace pullback
