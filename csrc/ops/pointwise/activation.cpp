// The elementwise activations.  The others are in nn/softmax.cpp and nn/glu.cpp.
//
// An activation whose derivative is one kernel has a second record for it, with partials of its
// own, so that it can be differentiated again.  `inplace=True` is the in-place form of the same
// operator.  Start reading at relu.
#include "ops/pointwise/activation.h"

#include <string_view>

#include "core/error.h"
#include "ops/basic.h"
#include "ops/destination.h"
#include "ops/elementwise.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/compare.h"
#include "ops/pointwise/math.h"
#include "ops/pointwise/select.h"
#include "ops/table.h"

namespace pullback {

using kernels::binary;
using kernels::ternary;
using kernels::unary;

namespace {

// Runs `function`, one operator, writing its result into the input when that is asked for.
template <typename Function>
Tensor maybe_in_place(const char* name, const Tensor& input, bool inplace, Function function) {
  if (!inplace) return function();
  return write_in_place(name, input, true, [](Destination&) {}, function);
}

// A parameter that the dtype of the input holds; integral inputs are refused by the operator.
double held(double value, const Tensor& input) {
  if (wide_of(input.dtype()) == DType::Float32) fitting(Scalar(value), DType::Float32);
  return value;
}

// The function for a record's slope that is itself recorded.
Tensor silu_grad(T g, T x);
Tensor gelu_grad(T g, T x);
Tensor gelu_tanh_grad(T g, T x);
Tensor softplus_grad(T g, T x, const double* params);
Tensor leaky_relu_grad(T g, T x, const double* params);
Tensor elu_grad(T g, T x, const double* params);

const Elementwise record_relu_grad("threshold_backward", "ThresholdBackwardBackward0",
                                   DTypeRule::Promote, binary<"relu_grad">,
                                   {kReadsB, [](T t, S s) { return relu_grad(t, s.b().tensor()); }},
                                   kZeroSlope);

}  // namespace

Tensor relu_grad(T g, T y) { return elementwise(record_relu_grad, g, y); }

static const Elementwise record_relu("relu", "ReluBackward0", DTypeRule::Promote, unary<"relu">,
                                     {kReadsY, [](T t, S s) { return relu_grad(t, s.y()); }});

Tensor relu(const Tensor& input) {
  check(input.dtype() != DType::Bool, "Boolean inputs not supported for relu");
  return elementwise(record_relu, input);
}
static Tensor relu_nn(const Tensor& input, bool inplace) {
  return maybe_in_place("relu", input, inplace, [&] { return relu(input); });
}

#define PB_SAMPLES "x(3,4) | x() | x(0,3) | xs(3,4)"
static const char kReluDoc[] = "max(input, 0).";
static const Entry entry_relu("relu(input)", direct<relu>, kPointwise, kReluDoc, PB_SAMPLES);
static const Entry entry_relu_nn("relu(input, inplace:truth=False)", function<relu_nn>,
                                 kNNForm | kPlainNames, kReluDoc, PB_SAMPLES);

// An activation that only nn.functional has: name(input, inplace=False).
#define PB_ACTIVATION(NAME, DOC)                                                                  \
  static Tensor NAME##_nn(const Tensor& input, bool inplace) {                                    \
    return maybe_in_place(#NAME, input, inplace, [&] { return NAME(input); });                    \
  }                                                                                               \
  static const Entry entry_##NAME##_nn(#NAME "(input, inplace:truth=False)", function<NAME##_nn>, \
                                       kNNForm | kPlainNames, DOC, PB_SAMPLES);

// The open interval: no gradient at the bounds.
static const Elementwise record_hardtanh("hardtanh", "HardtanhBackward0", DTypeRule::Promote,
                                         ternary<"clamp">,
                                         {kReadsA | kReadsB | kReadsC,
                                          [](T t, S s) {
                                            const Tensor inside =
                                                logical_and(gt(s.x(), s.b()), lt(s.x(), s.c()));
                                            return stepwise("HardtanhBackwardBackward0",
                                                            where(inside, t, 0), s.x());
                                          }},
                                         kZeroSlope, kZeroSlope);

