// Comparison, predicates, logic, and operations on bits.  Nothing here has a derivative.
//
// Comparisons compute in the promoted dtype of the operands and give bool.  The functions that give
// one Python bool (equal, allclose, is_nonzero) read values, so they refuse batched tensors.
#include "ops/pointwise/compare.h"

#include <limits>

#include "core/error.h"
#include "graph/mode.h"
#include "kernels/reduce/reduce.h"
#include "ops/basic.h"
#include "ops/elementwise.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/table.h"

namespace pullback {

using kernels::binary;
using kernels::unary;

static constexpr std::uint32_t kTest = kPointwise | kNoGrad;

// A comparison of a tensor with a tensor or a number, and its longer name.
#define PB_COMPARE(NAME, DOC)                                                                \
  static const Elementwise record_##NAME(#NAME, "", DTypeRule::Bool, binary<#NAME>, {}, {}); \
  Tensor NAME(const Tensor& input, const Operand& other) {                                   \
    return elementwise(record_##NAME, input, other);                                         \
  }                                                                                          \
  static const Entry entry_##NAME(#NAME "(input, other)", direct<NAME>, kTest, DOC,          \
                                  "c(3,4), c(3,4) | c(3,1), c(4) | i(3, high=3), 1 | c(), 0.0");
#define PB_LONG_NAME(NAME, OF)                                               \
  static const Entry entry_##NAME(#NAME "(input, other)", direct<OF>, kTest, \
                                  "The same as " #OF ".", "c(3,4), c(3,4) | c(3), 0.0");

PB_COMPARE(eq, "Where input == other.")
PB_COMPARE(ne, "Where input != other.")
PB_COMPARE(lt, "Where input < other.")
PB_COMPARE(le, "Where input <= other.")
PB_COMPARE(gt, "Where input > other.")
PB_COMPARE(ge, "Where input >= other.")
PB_LONG_NAME(not_equal, ne)
PB_LONG_NAME(less, lt)
PB_LONG_NAME(less_equal, le)
PB_LONG_NAME(greater, gt)
PB_LONG_NAME(greater_equal, ge)

#define PB_TEST(NAME, FLAGS, DOC)                                                       \
  static const Elementwise record_##NAME(#NAME, "", DTypeRule::Bool, unary<#NAME>, {}); \
  Tensor NAME(const Tensor& input) { return elementwise(record_##NAME, input); }        \
  static const Entry entry_##NAME(#NAME "(input)", direct<NAME>, FLAGS, DOC,            \
                                  "c(3,4) | i(3, high=2) | b(3) | c()");

PB_TEST(isnan, kBoth | kNoGrad, "Where an element is NaN.")
PB_TEST(isinf, kBoth | kNoGrad, "Where an element is infinite.")
PB_TEST(isfinite, kBoth | kNoGrad, "Where an element is neither NaN nor infinite.")
PB_TEST(logical_not, kTest, "Where an element is zero.")

static void refuse_complex(const Tensor& input, const char* name) {
  check(!is_complex(input.dtype()), name, " does not support complex inputs.");
}
static Tensor isposinf(const Tensor& input) {
  refuse_complex(input, "isposinf");
  return eq(input, std::numeric_limits<double>::infinity());
}
static Tensor isneginf(const Tensor& input) {
  refuse_complex(input, "isneginf");
  return eq(input, -std::numeric_limits<double>::infinity());
}
static const Entry entry_isposinf("isposinf(input)", direct<isposinf>, kBoth | kNoGrad,
                                  "Where an element is infinity.", "c(3,4) | i(3, high=2)");
static const Entry entry_isneginf("isneginf(input)", direct<isneginf>, kBoth | kNoGrad,
                                  "Where an element is minus infinity.", "c(3,4) | i(3, high=2)");

#define PB_LOGIC(NAME, DOC)                                                                  \
  static const Elementwise record_##NAME(#NAME, "", DTypeRule::Bool, binary<#NAME>, {}, {}); \
  Tensor NAME(const Tensor& input, const Tensor& other) {                                    \
    return elementwise(record_##NAME, input, other);                                         \
  }                                                                                          \
  static const Entry entry_##NAME(#NAME "(input, other)", direct<NAME>, kTest, DOC,          \
                                  "b(3,4), b(4) | c(3), i(3, high=2) | b(), b()");

PB_LOGIC(logical_and, "Where both elements are nonzero.")
PB_LOGIC(logical_or, "Where one element or both are nonzero.")
PB_LOGIC(logical_xor, "Where exactly one of the elements is nonzero.")

#define PB_BITS(NAME, DOC, SAMPLES)                                                             \
  static const Elementwise record_##NAME(#NAME, "", DTypeRule::Promote, binary<#NAME>, {}, {}); \
  Tensor NAME(const Operand& input, const Operand& other) {                                     \
    return elementwise(record_##NAME, input, other);                                            \
  }                                                                                             \
  static const Entry entry_##NAME(#NAME "(input|self, other)", direct<NAME>, kTest, DOC, SAMPLES);

PB_BITS(bitwise_and, "The bits that both have; of bools: and.",
        "i(3,4, high=9), i(4, high=9) | b(3), b(3) | i(3, high=9), 5")
PB_BITS(bitwise_or, "The bits that one of them has; of bools: or.",
        "i(3,4, high=9), i(4, high=9) | b(3), b(3) | i(3, high=9), 5")
PB_BITS(bitwise_xor, "The bits that exactly one of them has; of bools: unequal.",
        "i(3,4, high=9), i(4, high=9) | b(3), b(3) | i(3, high=9), 5")
PB_BITS(bitwise_left_shift, "The bits shifted up by other places.",
        "i(3,4, high=9), i(4, high=3) | i(3, high=9), 2")
PB_BITS(bitwise_right_shift, "The bits shifted down by other places.",
        "i(3,4, high=9), i(4, high=3) | i(3, high=9), 2")

static const Elementwise record_bitwise_not("bitwise_not", "", DTypeRule::Promote,
                                            unary<"bitwise_not">, {});

Tensor bitwise_not(const Tensor& input) { return elementwise(record_bitwise_not, input); }

Tensor invert(const Tensor& input) {
  check(ErrorKind::Type, !is_differentiable(input.dtype()),
        "~ (operator.invert) is only implemented on integer and Boolean-type tensors: got ",
        name(input.dtype()), ".");
  return bitwise_not(input);
}
static const Entry entry_bitwise_not("bitwise_not(input)", direct<bitwise_not>,
                                     kBoth | kInPlaceForm | kNoGrad,
                                     "Every bit flipped; of bools: not.",
                                     "i(3,4, high=9) | b(3,4)");

static Tensor isclose(const Tensor& input, const Tensor& other, double rtol, double atol,
                      bool equal_nan) {
  check(input.dtype() == other.dtype(), info(input.dtype()).scalar_name, " did not match ",
        info(other.dtype()).scalar_name);
  check(rtol >= 0, "rtol must be greater than or equal to zero, but got ", rtol);
  check(atol >= 0, "atol must be greater than or equal to zero, but got ", atol);
  Tensor close = eq(input, other);
  if (equal_nan && is_differentiable(input.dtype())) {
    close = logical_or(close, logical_and(isnan(input), isnan(other)));
  }
  if (rtol == 0 && atol == 0) return close;
  const DType dtype = is_differentiable(input.dtype()) ? input.dtype() : default_dtype();
  const GradMode off(false);
  const Tensor x = cast(detached(input), dtype);
  const Tensor y = cast(detached(other), dtype);
  const Tensor error = abs(sub(x, y));
  const Tensor allowed = add(abs(mul(y, rtol)), atol);
  return logical_or(close, logical_and(isfinite(error), le(error, allowed)));
}
static const Entry entry_isclose("isclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False)",
                                 function<isclose>, kView | kNoGrad,
                                 "Where abs(input - other) <= atol + rtol * abs(other).",
                                 "c(3,4), c(3,4) | c(3), c(3), 0.5, 0.5 | i(3, high=3), i(3, "
                                 "high=3) | c(), c(), equal_nan=True");

static bool all_true(const Tensor& mask) {
  const Tensor all = Tensor::empty(Dims(mask.ndim(), 1), DType::Bool);
  kernels::reduce(kernels::Reduce::All, view_of(all), view_of(mask));
  return *all.data<bool>();
}

Scalar allclose(const Tensor& input, const Tensor& other, double rtol, double atol,
                bool equal_nan) {
  return Scalar(all_true(isclose(input, other, rtol, atol, equal_nan)));
}
static const Entry entry_allclose("allclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False)",
                                  function<allclose>, kView | kNoGrad | kNoBatch,
                                  "True when isclose holds everywhere.",
                                  "c(3,4), c(3,4) | c(3), c(3), 0.5, 9.5");

Scalar equal(const Tensor& input, const Tensor& other) {
  if (!same(input.sizes(), other.sizes())) return Scalar(false);
  return Scalar(all_true(eq(input, other)));
}
static const Entry entry_equal("equal(input, other)", function<equal>, kView | kNoGrad | kNoBatch,
                               "True when both have the same shape and the same elements.",
                               "c(3,4), c(3,4) | i(3, high=2), i(2, high=2)");

Scalar is_nonzero(const Tensor& input) {
  check(input.numel() != 0, "Boolean value of Tensor with no values is ambiguous");
  check(input.numel() == 1, "Boolean value of Tensor with more than one value is ambiguous");
  return Scalar(input.item().to_bool());
}
static const Entry entry_is_nonzero("is_nonzero(input)", function<is_nonzero>,
                                    kView | kNoGrad | kNoBatch,
                                    "True when the only element is not zero.",
                                    "c() | i(1, high=2)");

}  // namespace pullback
