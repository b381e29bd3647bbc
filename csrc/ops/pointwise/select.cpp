// Choosing between elements: where, clamp, extrema of two tensors, masked_fill.
//
// The gradient follows the element that was taken; at ties torch's conventions hold: clamp lets it
// pass at its bounds, maximum and minimum halve it, fmax and fmin give it to the first.
#include "ops/pointwise/select.h"

#include <cmath>

#include "core/error.h"
#include "core/warning.h"
#include "ops/basic.h"
#include "ops/destination.h"
#include "ops/elementwise.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/compare.h"
#include "ops/table.h"

namespace pullback {

using kernels::binary;
using kernels::ternary;

static const Elementwise record_where(
    "where", "WhereBackward0", DTypeRule::Promote, ternary<"where">, kCondition,
    {kReadsA, [](T t, S s) { return where(s.a().tensor(), t, 0); }, kSelfAdjoint},
    {kReadsA, [](T t, S s) { return where(s.a().tensor(), 0, t); }, kSelfAdjoint});

// Tensors, and numbers that every dtype holds.
static bool is_small(const Operand& x) {
  if (x.is_tensor()) return true;
  if (x.number().is_complex()) return false;
  const double value = x.number().to_double();
  return value >= 0 && value <= 127;
}

Tensor where(const Tensor& condition, const Operand& input, const Operand& other) {
  check(condition.dtype() == DType::Bool || condition.dtype() == DType::UInt8,
        "where expected condition to be a boolean tensor, but got a tensor with dtype ",
        info(condition.dtype()).scalar_name);
  Tensor mask = condition;
  if (condition.dtype() != DType::Bool) {
    warn(
        "where received a uint8 condition tensor. This behavior is deprecated and will be removed "
        "in a future version of PyTorch. Use a boolean condition instead.");
    const ModeScope<&Mode::destination> aside{nullptr};
    mask = cast(condition, DType::Bool);
  }
  if (!is_small(input) || !is_small(other)) [[unlikely]] {
    const DType dtype = result_type(input, other);
    check_fits(input, dtype);
    check_fits(other, dtype);
  }
  return elementwise(record_where, mask, input, other);
}
static Tensor where_method(const Tensor& input, const Tensor& condition, const Operand& other) {
  return where(condition, input, other);
}
static const Entry entry_where(
    "where(condition, input|self, other)", direct<where>, kFunctionForm | kOutForm,
    "Elements of input where condition holds, of other elsewhere.",
    "b(3,4), x(3,4), x(3,4) | b(3,1), x(4), x(2,1,1) | b(3), x(3), 2.0 "
    "| b(3), 0.5, x(3) | b(), x(), x() | b(3), x(0,3), x(3) | b(3,4), z(4), x(3,1) "
    "| b(3), x(3), 2j");
static const Entry entry_where_method("where(input, condition, other)", function<where_method>,
                                      kMethodForm,
                                      "The elements where condition holds, those of other "
                                      "elsewhere.",
                                      "x(3,4), b(3,4), x(3,4) | x(4), b(3,1), 2.0");

namespace {

// Bounds that are numbers; t passes on the closed interval.
Tensor clamp_slope(T t, S s) {
  const Tensor& x = s.x();
  return where(logical_and(ge(x, s.b()), le(x, s.c())), t, 0);
}
Tensor above(T t, S s) { return where(ge(s.x(), s.b()), t, 0); }
Tensor below(T t, S s) { return where(le(s.x(), s.b()), t, 0); }

const Elementwise record_clamp("clamp", "ClampBackward1", DTypeRule::Promote, ternary<"clamp">,
                               {kReadsA | kReadsB | kReadsC, clamp_slope}, kZeroSlope, kZeroSlope);
const Elementwise record_clamp_low("clamp_min", "ClampBackward1", DTypeRule::Promote,
                                   binary<"maximum">, {kReadsA | kReadsB, above}, kZeroSlope);
const Elementwise record_clamp_high("clamp_max", "ClampBackward1", DTypeRule::Promote,
                                    binary<"minimum">, {kReadsA | kReadsB, below}, kZeroSlope);

// Bounds that are tensors: what the input does not get goes to the bound that replaced it.
Tensor to_low(T t, S s) { return where(lt(s.x(), s.b()), t, 0); }
Tensor to_high(T t, S s) { return where(gt(s.x(), s.b()), t, 0); }
Tensor to_low_of_two(T t, S s) {
  const Tensor& low = s.b().tensor();
  return where(logical_and(lt(s.x(), low), lt(low, s.c())), t, 0);
}
Tensor to_high_of_two(T t, S s) {
  const Tensor& high = s.c().tensor();
  return where(logical_or(gt(s.x(), high), lt(high, s.b())), t, 0);
}

const Elementwise record_clamp_tensors("clamp", "ClampBackward0", DTypeRule::Promote,
                                       ternary<"clamp">, {kReadsA | kReadsB | kReadsC, clamp_slope},
                                       {kReadsA | kReadsB | kReadsC, to_low_of_two},
                                       {kReadsA | kReadsB | kReadsC, to_high_of_two});
const Elementwise record_clamp_low_tensor("clamp_min", "ClampBackward0", DTypeRule::Promote,
                                          binary<"maximum">, {kReadsA | kReadsB, above},
                                          {kReadsA | kReadsB, to_low});
const Elementwise record_clamp_high_tensor("clamp_max", "ClampBackward0", DTypeRule::Promote,
                                           binary<"minimum">, {kReadsA | kReadsB, below},
                                           {kReadsA | kReadsB, to_high});
const Elementwise record_clamp_min("clamp_min", "ClampMinBackward0", DTypeRule::Promote,
                                   binary<"maximum">, {kReadsA | kReadsB, above}, kZeroSlope);
const Elementwise record_clamp_min_tensor("clamp_min", "ClampMinBackward1", DTypeRule::Promote,
                                          binary<"maximum">, {kReadsA | kReadsB, above},
                                          {kReadsA | kReadsB, to_low});
const Elementwise record_clamp_max("clamp_max", "ClampMaxBackward0", DTypeRule::Promote,
                                   binary<"minimum">, {kReadsA | kReadsB, below}, kZeroSlope);
const Elementwise record_clamp_max_tensor("clamp_max", "ClampMaxBackward1", DTypeRule::Promote,
                                          binary<"minimum">, {kReadsA | kReadsB, below},
                                          {kReadsA | kReadsB, to_high});

void refuse_no_bound(bool min, bool max) {
  check(min || max, "torch.clamp: At least one of 'min' or 'max' must not be None");
}

// Bounds that are numbers; the same one twice when there is one.
void check_bounds(const Tensor& input, const Scalar& min, const Scalar& max) {
  check(ErrorKind::NotImplemented,
        !is_complex(input.dtype()) && !min.is_complex() && !max.is_complex(),
        "clamp is not supported for complex types");
  check(ErrorKind::NotImplemented,
        input.dtype() != DType::Bool || std::max(min.category(), max.category()) > Category::Bool,
        "\"clamp\" not implemented for 'Bool'");
  const Category wider = std::max(min.category(), max.category());
  const DType dtype = result_type(input, min.category() == wider ? min : max);
  if (mode.destination) mode.destination->check_result(dtype);
  fitting(min, dtype);
  fitting(max, dtype);
}

Tensor clamp_tensors(const Tensor& input, const std::optional<Tensor>& min,
                     const std::optional<Tensor>& max) {
  refuse_no_bound(min.has_value(), max.has_value());
  if (!max) return elementwise(record_clamp_low_tensor, input, *min);
  if (!min) return elementwise(record_clamp_high_tensor, input, *max);
  return elementwise(record_clamp_tensors, input, *min, *max);
}

}  // namespace

Tensor clamp(const Tensor& input, const std::optional<Scalar>& min,
             const std::optional<Scalar>& max) {
  refuse_no_bound(min.has_value(), max.has_value());
  check_bounds(input, min ? *min : *max, max ? *max : *min);
  if (!max) return elementwise(record_clamp_low, input, *min);
  if (!min) return elementwise(record_clamp_high, input, *max);
  return elementwise(record_clamp, input, *min, *max);
}
Tensor clamp_min(const Tensor& input, const Operand& min) {
  if (!min.is_tensor()) check_bounds(input, min.number(), min.number());
  return elementwise(min.is_tensor() ? record_clamp_min_tensor : record_clamp_min, input, min);
}
Tensor clamp_max(const Tensor& input, const Operand& max) {
  if (!max.is_tensor()) check_bounds(input, max.number(), max.number());
  return elementwise(max.is_tensor() ? record_clamp_max_tensor : record_clamp_max, input, max);
}

static const char kClampDoc[] =
    "Elements below min become min, those above max become max; NaN stays.";
static const char kClampSamples[] =
    "x(3,4), -0.5, 0.5 | x(3,4), 0.1 | x(3,4), max=0.1 | x(), -1.0, 1.0 | xs(3,4), -0.5, 0.5";
static const char kClampTensorSamples[] =
    "x(3,4), x(3,4), x(3,4) | x(3,4), x(4) | x(3,4), max=x(3,1) | x(3,4), x(), x()";
static const Entry entry_clamp_tensors("clamp(input, min=None, max=None)", direct<clamp_tensors>,
                                       kPointwise, kClampDoc, kClampTensorSamples);
static const Entry entry_clamp("clamp(input, min=None, max=None)", direct<clamp>,
                               kBoth | kInPlaceForm, kClampDoc, kClampSamples);
static const Entry entry_clip_tensors("clip(input, min=None, max=None)", direct<clamp_tensors>,
                                      kPointwise, "The same as clamp.", kClampTensorSamples);
static const Entry entry_clip("clip(input, min=None, max=None)", direct<clamp>,
                              kBoth | kInPlaceForm, "The same as clamp.", kClampSamples);
static const Entry entry_clamp_min("clamp_min(input, min)", direct<clamp_min>, kPointwise,
                                   "Elements below min become min.",
                                   "x(3,4), 0.1 | x(3,4), x(4) | x(), 0.0");
static const Entry entry_clamp_max("clamp_max(input, max)", direct<clamp_max>, kPointwise,
                                   "Elements above max become max.",
                                   "x(3,4), 0.1 | x(3,4), x(4) | x(), 0.0");

// What one of two operands gets: nothing where it lost, half at a tie.
static Tensor share(T t, const Tensor& lost, const Tensor& tied) {
  return where(lost, 0, where(tied, t * 0.5, t));
}
static const Elementwise record_maximum(
    "maximum", "MaximumBackward0", DTypeRule::Promote, binary<"maximum">,
    {kReadsA | kReadsB, [](T t, S s) { return share(t, lt(s.x(), s.b()), eq(s.x(), s.b())); }},
    {kReadsA | kReadsB, [](T t, S s) { return share(t, gt(s.x(), s.b()), eq(s.x(), s.b())); }});
static const Elementwise record_minimum(
    "minimum", "MinimumBackward0", DTypeRule::Promote, binary<"minimum">,
    {kReadsA | kReadsB, [](T t, S s) { return share(t, gt(s.x(), s.b()), eq(s.x(), s.b())); }},
    {kReadsA | kReadsB, [](T t, S s) { return share(t, lt(s.x(), s.b()), eq(s.x(), s.b())); }});

// The first operand is taken also at a tie and where the second is NaN.
static Tensor fmax_takes_first(S s) { return logical_or(ge(s.x(), s.b()), isnan(s.b().tensor())); }
static Tensor fmin_takes_first(S s) { return logical_or(le(s.x(), s.b()), isnan(s.b().tensor())); }
static const Elementwise record_fmax("fmax", "FmaxBackward0", DTypeRule::Promote, binary<"fmax">,
                                     {kReadsA | kReadsB,
                                      [](T t, S s) { return where(fmax_takes_first(s), t, 0); }},
                                     {kReadsA | kReadsB,
                                      [](T t, S s) { return where(fmax_takes_first(s), 0, t); }});
static const Elementwise record_fmin("fmin", "FminBackward0", DTypeRule::Promote, binary<"fmin">,
                                     {kReadsA | kReadsB,
                                      [](T t, S s) { return where(fmin_takes_first(s), t, 0); }},
                                     {kReadsA | kReadsB,
                                      [](T t, S s) { return where(fmin_takes_first(s), 0, t); }});

static void refuse_complex(const char* name, const Tensor& a, const Tensor& b) {
  check(!is_complex(a.dtype()) && !is_complex(b.dtype()), name,
        " not implemented for complex tensors.");
}
Tensor maximum(const Tensor& input, const Tensor& other) {
  refuse_complex("maximum", input, other);
  return elementwise(record_maximum, input, other);
}
Tensor minimum(const Tensor& input, const Tensor& other) {
  refuse_complex("minimum", input, other);
  return elementwise(record_minimum, input, other);
}
static Tensor fmax(const Tensor& input, const Tensor& other) {
  refuse_complex("fmax", input, other);
  return elementwise(record_fmax, input, other);
}
static Tensor fmin(const Tensor& input, const Tensor& other) {
  refuse_complex("fmin", input, other);
  return elementwise(record_fmin, input, other);
}

static const char kPairSamples[] =
    "x(3,4), x(3,4) | x(3,1), x(4) | x(), x() | xs(3,4), x(3,4) | x(0,3), x(3)";
static const Entry entry_maximum("maximum(input, other)", direct<maximum>, kCastBoth,
                                 "The larger of two elements, NaN if one of them is.",
                                 kPairSamples);
static const Entry entry_minimum("minimum(input, other)", direct<minimum>, kCastBoth,
                                 "The smaller of two elements, NaN if one of them is.",
                                 kPairSamples);
static const Entry entry_fmax("fmax(input, other)", direct<fmax>, kCastBoth,
                              "The larger of two elements, the other one if one is NaN.",
                              kPairSamples);
static const Entry entry_fmin("fmin(input, other)", direct<fmin>, kCastBoth,
                              "The smaller of two elements, the other one if one is NaN.",
                              kPairSamples);

static const Elementwise record_heaviside("heaviside", "NotImplemented", DTypeRule::Promote,
                                          binary<"heaviside">, {}, {});

static Tensor heaviside(const Tensor& input, const Tensor& values) {
  check(!is_complex(input.dtype()) && !is_complex(values.dtype()),
        "heaviside is not yet implemented for complex tensors.");
  check(input.dtype() == values.dtype(),
        "heaviside is not yet implemented for tensors with different dtypes: got ",
        name(input.dtype()), " and ", name(values.dtype()), ".");
  return elementwise(record_heaviside, input, values);
}
static const Entry entry_heaviside("heaviside(input, values)", direct<heaviside>,
                                   kBoth | kInPlaceForm | kNoGrad,
                                   "0 for negative elements, 1 for positive ones, values at zero.",
                                   "c(3,4), c(3,4) | c(3,1), c(4) | i(3, high=2), i(3, high=2)");

static const Elementwise record_masked_fill("masked_fill", "MaskedFillBackward0",
                                            DTypeRule::Promote, ternary<"where">, kCondition,
                                            kZeroSlope, {kReadsA, [](T t, S s) {
                                                           return where(s.a().tensor(), 0, t);
                                                         }});
static const Elementwise record_masked_fill_tensor(
    "masked_fill", "MaskedFillBackward1", DTypeRule::Promote, ternary<"where">, kCondition,
    {kReadsA, [](T t, S s) { return where(s.a().tensor(), t, 0); }, kSelfAdjoint},
    {kReadsA, [](T t, S s) { return where(s.a().tensor(), 0, t); }, kSelfAdjoint});

// The number as one of the category of the dtype, so that it does not promote it.
static Scalar as_number_of(DType dtype, const Scalar& value) {
  switch (category(dtype)) {
    case Category::Bool:
      return Scalar(value.to_bool());
    case Category::Integral:
      return Scalar(fitting(value, dtype).to_int());
    case Category::Floating:
      return Scalar(fitting(value, dtype).to_double());
    case Category::Complex:
      return Scalar(fitting(value, dtype).to_complex());
  }
  __builtin_unreachable();
}

Tensor masked_fill(const Tensor& input, const Tensor& mask, const Operand& value) {
  check(mask.dtype() == DType::Bool,
        "masked_fill_ only supports boolean masks, but got mask with dtype ", name(mask.dtype()));
  if (!value.is_tensor()) {
    return elementwise(record_masked_fill, mask, as_number_of(input.dtype(), value.number()),
                       input);
  }
  check(value.ndim() == 0,
        "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with ",
        value.ndim(), " dimension(s).");
  return elementwise(record_masked_fill_tensor, mask, cast_one(value.tensor(), input.dtype()),
                     input);
}

Tensor cast_one(const Tensor& value, DType dtype) {
  if (value.dtype() == dtype) return value;
  if (!value.has(kBatched)) fitting(value.item(), dtype);
  return cast(value, dtype);
}
static const Entry entry_masked_fill(
    "masked_fill(input, mask, value)", direct<masked_fill>,
    kFunctionForm | kMethodForm | kInPlaceForm | kSharesLast,
    "The elements where mask holds replaced by value, a number or "
    "a tensor without dimensions.",
    "x(3,4), b(3,4), 2.0 | x(3,4), b(4), -1 | x(3,4), b(3,4), x() "
    "| x(), b(), 0.5 | x(4), b(3,1), 1.0 | xs(3,4), b(3,1), x() | z(3), b(2,3), 1-2j "
    "| z(3), b(3), z()");

}  // namespace pullback