static Tensor hardtanh(const Tensor& input, Scalar low, Scalar high) {
  check(ErrorKind::Value, !(low.to_double() > high.to_double()),
        "min_val cannot be greater than max_val");
  const DType dtype = input.dtype();
  check(dtype != DType::Bool, "Bool inputs not supported for hardtanh");
  if (!is_floating(dtype)) {  // as in torch, the bounds do not promote
    low = fitting(low, DType::Int64).to_int();
    high = fitting(high, DType::Int64).to_int();
    check(dtype != DType::UInt8 || low.to_int() >= 0,
          "cannot do hardtanh on an unsigned type with negative limits");
  }
  return elementwise(record_hardtanh, input, fitting(low, dtype), fitting(high, dtype));
}
static Tensor hardtanh_nn(const Tensor& input, Scalar min_val, Scalar max_val, bool inplace) {
  return maybe_in_place("hardtanh", input, inplace,
                        [&] { return hardtanh(input, min_val, max_val); });
}
static Tensor relu6(const Tensor& input) { return hardtanh(input, 0, 6); }
static const Entry entry_hardtanh("hardtanh(input, min_val=-1.0, max_val=1.0, inplace:truth=False)",
                                  function<hardtanh_nn>, kNNForm | kPlainNames,
                                  "The input limited to [min_val, max_val].",
                                  "x(3,4) | x(3,4), -0.3, 0.6 | x() | xs(3,4)");
PB_ACTIVATION(relu6, "The input limited to [0, 6].")

namespace {

// silu'' = s (1 - s) (2 + x (1 - 2 s)).
const Elementwise record_silu_grad("silu_backward", "SiluBackwardBackward0", DTypeRule::Promote,
                                   binary<"silu_grad">,
                                   {kReadsB, [](T t, S s) { return silu_grad(t, s.b().tensor()); }},
                                   {kReadsA | kReadsB, [](T t, S saved) {
                                      const Tensor& x = saved.b().tensor();
                                      const Tensor s = sigmoid(x);
                                      return t *
                                             (saved.a() * (s * (1 - s) * (2 + x * (1 - s * 2))));
                                    }});
Tensor silu_grad(T g, T x) { return elementwise(record_silu_grad, g, x); }

const Elementwise record_silu("silu", "SiluBackward0", DTypeRule::Promote, unary<"silu">,
                              {kReadsX, [](T t, S s) { return silu_grad(t, s.x()); }});

// gelu'' = phi (2 - x^2), phi the density of the normal distribution.
const Elementwise record_gelu_grad("gelu_backward", "GeluBackwardBackward0", DTypeRule::Promote,
                                   binary<"gelu_grad">,
                                   {kReadsB, [](T t, S s) { return gelu_grad(t, s.b().tensor()); }},
                                   {kReadsA | kReadsB, [](T t, S s) {
                                      constexpr double kDensityAtZero = 0.39894228040143267794;
                                      const Tensor xx = square(s.b().tensor());
                                      return t *
                                             (s.a() * (exp(xx * -0.5) * kDensityAtZero * (2 - xx)));
                                    }});
Tensor gelu_grad(T g, T x) { return elementwise(record_gelu_grad, g, x); }

// gelu is x s(u) with s the sigmoid and u = x (c + d x^2).
const Elementwise record_gelu_tanh_grad(
    "gelu_backward", "GeluBackwardBackward0", DTypeRule::Promote, binary<"gelu_tanh_grad">,
    {kReadsB, [](T t, S s) { return gelu_tanh_grad(t, s.b().tensor()); }},
    {kReadsA | kReadsB, [](T t, S saved) {
       constexpr double c = 1.5957691216057308, d = 0.071354816272600253;
       const Tensor& x = saved.b().tensor();
       const Tensor xx = square(x);
       const Tensor s = sigmoid(x * (c + xx * d));
       const Tensor u1 = c + xx * (3 * d);
       const Tensor curve = u1 * 2 + x * (square(u1) * (1 - s * 2) + x * (6 * d));
       return t * (saved.a() * (s * (1 - s) * curve));
     }});
Tensor gelu_tanh_grad(T g, T x) { return elementwise(record_gelu_tanh_grad, g, x); }

const Elementwise record_gelu("gelu", "GeluBackward0", DTypeRule::Promote, unary<"gelu">,
                              {kReadsX, [](T t, S s) { return gelu_grad(t, s.x()); }});
const Elementwise record_gelu_tanh("gelu", "GeluBackward0", DTypeRule::Promote, unary<"gelu_tanh">,
                                   {kReadsX, [](T t, S s) { return gelu_tanh_grad(t, s.x()); }});

}  // namespace

