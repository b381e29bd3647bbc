// Normalisation: of the elements of a channel over a batch, of one example, of groups of channels.
//
// Each is normalize() of the input seen as [outer, groups, inner].
#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "ops/basic.h"
#include "ops/format.h"
#include "ops/levels.h"
#include "ops/nn/normalize.h"
#include "ops/nn/taps.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/math.h"
#include "ops/reduce/reduction.h"
#include "ops/shape/view.h"
#include "ops/table.h"

namespace pullback {
namespace {

using Optional = std::optional<Tensor>;

void check_floating(const char* name, const Tensor& input) {
  check(ErrorKind::NotImplemented, is_floating(input.dtype()), "\"", name,
        "\" not implemented for '", info(input.dtype()).scalar_name, "'");
}

// All of one dtype: the input's, or float32 for a narrow input if the first of them is.
void check_types(const Tensor& input, std::initializer_list<const Optional*> parameters) {
  DType expected = input.dtype();
  bool first = true;
  for (const Optional* each : parameters) {
    if (!*each) continue;
    const DType found = (*each)->dtype();
    if (std::exchange(first, false) && is_narrow(expected) && found == DType::Float32) {
      expected = found;
    }
    check(found == expected, "mixed dtype (CPU): expect parameter to have scalar type of ",
          info(expected).scalar_name, ", but got ", info(found).scalar_name, " for an input of ",
          info(input.dtype()).scalar_name);
  }
}

Optional as(const Optional& t, const Tensor& model) {
  return t ? Optional(cast(*t, model.dtype())) : Optional();
}

void check_channels(const char* what, const Optional& values, std::int64_t channels) {
  check(!values || (values->ndim() == 1 && values->numel() == channels), what, " should contain ",
        channels, " elements not ", values ? values->numel() : 0);
}

std::int64_t rest(const Tensor& t, int from) {
  return count_elements(t.sizes().subspan(static_cast<std::size_t>(from)));
}

// running = (1 - momentum) * running + momentum * value, in place and not recorded.
void update(const char* name, const Optional& running, const Tensor& value, double momentum) {
  if (!running) return;
  check(!value.has(kBatched) && !running->has(kBatched), name,
        ": running statistics cannot be updated inside vmap, where each example has its own: got a "
        "batch. Use training=False, or pass no running_mean and running_var.");
  check_writable(name, *running);
  const ModeScope<&Mode::grad> silent(false);
  const Tensor old = running->detach();
  copy_values(*running, old * (1 - momentum) + value.detach() * momentum);
  running->note_write();
}

Tensor batch_norm_of(const char* name, const Tensor& input, const Optional& running_mean,
                     const Optional& running_var, const Optional& weight, const Optional& bias,
                     bool training, double momentum, double eps) {
  const std::int64_t channels = input.size(1);
  check_channels("running_mean", running_mean, channels);
  check_channels("running_var", running_var, channels);
  check_channels("weight", weight, channels);
  check_channels("bias", bias, channels);
  if (!training) {
    check(running_mean && running_var, name,
          ": running_mean and running_var must be defined in evaluation mode: got None");
    const Tensor inverse = rsqrt(cast(*running_var, input.dtype()) + eps);
    const Tensor scale = weight ? *weight * inverse : inverse;
    const Tensor shift = cast(*running_mean, input.dtype()) * scale;
    const Tensor offset = bias ? *bias - shift : neg(shift);
    const Tensor channelwise = reshape(input, Dims{input.size(0), channels, rest(input, 2)});
    return reshape(scale_channels(channelwise, scale, offset, {channels, 1}), input.sizes());
  }
  const std::int64_t inner = rest(input, 2);
  const auto [y, moments] = normalize(reshape(input, Dims{input.size(0), channels, inner}), weight,
                                      bias, {channels, 1}, eps);
  update(name, running_mean, select(moments, 0, 0), momentum);
  const auto n = static_cast<double>(input.size(0) * inner);
  if (running_var) update(name, running_var, select(moments, 0, 1) * (n / (n - 1)), momentum);
  return reshape(y, input.sizes());
}

Tensor wide_batch_norm(const Tensor& input, const Optional& running_mean,
                       const Optional& running_var, const Optional& weight, const Optional& bias,
                       bool training, double momentum, double eps) {
  check(input.ndim() >= 2,
        "batch_norm: expected an input of at least 2 dimensions, [batch, "
        "channels, ...]: got ",
        input.shape());
  check_floating("batch_norm", input);
  check(ErrorKind::Value, training ? eps > 0 : eps >= 0, "batch_norm eps must be ",
        training ? "positive during training" : "non-negative", ", but got ", eps);
  if (training) {
    const std::int64_t n = input.size(0) * rest(input, 2);
    check(ErrorKind::Value, n != 1,
          "Expected more than 1 value per channel when training, got input size ", input.shape());
  }
  return batch_norm_of("batch_norm", input, running_mean, running_var, weight, bias, training,
                       momentum, eps);
}

Tensor batch_norm(const Tensor& input, const Optional& running_mean, const Optional& running_var,
                  const Optional& weight, const Optional& bias, bool training, double momentum,
                  double eps) {
  if (is_floating(input.dtype())) {
    check_types(input, {&weight, &bias, &running_mean, &running_var});
  }
  const Tensor result = rounded_once(input, [&](const Tensor& x) {
    return wide_batch_norm(x, running_mean, running_var, as(weight, x), as(bias, x), training,
                           momentum, eps);
  });
  return laid_out(result, format_of(input));
}

Tensor wide_instance_norm(const Tensor& input, const Optional& running_mean,
                          const Optional& running_var, const Optional& weight, const Optional& bias,
                          bool use_input_stats, double momentum, double eps) {
  check(ErrorKind::Value, input.ndim() >= 3,
        "instance_norm: expected an input of at least 3 dimensions, [batch, "
        "channels, ...]: got ",
        input.shape());
  check_floating("instance_norm", input);
  const std::int64_t batch = input.size(0), channels = input.size(1), inner = rest(input, 2);
  check(use_input_stats || (running_mean && running_var),
        "Expected running_mean and running_var to "
        "be defined when use_input_stats is false");
  check_channels("weight", weight, channels);
  check_channels("bias", bias, channels);
  check_channels("running_mean", running_mean, channels);
  check_channels("running_var", running_var, channels);
  if (!use_input_stats) {
    return batch_norm_of("instance_norm", input, running_mean, running_var, weight, bias, false,
                         momentum, eps);
  }
  check(ErrorKind::Value, inner != 1,
        "Expected more than 1 spatial element when training, got input size ", input.shape());
  const auto [y, moments] =
      normalize(reshape(input, Dims{1, batch * channels, inner}), weight, bias, {channels, 1}, eps);
  if (running_mean || running_var) {
    const auto of_batch = [&](std::int64_t which) {
      return mean(reshape(select(moments, 0, which), Dims{batch, channels}), Dims{0});
    };
    const auto n = static_cast<double>(inner);
    update("instance_norm", running_mean, of_batch(0), momentum);
    update("instance_norm", running_var, of_batch(1) * (n / (n - 1)), momentum);
  }
  return reshape(y, input.sizes());
}

Tensor instance_norm(const Tensor& input, const Optional& running_mean, const Optional& running_var,
                     const Optional& weight, const Optional& bias, bool use_input_stats,
                     double momentum, double eps) {
  if (is_floating(input.dtype())) check_types(input, {&weight, &bias});
  return rounded_once(input, [&](const Tensor& x) {
    return wide_instance_norm(x, running_mean, running_var, as(weight, x), as(bias, x),
                              use_input_stats, momentum, eps);
  });
}

Tensor wide_group_norm(const Tensor& input, std::int64_t num_groups, const Optional& weight,
                       const Optional& bias, double eps) {
  check(input.ndim() >= 2, "Expected at least 2 dimensions for input tensor but received ",
        input.ndim());
  check(num_groups > 0, "Expected num groups to be greater than 0, got ", num_groups);
  const std::int64_t channels = input.size(1);
  check(channels % num_groups == 0,
        "Expected number of channels in input to be divisible by "
        "num_groups, but got input of shape ",
        input.shape(), " and num_groups=", num_groups);
  check_floating("group_norm", input);
  check_channels("Expected weight to be a vector: it", weight, channels);
  check_channels("Expected bias to be a vector: it", bias, channels);
  const std::int64_t inner = channels / num_groups * rest(input, 2);
  check(ErrorKind::Value, input.size(0) * inner != 1,
        "Expected more than 1 value per channel when training, got input size ", input.shape());
  const Tensor groups = reshape(input, Dims{1, input.size(0) * num_groups, inner});
  const NormalizeForm form{num_groups, channels / num_groups};
  return reshape(normalize(groups, weight, bias, form, eps)[0], input.sizes());
}

Tensor group_norm(const Tensor& input, std::int64_t num_groups, const Optional& weight,
                  const Optional& bias, double eps) {
  check_types(input, {&weight, &bias});
  const Tensor result = rounded_once(input, [&](const Tensor& x) {
    return wide_group_norm(x, num_groups, as(weight, x), as(bias, x), eps);
  });
  return laid_out(result, format_of(input));
}

// torch's checks; the number of dimensions that are normalised.
int check_shape(const Tensor& input, const Dims& shape, const Optional& weight,
                const Optional& bias) {
  const int n = shape.size();
  check(n >= 1,
        "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least "
        "one element, but got normalized_shape = ",
        shape);
  check(!weight || same(weight->sizes(), shape),
        "Expected weight to be of same shape as "
        "normalized_shape, but got weight of shape ",
        weight ? weight->shape() : Dims(), " and normalized_shape = ", shape);
  check(!bias || same(bias->sizes(), shape),
        "Expected bias to be of same shape as "
        "normalized_shape, but got bias of shape ",
        bias ? bias->shape() : Dims(), " and normalized_shape = ", shape);
  check(input.ndim() >= n && same(input.sizes().last(static_cast<std::size_t>(n)), shape),
        "Given normalized_shape=", shape,
        ", expected input with shape [*, ...] that ends in it, but "
        "got input of size",
        input.shape());
  return n;
}

Tensor wide_layer_norm(const Tensor& input, const Dims& normalized_shape, const Optional& weight,
                       const Optional& bias, double eps) {
  check_shape(input, normalized_shape, weight, bias);
  check_floating("LayerNormKernelImpl", input);
  const std::int64_t inner = count_elements(normalized_shape);
  const std::int64_t rows = input.numel() / std::max<std::int64_t>(1, inner);
  const Tensor layers = reshape(input, Dims{1, rows, inner});
  return reshape(normalize(layers, weight, bias, {1, inner}, eps)[0], input.sizes());
}

Tensor layer_norm(const Tensor& input, const Dims& normalized_shape, const Optional& weight,
                  const Optional& bias, double eps) {
  check_types(input, {&weight, &bias});
  return rounded_once(input, [&](const Tensor& x) {
    return wide_layer_norm(x, normalized_shape, as(weight, x), as(bias, x), eps);
  });
}

Tensor wide_rms_norm(const Tensor& input, const Dims& normalized_shape, const Optional& weight,
                     std::optional<double> eps) {
  const int n = check_shape(input, normalized_shape, weight, {});
  check(ErrorKind::NotImplemented, is_differentiable(input.dtype()),
        "\"rms_norm\" not implemented for '", info(input.dtype()).scalar_name, "'");
  Dims last;
  for (int d = input.ndim() - n; d < input.ndim(); ++d) last.push_back(d);
  const double smallest = eps.value_or(real_of(input.dtype()) == DType::Float64
                                           ? std::numeric_limits<double>::epsilon()
                                           : std::numeric_limits<float>::epsilon());
  const Tensor y = input * rsqrt(mean(square(input), last, true) + smallest);
  return weight ? y * *weight : y;
}

Tensor rms_norm(const Tensor& input, const Dims& normalized_shape, const Optional& weight,
                std::optional<double> eps) {
  return rounded_once(input, [&](const Tensor& x) {
    return wide_rms_norm(x, normalized_shape, as(weight, x), eps);
  });
}

const Entry entry_batch_norm(
    "batch_norm(input, running_mean, running_var, weight=None, bias=None, training=False, "
    "momentum=0.1, eps=1e-05)",
    function<batch_norm>, kNNForm | kPlainNames,
    "Every channel (dimension 1) minus its mean, divided by its standard deviation over all other "
    "dimensions, or by the running statistics unless training; then times weight plus bias.",
    "x(4,3), None, None, training=True | x(2,3,4), None, None, x(3), x(3), True, 0.1, 0.1 "
    "| x(2,3,4), c(3), c(3, low=0.5, high=2), x(3), x(3) | x(2,3,2,2), c(3), c(3, low=0.5, "
    "high=2)");
const Entry entry_instance_norm(
    "instance_norm(input, running_mean=None, running_var=None, weight=None, bias=None, "
    "use_input_stats=True, momentum=0.1, eps=1e-05)",
    function<instance_norm>, kNNForm | kPlainNames,
    "The same of every channel of every example by itself.",
    "x(2,3,4) | x(2,3,2,3), None, None, x(3), x(3), eps=0.1 | xs(2,3,4) "
    "| x(2,3,4), c(3), c(3, low=0.5, high=2), x(3), None, False");
const Entry entry_group_norm(
    "group_norm(input, num_groups, weight=None, bias=None, eps=1e-05)", function<group_norm>,
    kNNForm | kPlainNames, "The same of groups of channels of every example.",
    "x(2,4,3), 2 | x(2,6), 2, x(6), x(6) | x(2,4,2,2), 1, x(4), None, 0.1 | xs(2,4,3), 2");
const Entry entry_layer_norm(
    "layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-05)", function<layer_norm>,
    kNNForm | kPlainNames,
    "The same over the last dimensions, those of normalized_shape, with a weight for each element.",
    "x(3,4), (4,) | x(2,3,4), (3,4), x(3,4), x(3,4) | x(2,3,4), [4], x(4), None, 0.1 | xs(3,4), "
    "(4,) "
    "| x(0,4), (4,)");
const Entry entry_rms_norm(
    "rms_norm(input, normalized_shape, weight=None, eps=None)", function<rms_norm>,
    kNNForm | kPlainNames,
    "The input divided by the root of the mean of its squares over the last dimensions.",
    "x(3,4), (4,) | x(2,3,4), (3,4), x(3,4), 0.1 | xs(3,4), [4], x(4)");

}  // namespace
}  // namespace pullback