Tensor silu(const Tensor& input) { return elementwise(record_silu, input); }
PB_ACTIVATION(silu, "input * sigmoid(input).")

static Tensor gelu(const Tensor& input, std::string_view approximate) {
  if (approximate == "none") return elementwise(record_gelu, input);
  check(approximate == "tanh", "approximate argument must be either none or tanh.");
  return elementwise(record_gelu_tanh, input);
}
static const Entry entry_gelu("gelu(input, *, approximate='none')", direct<gelu>,
                              kNNForm | kOutForm,
                              "input times the distribution function of the normal distribution, "
                              "or its approximation by tanh.",
                              "x(3,4) | x(3,4), approximate='tanh' | x() | xs(3,4)");

namespace {

const Elementwise record_softplus_grad(
    "softplus_backward", "SoftplusBackwardBackward0", DTypeRule::Promote, binary<"softplus_grad">,
    {kReadsB, [](T t, S s) { return softplus_grad(t, s.b().tensor(), s.params); }},
    {kReadsA | kReadsB, [](T t, S saved) {
       const double beta = saved.p(0);
       const Tensor scaled = saved.b() * beta;
       const Tensor s = sigmoid(scaled);
       const Tensor curve = where(gt(scaled, saved.p(1)), 0, s * (1 - s) * beta);
       return t * (saved.a() * curve);
     }});
Tensor softplus_grad(T g, T x, const double* params) {
  return elementwise(record_softplus_grad, g, x, params);
}
const Elementwise record_softplus("softplus", "SoftplusBackward0", DTypeRule::Promote,
                                  unary<"softplus">, {kReadsX, [](T t, S s) {
                                                        return softplus_grad(t, s.x(), s.params);
                                                      }});

const Elementwise record_leaky_relu_grad(
    "leaky_relu_backward", "LeakyReluBackwardBackward0", DTypeRule::Promote,
    binary<"leaky_relu_grad">,
    {kReadsB, [](T t, S s) { return leaky_relu_grad(t, s.b().tensor(), s.params); }}, kZeroSlope);
Tensor leaky_relu_grad(T g, T x, const double* params) {
  return elementwise(record_leaky_relu_grad, g, x, params);
}
const Elementwise record_leaky_relu("leaky_relu", "LeakyReluBackward0", DTypeRule::Promote,
                                    unary<"leaky_relu">,
                                    {kReadsX,
                                     [](T t, S s) { return leaky_relu_grad(t, s.x(), s.params); }});

// Where x is positive elu is linear; elsewhere every derivative is the one before times p2.
const Elementwise record_elu_grad(
    "elu_backward", "EluBackwardBackward0", DTypeRule::Promote, binary<"elu_grad">,
    {kReadsB, [](T t, S s) { return elu_grad(t, s.b().tensor(), s.params); }},
    {kReadsA | kReadsB, [](T t, S s) {
       const Tensor& x = s.b().tensor();
       return where(lt(x, 0), elu_grad(t * s.a(), x, s.params) * s.p(2), 0);
     }});
Tensor elu_grad(T g, T x, const double* params) {
  return elementwise(record_elu_grad, g, x, params);
}
constexpr auto elu_slope = [](T t, S s) { return elu_grad(t, s.x(), s.params); };
const Elementwise record_elu("elu", "EluBackward0", DTypeRule::Promote, unary<"elu">,
                             {kReadsX, elu_slope});
const Elementwise record_celu("elu", "CeluBackward0", DTypeRule::Promote, unary<"elu">,
                              {kReadsX, elu_slope});

Tensor elu_like(const Elementwise& op, const Tensor& input, double alpha, double scale,
                double input_scale) {
  const double params[kMaxParams] = {held(alpha, input), scale, input_scale};
  return elementwise(op, input, params);
}

}  // namespace

Tensor softplus(const Tensor& input, double beta, double threshold) {
  const double params[kMaxParams] = {held(beta, input), held(threshold, input), 0};
  return elementwise(record_softplus, input, params);
}
static const Entry entry_softplus("softplus(input, beta=1, threshold=20)", direct<softplus>,
                                  kNNForm | kOutForm,
                                  "log(1 + exp(beta * input)) / beta; the input itself where beta "
                                  "* input exceeds threshold.",
                                  "x(3,4) | x(3,4), 2.0, 1.0 | x() | xs(3,4)");

static Tensor leaky_relu(const Tensor& input, double negative_slope, bool inplace) {
  const double params[kMaxParams] = {held(negative_slope, input), 0, 0};
  return maybe_in_place("leaky_relu", input, inplace,
                        [&] { return elementwise(record_leaky_relu, input, params); });
}
static const Entry entry_leaky_relu("leaky_relu(input, negative_slope=0.01, inplace:truth=False)",
                                    function<leaky_relu>, kNNForm | kPlainNames,
                                    "The input where positive, negative_slope times it elsewhere.",
                                    "x(3,4) | x(3,4), 0.2 | x() | xs(3,4)");

static Tensor elu(const Tensor& input, double alpha, bool inplace) {
  return maybe_in_place("elu", input, inplace,
                        [&] { return elu_like(record_elu, input, alpha, 1, 1); });
}
static const Entry entry_elu("elu(input, alpha=1.0, inplace:truth=False)", function<elu>,
                             kNNForm | kPlainNames,
                             "The input where positive, alpha * (exp(input) - 1) elsewhere.",
                             "x(3,4) | x(3,4), 0.5 | x() | xs(3,4)");

static Tensor selu(const Tensor& input) {
  constexpr double kAlpha = 1.6732632423543772848170429916717;
  constexpr double kScale = 1.0507009873554804934193349852946;
  return elu_like(record_elu, input, kAlpha, kScale, 1);
}
PB_ACTIVATION(selu, "The scaled elu that keeps mean 0 and variance 1.")
static const Entry entry_selu("selu(input)", function<selu>, kFunctionForm,
                              "The scaled elu that keeps mean 0 and variance 1.", PB_SAMPLES);

static Tensor celu(const Tensor& input, double alpha) {
  check(alpha != 0, "ZeroDivisionError: alpha cannot be 0 for CELU");
  return elu_like(record_celu, input, alpha, 1, 1 / alpha);
}
static Tensor celu_nn(const Tensor& input, double alpha, bool inplace) {
  return maybe_in_place("celu", input, inplace, [&] { return celu(input, alpha); });
}
static const char kCeluDoc[] =
    "The input where positive, alpha * (exp(input / alpha) - 1) elsewhere.";
static const char kCeluSamples[] = "x(3,4) | x(3,4), 0.5 | x() | xs(3,4)";
static const Entry entry_celu("celu(input, alpha=1.0)", function<celu>, kFunctionForm, kCeluDoc,
                              kCeluSamples);
static const Entry entry_celu_nn("celu(input, alpha=1.0, inplace:truth=False)", function<celu_nn>,
                                 kNNForm | kPlainNames, kCeluDoc, kCeluSamples);

static const Elementwise record_logsigmoid("logsigmoid", "LogSigmoidBackward0", DTypeRule::Promote,
                                           unary<"log_sigmoid">, {kReadsX, [](T t, S s) {
                                                                    return t * sigmoid(neg(s.x()));
                                                                  }});
Tensor logsigmoid(const Tensor& input) { return elementwise(record_logsigmoid, input); }
static const Entry entry_logsigmoid("logsigmoid(input)", direct<logsigmoid>, kNNForm | kOutForm,
                                    "log(sigmoid(input)) without overflow.", PB_SAMPLES);

static Tensor mish_slope(T t, S s) {
  const Tensor u = tanh(softplus(s.x()));
  return t * (u + s.x() * (sigmoid(s.x()) * (1 - square(u))));
}
static const Elementwise record_mish("mish", "MishBackward0", DTypeRule::Promote, unary<"mish">,
                                     {kReadsX, [](T t, S s) { return PB_WIDE(mish_slope(t, s)); }});
static Tensor mish(const Tensor& input) { return elementwise(record_mish, input); }
PB_ACTIVATION(mish, "input * tanh(softplus(input)).")

static Tensor hardswish_slope(T t, S s) {
  const Tensor& x = s.x();
  return where(le(x, -3), 0, where(ge(x, 3), t, t * (x * (1.0 / 3) + 0.5)));
}
static const Elementwise record_hardswish("hardswish", "HardswishBackward0", DTypeRule::Promote,
                                          unary<"hardswish">,
                                          {kReadsX, [](T t, S s) {
                                             return PB_WIDE(hardswish_slope(t, s));
                                           }});
static Tensor hardswish(const Tensor& input) { return elementwise(record_hardswish, input); }
PB_ACTIVATION(hardswish, "input * relu6(input + 3) / 6.")

static const Elementwise record_hardsigmoid(
    "hardsigmoid", "HardsigmoidBackward0", DTypeRule::Promote, unary<"hardsigmoid">,
    {kReadsX, [](T t, S s) {
       const Tensor inside = logical_and(gt(s.x(), -3), lt(s.x(), 3));
       return stepwise("HardsigmoidBackwardBackward0", where(inside, t * (1.0 / 6), 0), s.x());
     }});
static Tensor hardsigmoid(const Tensor& input) { return elementwise(record_hardsigmoid, input); }
PB_ACTIVATION(hardsigmoid, "relu6(input + 3) / 6.")

static Tensor softsign(const Tensor& input) { return input / (abs(input) + 1); }
static const Entry entry_softsign("softsign(input)", function<softsign>, kNNForm | kPlainNames,
                                  "input / (1 + abs(input)).", PB_SAMPLES);
static Tensor tanhshrink(const Tensor& input) { return input - tanh(input); }
static const Entry entry_tanhshrink("tanhshrink(input)", function<tanhshrink>,
                                    kNNForm | kPlainNames, "input - tanh(input).", PB_SAMPLES);

static const Elementwise record_threshold("threshold", "ThresholdBackward0", DTypeRule::Promote,
                                          unary<"threshold">,
                                          {kReadsX, [](T t, S s) {
                                             return stepwise("ThresholdBackwardBackward0",
                                                             where(le(s.x(), s.p(0)), 0, t), s.x());
                                           }});
static Tensor threshold(const Tensor& input, Scalar threshold, Scalar value) {
  const auto param = [dtype = input.dtype()](const Scalar& number) {
    fitting(number, dtype);
    return is_floating(dtype) ? number.to_double() : kernels::integral_param(number.to_int());
  };
  const double params[kMaxParams] = {param(threshold), param(value), 0};
  return elementwise(record_threshold, input, params);
}
static Tensor threshold_nn(const Tensor& input, Scalar limit, Scalar value, bool inplace) {
  return maybe_in_place("threshold", input, inplace,
                        [&] { return threshold(input, limit, value); });
}
static const char kThresholdDoc[] = "The input where it exceeds threshold, value elsewhere.";
static const char kThresholdSamples[] = "x(3,4), 0.1, 2.0 | x(), 0.0, -1.0 | xs(3,4), 0.1, 2.0";

static Tensor outside(T t, S s) {
  return stepwise("HardshrinkBackwardBackward0", where(le(abs(s.x()), s.p(0)), 0, t), s.x());
}
static const Elementwise record_hardshrink("hardshrink", "HardshrinkBackward0", DTypeRule::Promote,
                                           unary<"hardshrink">, {kReadsX, outside});
static const Elementwise record_softshrink("softshrink", "SoftshrinkBackward0", DTypeRule::Promote,
                                           unary<"softshrink">, {kReadsX, outside});

Tensor hardshrink(const Tensor& input, double lambd) {
  const double params[kMaxParams] = {held(lambd, input), 0, 0};
  return elementwise(record_hardshrink, input, params);
}
static const Entry entry_hardshrink("hardshrink(input, lambd=0.5)", direct<hardshrink>,
                                    kBoth | kNNForm, "The input where |input| > lambd, else 0.",
                                    "x(3,4) | x(3,4), 0.2 | x() | xs(3,4)");

Tensor softshrink(const Tensor& input, double lambd) {
  const double most = largest(input.dtype());
  check(!is_floating(input.dtype()) || (lambd >= 0 && lambd <= most),
        "lambda must be in range [0, ", most, "] for input dtype ", info(input.dtype()).scalar_name,
        ", but found ", lambd);
  const double params[kMaxParams] = {lambd, 0, 0};
  return elementwise(record_softshrink, input, params);
}
static const Entry entry_softshrink("softshrink(input, lambd=0.5)", direct<softshrink>,
                                    kNNForm | kOutForm,
                                    "The input moved towards 0 by lambd, 0 within lambd.",
                                    "x(3,4) | x(3,4), 0.2 | x() | xs(3,4)");

static const Entry entry_threshold("threshold(input, threshold, value)", direct<threshold>,
                                   kFunctionForm | kCastOutForm, kThresholdDoc, kThresholdSamples);
static const Entry entry_threshold_nn("threshold(input, threshold, value, inplace:truth=False)",
                                      function<threshold_nn>, kNNForm | kPlainNames, kThresholdDoc,
                                      kThresholdSamples);

static const Elementwise record_prelu(
    "prelu", "PreluKernelBackward0", DTypeRule::Promote, binary<"prelu">,
    {kReadsA | kReadsB, [](T t, S s) { return where(gt(s.x(), 0), t, t * s.b()); }},
    {kReadsA, [](T t, S s) { return where(gt(s.x(), 0), 0, t * s.x()); }});
static Tensor prelu(const Tensor& input, const Tensor& weight) {
  check(input.dtype() == weight.dtype(), "prelu: Type promoting not supported. Got ",
        info(input.dtype()).scalar_name, " and ", info(weight.dtype()).scalar_name);
  check(weight.ndim() <= 1,
        "prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = ", weight.ndim());
  if (weight.numel() == 1) {
    return elementwise(record_prelu, input, weight.ndim() == 0 ? weight : reshape(weight, Dims{}));
  }
  check(input.ndim() > 0, "Not allow zero-dim input tensor.");
  const std::int64_t channels = input.ndim() > 1 ? input.size(1) : 1;
  check(channels == weight.numel(),
        "Mismatch of parameter numbers and input channel size. Found parameter numbers = ",
        weight.numel(), " and channel size = ", channels, ".");
  Dims sizes(input.ndim(), 1);
  sizes[1] = channels;
  return elementwise(record_prelu, input, reshape(weight, sizes));
}
static const char kPreluSamples[] = "x(3,4), x(1) | x(3,4), x() | x(2,3,4), x(3) | x(), x(1)";
static const Entry entry_prelu(
    "prelu(input, weight)", function<prelu>, kFunctionForm | kMethodForm | kNNForm,
    "The input where positive, weight times it elsewhere; weight has one "
    "element or one for each channel (dimension 1).",
    kPreluSamples);

}  // namespace pullback
