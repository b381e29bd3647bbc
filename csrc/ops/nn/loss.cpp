// Losses between tensors of one shape, and distances.
//
// DifferenceLoss (mse, smooth_l1, huber) and EntropyLoss (binary cross entropy) compute all
// elements and their reduction as one node; the others are compositions, as in torch.
#include "ops/nn/loss.h"

#include "core/error.h"
#include "core/warning.h"
#include "kernels/elementwise.h"
#include "kernels/reduce/reduce.h"
#include "ops/absorb.h"
#include "ops/basic.h"
#include "ops/elementwise.h"
#include "ops/followed.h"
#include "ops/op.h"
#include "ops/pointwise/activation.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/compare.h"
#include "ops/pointwise/math.h"
#include "ops/pointwise/select.h"
#include "ops/reduce/reduction.h"
#include "ops/table.h"

namespace pullback {

using kernels::binary;
using kernels::ternary;
using kernels::unary;

Reduction reduction_of(std::string_view reduction, const std::optional<bool>& size_average,
                       const std::optional<bool>& reduce) {
  if (size_average || reduce) {
    const char* const instead = !reduce.value_or(true)        ? "none"
                                : size_average.value_or(true) ? "mean"
                                                              : "sum";
    warn("size_average and reduce args will be deprecated, please use reduction='", instead,
         "' instead.");
    return reduction_of(instead);
  }
  if (reduction == "none") return Reduction::None;
  if (reduction == "mean") return Reduction::Mean;
  check(ErrorKind::Value, reduction == "sum", reduction, " is not a valid value for reduction");
  return Reduction::Sum;
}

Tensor reduce_loss(const Tensor& losses, Reduction reduction) {
  if (reduction == Reduction::None) return losses;
  return reduction == Reduction::Mean ? mean(losses) : sum(losses);
}

namespace {

enum class LossKind : std::uint8_t { Mse, SmoothL1, Huber, Entropy, EntropyOfLogits };

struct LossAttrs {
  LossKind kind;
  Reduction reduction;
  double parameter = 0;  // beta, delta
  int lead = 0;          // leading dimensions that are not reduced
  LossAttrs batched(std::int64_t) const {
    LossAttrs b = *this;
    ++b.lead;
    return b;
  }

  Dims sizes(Sizes all) const {
    return reduction == Reduction::None ? Dims(all)
                                        : Dims(all.first(static_cast<std::size_t>(lead)));
  }
  DimSet reduced(int ndim) const {
    return DimSet(DimSet::all(ndim).bits() & ~DimSet::all(lead).bits());
  }
};

// Nothing that runs while it lives is recorded.
struct Quiet {
  GradMode grad{false};
  ForwardMode forward{false};
};

void reduce_into(const LossAttrs& a, kernels::Reduce how, const Tensor& losses, const Tensor& out) {
  const DimSet dims = a.reduced(losses.ndim());
  kernels::reduce(how, KeepView(out, dims, losses.sizes(), false), view_of(losses));
  if (a.reduction != Reduction::Mean) return;
  const auto count = static_cast<double>(reduced_count(losses.sizes(), dims));
  kernels::apply(binary<"div">, view_of(out),
                 {view_of(out), NumberView(count, out.dtype(), out.sizes())});
}

// The gradient of each element's loss.
Tensor spread(const LossAttrs& a, const Tensor& gradient, Sizes sizes) {
  if (a.reduction == Reduction::None) return gradient;
  const int ndim = static_cast<int>(sizes.size());
  const DimSet dims = a.reduced(ndim);
  const std::int64_t count = std::max<std::int64_t>(1, reduced_count(sizes, dims));
  const Tensor g =
      a.reduction == Reduction::Mean ? mul(gradient, 1.0 / static_cast<double>(count)) : gradient;
  return restore(g, dims, ndim, false);
}

Tensor reduce_tangent(const LossAttrs& a, const Tensor& tangent) {
  if (a.reduction == Reduction::None) return tangent;
  Dims dims;
  for (int d = a.lead; d < tangent.ndim(); ++d) dims.push_back(d);
  if (dims.empty()) return tangent;
  return a.reduction == Reduction::Mean ? mean(tangent, dims) : sum(tangent, dims);
}

// The gradient of such a loss, given that of each element: its own operator, so that it is one
// kernel and can be differentiated again. Its operands are input, target and the arriving gradient.
Tensor difference_grad(LossKind kind, const Tensor& x, const Tensor& target, const Tensor& g,
                       const double* params);
template <LossKind kind>
Tensor difference_curvature(const Tensor& t, const Saved& s) {
  if constexpr (kind == LossKind::Mse) return t * 2 * s.c().tensor();
  const double limit = s.p(0);
  const Tensor inside = le(abs(s.x() - s.b().tensor()), limit);
  const Tensor slope = t * s.c().tensor();
  return where(inside, kind == LossKind::SmoothL1 ? slope / limit : slope, 0);
}
template <LossKind kind>
constexpr Elementwise difference_record(const char* name, const char* node,
                                        kernels::Ternary kernel) {
  constexpr Reads all = kReadsA | kReadsB | kReadsC;
  return {
      name,
      node,
      DTypeRule::Promote,
      kernel,
      {all, difference_curvature<kind>},
      {all, [](const Tensor& t, const Saved& s) { return neg(difference_curvature<kind>(t, s)); }},
      {kReadsA | kReadsB, [](const Tensor& t, const Saved& s) {
         return difference_grad(kind, s.x(), s.b().tensor(), t, s.params);
       }}};
}
const Elementwise record_mse_grad = difference_record<LossKind::Mse>(
    "mse_loss_backward", "MseLossBackwardBackward0", ternary<"mse_grad">);
const Elementwise record_smooth_l1_grad = difference_record<LossKind::SmoothL1>(
    "smooth_l1_loss_backward", "SmoothL1LossBackwardBackward0", ternary<"smooth_l1_grad">);
const Elementwise record_huber_grad = difference_record<LossKind::Huber>(
    "huber_loss_backward", "HuberLossBackwardBackward0", ternary<"huber_grad">);

Tensor difference_grad(LossKind kind, const Tensor& x, const Tensor& target, const Tensor& g,
                       const double* params) {
  const Elementwise& record = kind == LossKind::Mse        ? record_mse_grad
                              : kind == LossKind::SmoothL1 ? record_smooth_l1_grad
                                                           : record_huber_grad;
  return elementwise(record, x, target, g, params);
}

// A function of the difference of input and target, which have one shape and dtype.
struct DifferenceLoss {
  static constexpr int kInputs = 2;
  static constexpr int kOutputs = 1;
  using Attrs = LossAttrs;
  static const char* node_name(const Attrs& a) {
    return a.kind == LossKind::Mse        ? "MseLossBackward0"
           : a.kind == LossKind::SmoothL1 ? "SmoothL1LossBackward0"
                                          : "HuberLossBackward0";
  }
  static Spec spec(const Attrs& a, In in) { return {a.sizes(in[0].sizes()), in[0].dtype()}; }
  static void workspace(const Attrs& a, In in, const Tensor&, Workspace& w) {
    if (a.reduction != Reduction::None) w.need(0, in[0].sizes(), in[0].dtype());
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    const bool reduces = a.reduction != Reduction::None;
    const Tensor& losses = reduces ? w[0] : out;
    const auto losses_by = [&](kernels::Binary op, const double* params) {
      kernels::apply(op, view_of(losses), {view_of(in[0]), view_of(in[1])}, params);
    };
    const double params[] = {a.parameter, 0, 0};
    if (a.kind != LossKind::Mse) {
      const bool huber = a.kind == LossKind::Huber;
      losses_by(huber ? binary<"huber"> : binary<"smooth_l1">, params);
      if (reduces) reduce_into(a, kernels::Reduce::Sum, losses, out);
      return;
    }
    losses_by(binary<"sub">, nullptr);
    if (reduces) return reduce_into(a, kernels::Reduce::SumSq, losses, out);
    kernels::apply(unary<"square">, view_of(losses), {view_of(losses)});
  }
  static constexpr Reads kReads = kReadsA | kReadsB;
  static Tensor slope(const Attrs& a, const Tensor& difference) {
    const double p = a.parameter;
    switch (a.kind) {
      case LossKind::SmoothL1:
        return clamp(difference / p, -1.0, 1.0);
      case LossKind::Huber:
        return clamp(difference, -p, p);
      default:
        return difference * 2;
    }
  }
  static void vjp(Vjp<DifferenceLoss>& v) {
    const Tensor x = v.in(0);
    const Tensor arrived = spread(v.attrs(), v.grad(), x.sizes());
    const double params[kMaxParams] = {v.attrs().parameter};
    const Tensor g = absorb(arrived, difference_grad(v.attrs().kind, x, v.in(1), arrived, params));
    if (v.wants(0)) v.give(0, g);
    if (v.wants(1)) v.give(1, neg(g));
  }
  static Tensor jvp(Jvp<DifferenceLoss>& j) {
    Tensor tangent = j.tangent(0);
    if (j.tangent(1).defined()) {
      tangent = tangent.defined() ? tangent - j.tangent(1) : neg(j.tangent(1));
    }
    return reduce_tangent(j.attrs(), slope(j.attrs(), j.in(0) - j.in(1)) * tangent);
  }
};

void compute(kernels::Binary op, const Tensor& out, const Tensor& a, const Tensor& b) {
  kernels::apply(op, view_of(out), {view_of(a), view_of(b)});
}
void compute(kernels::Binary op, const Tensor& out, const Tensor& a, const Scalar& b) {
  kernels::apply(op, view_of(out), {view_of(a), NumberView(b, out.dtype(), out.sizes())});
}

// Binary cross entropy of probabilities or of logits: inputs are input, target, weight and
// pos_weight, of one shape; the weights may be missing and have no derivative.
struct EntropyLoss {
  static constexpr int kInputs = 4;
  static constexpr int kOutputs = 1;
  using Attrs = LossAttrs;
  static const char* node_name(const Attrs& a) {
    return a.kind == LossKind::Entropy ? "BinaryCrossEntropyBackward0"
                                       : "BinaryCrossEntropyWithLogitsBackward0";
  }
  static Spec spec(const Attrs& a, In in) { return {a.sizes(in[0].sizes()), in[0].dtype()}; }
  static void workspace(const Attrs& a, In in, const Tensor&, Workspace& w) {
    if (a.reduction != Reduction::None) w.need(0, in[0].sizes(), in[0].dtype());
    w.need(1, in[0].sizes(), in[0].dtype());
    if (in[3].defined()) w.need(2, in[0].sizes(), in[0].dtype());
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    const bool reduces = a.reduction != Reduction::None;
    const Tensor& losses = reduces ? w[0] : out;
    if (a.kind == LossKind::Entropy) {
      fill_of_probabilities(losses, in, w[1]);
    } else {
      fill_of_logits(losses, in, w[1], w[2]);
    }
    if (in[2].defined()) compute(binary<"mul">, losses, losses, in[2]);
    if (reduces) reduce_into(a, kernels::Reduce::Sum, losses, out);
  }
  // (t - 1) max(log(1 - x), -100) - t max(log(x), -100).
  static void fill_of_probabilities(const Tensor& losses, In in, const Tensor& part) {
    const kernels::View x = view_of(in[0]);
    const kernels::View to = view_of(part);
    const NumberView least(-100.0, part.dtype(), part.sizes());
    kernels::apply(unary<"neg">, to, {x});
    kernels::apply(unary<"log1p">, to, {to});
    kernels::apply(binary<"maximum">, to, {to, least});
    compute(binary<"sub">, losses, in[1], Scalar(1));
    compute(binary<"mul">, losses, losses, part);
    kernels::apply(unary<"log">, to, {x});
    kernels::apply(binary<"maximum">, to, {to, least});
    compute(binary<"mul">, part, in[1], part);
    compute(binary<"sub">, losses, losses, part);
  }
  // (1 - t) x - ((pos - 1) t + 1) logsigmoid(x).
  static void fill_of_logits(const Tensor& losses, In in, const Tensor& part,
                             const Tensor& factor) {
    const NumberView one(1, losses.dtype(), losses.sizes());
    kernels::apply(binary<"sub">, view_of(losses), {one, view_of(in[1])});
    compute(binary<"mul">, losses, losses, in[0]);
    kernels::apply(unary<"log_sigmoid">, view_of(part), {view_of(in[0])});
    if (in[3].defined()) {
      compute(binary<"sub">, factor, in[3], Scalar(1));
      compute(binary<"mul">, factor, factor, in[1]);
      compute(binary<"add">, factor, factor, Scalar(1));
      compute(binary<"mul">, part, factor, part);
    }
    compute(binary<"sub">, losses, losses, part);
  }
  static constexpr Reads kReads = kReadsA | kReadsB | kReadsC | kReadsD;
  static Tensor input_slope(const Attrs& a, const Tensor& x, const Tensor& t, const Tensor& pos) {
    if (a.kind == LossKind::Entropy) return (x - t) / clamp_min((1 - x) * x, 1e-12);
    if (!pos.defined()) return sigmoid(x) - t;
    const Tensor positive = pos * t;
    return (positive + 1 - t) * sigmoid(x) - positive;
  }
  static Tensor target_slope(const Attrs& a, const Tensor& x, const Tensor& pos) {
    if (a.kind == LossKind::Entropy) return log1p(neg(x)) - log(x);
    return pos.defined() ? logsigmoid(neg(x)) - pos * logsigmoid(x) : neg(x);
  }
  static void vjp(Vjp<EntropyLoss>& v) {
    const Attrs& a = v.attrs();
    const Tensor x = v.in(0);
    const Tensor pos = v.in(3);
    Tensor g = spread(a, v.grad(), x.sizes());
    if (const Tensor weight = v.in(2)) g = g * weight;
    if (v.wants(0)) v.give(0, absorb(g, g * input_slope(a, x, v.in(1), pos)));
    if (v.wants(1)) v.give(1, absorb(g, g * target_slope(a, x, pos)));
  }
  static Tensor jvp(Jvp<EntropyLoss>& j) {
    const Attrs& a = j.attrs();
    Tensor sum;
    const auto add_part = [&](const Tensor& tangent, const Tensor& slope) {
      const Tensor part = tangent * slope;
      sum = sum.defined() ? sum + part : part;
    };
    if (j.tangent(0).defined()) {
      add_part(j.tangent(0), input_slope(a, j.in(0), j.in(1), j.in(3)));
    }
    if (j.tangent(1).defined()) add_part(j.tangent(1), target_slope(a, j.in(0), j.in(3)));
    return reduce_tangent(a, j.in(2).defined() ? sum * j.in(2) : sum);
  }
};

void refuse_weight_grad(const char* function, const char* argument, const Tensor& weight) {
  check(!is_followed({&weight}), "The function '", function,
        "' is not differentiable with respect to argument '", argument,
        "'. This input cannot have requires_grad True, nor a tangent.");
}

// Broadcast before the dtypes are promoted, as in torch: then a tensor without dimensions counts.
std::pair<Tensor, Tensor> broadcast_pair(const Tensor& input, const Tensor& target) {
  if (same(input.sizes(), target.sizes())) return {input, target};
  const Dims sizes = broadcast(input.sizes(), target.sizes());
  return {expand(input, sizes), expand(target, sizes)};
}

Tensor difference_loss(const char* name, const LossAttrs& attrs, const Tensor& input,
                       const Tensor& target) {
  const auto [x, t] = broadcast_pair(input, target);
  const DType dtype = result_type(x, t);
  check(ErrorKind::NotImplemented, is_floating(dtype), "\"", name, "\" not implemented for '",
        info(dtype).scalar_name, "'");
  return apply<DifferenceLoss>(attrs, cast(x, dtype), cast(t, dtype));
}

void check_weight(const Tensor& input, const Tensor& weight) {
  check(ErrorKind::Value, same(weight.sizes(), input.sizes()),
        "Weights and input must have the same size.");
}

// Sizes that broadcast are nearly always a mistake: (n, 1) and (n) make n * n losses.
void warn_of_broadcast(const Tensor& input, const Tensor& target) {
  if (same(input.sizes(), target.sizes())) return;
  warn("Using a target size (torch.Size(", target.shape(),
       ")) that is different to the input size (torch.Size(", input.shape(),
       ")). This will likely lead to incorrect results due to broadcasting. Please ensure they "
       "have the same size.");
}

// The mean of weighted losses is that by weight.
Tensor reduce_weighted(const Tensor& losses, const Tensor& weight, Reduction reduction) {
  const Tensor weighted = losses * weight;
  return reduction == Reduction::Mean ? sum(weighted) / sum(weight)
                                      : reduce_loss(weighted, reduction);
}

Tensor mse_loss(const Tensor& input, const Tensor& target, std::optional<bool> size_average,
                std::optional<bool> reduce, std::string_view reduction,
                const std::optional<Tensor>& weight) {
  warn_of_broadcast(input, target);
  const Reduction r = reduction_of(reduction, size_average, reduce);
  if (!weight) return difference_loss("mse_loss", {LossKind::Mse, r}, input, target);
  check_weight(input, *weight);
  return reduce_weighted(square(input - target), *weight, r);
}

Tensor l1_loss(const Tensor& input, const Tensor& target, std::optional<bool> size_average,
               std::optional<bool> reduce, std::string_view reduction,
               const std::optional<Tensor>& weight) {
  warn_of_broadcast(input, target);
  const Reduction r = reduction_of(reduction, size_average, reduce);
  const auto [x, t] = broadcast_pair(input, target);
  const Tensor losses = abs(x - t);
  if (!weight) return reduce_loss(losses, r);
  check_weight(input, *weight);
  return reduce_weighted(losses, *weight, r);
}

Tensor smooth_l1_loss(const Tensor& input, const Tensor& target, std::optional<bool> size_average,
                      std::optional<bool> reduce, std::string_view reduction, double beta) {
  const Reduction r = reduction_of(reduction, size_average, reduce);
  if (beta == 0) return l1_loss(input, target, size_average, reduce, reduction, {});
  warn_of_broadcast(input, target);
  check(beta > 0, "smooth_l1_loss does not support negative values for beta.");
  return difference_loss("smooth_l1_loss", {LossKind::SmoothL1, r, beta}, input, target);
}

Tensor huber_loss(const Tensor& input, const Tensor& target, std::string_view reduction,
                  double delta, const std::optional<Tensor>& weight) {
  warn_of_broadcast(input, target);
  const Reduction r = reduction_of(reduction);
  check(delta > 0, "huber_loss does not support non-positive values for delta.");
  // Of the dtype of input, unlike the other losses.
  const DType common = promote_types(input.dtype(), target.dtype());
  check(can_cast(common, input.dtype()), "result type ", info(common).scalar_name,
        " can't be cast to the desired output type ", info(input.dtype()).scalar_name);
  const auto losses = [&](Reduction how) {
    const LossAttrs attrs{LossKind::Huber, how, delta};
    return cast(difference_loss("huber_loss", attrs, input, target), input.dtype());
  };
  if (!weight) return losses(r);
  check_weight(input, *weight);
  return reduce_loss(losses(Reduction::None) * *weight, r);
}

// The weight seen in the shape of the input; missing ones stay missing.
Tensor weight_like(const std::optional<Tensor>& weight, const Tensor& input, DType dtype) {
  if (!weight) return {};
  check(can_cast(weight->dtype(), dtype), "result type ", info(weight->dtype()).scalar_name,
        " can't be cast to the desired output type ", info(dtype).scalar_name);
  const Dims sizes = broadcast(weight->sizes(), input.sizes());
  return cast(same(sizes, weight->sizes()) ? *weight : expand(*weight, sizes), dtype);
}

Tensor binary_cross_entropy_with_logits(const Tensor& input, const Tensor& target,
                                        const std::optional<Tensor>& weight,
                                        std::optional<bool> size_average,
                                        std::optional<bool> reduce, std::string_view reduction,
                                        const std::optional<Tensor>& pos_weight) {
  const Reduction r = reduction_of(reduction, size_average, reduce);
  check(ErrorKind::Value, same(input.sizes(), target.sizes()), "Target size (torch.Size(",
        target.shape(), ")) must be the same as input size (torch.Size(", input.shape(), "))");
  check(ErrorKind::NotImplemented, is_floating(input.dtype()),
        "\"binary_cross_entropy_with_logits\" not implemented for '",
        info(input.dtype()).scalar_name, "'");
  check(is_floating(target.dtype()), "result type ", info(input.dtype()).scalar_name,
        " can't be cast to the desired output type ", info(target.dtype()).scalar_name);
  const DType dtype = result_type(input, target);
  const Tensor w = weight_like(weight, input, dtype);
  const Tensor pos = weight_like(pos_weight, input, dtype);
  refuse_weight_grad("binary_cross_entropy_with_logits", "weight", w);
  refuse_weight_grad("binary_cross_entropy_with_logits", "pos_weight", pos);
  return apply<EntropyLoss>({LossKind::EntropyOfLogits, r}, cast(input, dtype), cast(target, dtype),
                            w, pos);
}

void check_probabilities(const char* argument, const Tensor& x) {
  const Quiet quiet;
  if (x.has(kBatched) || x.numel() == 0) return;
  const double least = amin(x).item().to_double();
  const double most = amax(x).item().to_double();
  check(least >= 0 && most <= 1, "all elements of ", argument, " should be between 0 and 1: got ",
        least, " to ", most, ". Use binary_cross_entropy_with_logits for logits.");
}

Tensor binary_cross_entropy(const Tensor& input, const Tensor& target,
                            const std::optional<Tensor>& weight, std::optional<bool> size_average,
                            std::optional<bool> reduce, std::string_view reduction) {
  const Reduction r = reduction_of(reduction, size_average, reduce);
  check(ErrorKind::Value, same(input.sizes(), target.sizes()), "Using a target size (torch.Size(",
        target.shape(), ")) that is different to the input size (torch.Size(", input.shape(),
        ")) is deprecated. Please ensure they have the same size.");
  check(ErrorKind::NotImplemented, is_floating(input.dtype()),
        "\"binary_cross_entropy\" not implemented for '", info(input.dtype()).scalar_name, "'");
  check(input.dtype() == target.dtype(), "Found dtype ", info(target.dtype()).scalar_name,
        " but expected ", info(input.dtype()).scalar_name);
  const Tensor w = weight_like(weight, input, input.dtype());
  refuse_weight_grad("binary_cross_entropy", "weight", w);
  check_probabilities("input", input);
  check_probabilities("target", target);
  return apply<EntropyLoss>({LossKind::Entropy, r}, input, target, w, Tensor());
}

Tensor kl_div(const Tensor& input, const Tensor& target, std::optional<bool> size_average,
              std::optional<bool> reduce, std::string_view reduction, bool log_target) {
  const bool by_batch = reduction == "batchmean" && !size_average && !reduce;
  const Reduction r = by_batch ? Reduction::Sum : reduction_of(reduction, size_average, reduce);
  if (reduction == "mean" && !size_average && !reduce) {
    warn(
        "reduction: 'mean' divides the total loss by both the batch size and the support size. "
        "'batchmean' divides only by the batch size, and aligns with the KL div math definition.");
  }
  check(!is_complex(input.dtype()) && !is_complex(target.dtype()),
        "kl_div: Complex inputs not supported.");
  check(is_floating(input.dtype()) && is_floating(target.dtype()),
        "kl_div: Integral inputs not supported.");
  const Tensor losses =
      log_target ? exp(target) * (target - input) : xlogy(target, target) - target * input;
  const Tensor result = reduce_loss(losses, r);
  if (!by_batch || input.ndim() == 0) return result;
  return result / static_cast<double>(input.size(0));
}

Tensor cosine_similarity(const Tensor& x1, const Tensor& x2, std::int64_t dim, double eps) {
  check(eps >= 0, "eps must be non-negative, got: ", eps);
  const DType dtype = result_type(x1, x2);
  check(is_floating(dtype), "expected common dtype to be floating point, yet common dtype is ",
        info(dtype).scalar_name);
  const Dims sizes = broadcast(x1.sizes(), x2.sizes());
  const int d = wrap_dim(dim, sizes.size());
  const auto unit = [&](const Tensor& x) {
    const Tensor seen = expand(cast(x, dtype), sizes);
    return seen / clamp_min(vector_norm(seen, 2, Dims{d}, true), eps);
  };
  return sum(unit(x1) * unit(x2), Dims{d});
}

#define PB_PAIRS "x(3,4), x(3,4) | x(), x() | x(0,3), x(0,3), reduction='sum' | xs(3,4), x(3,4) | "
#define PB_REDUCTIONS "x(3,4), x(3,4), reduction='sum' | x(3,4), x(3,4), reduction='none' "

const Entry entry_mse(
    "mse_loss(input, target, size_average:truth=None, reduce:truth=None, reduction:name='mean', "
    "weight=None)",
    function<mse_loss>, kNNForm | kPlainNames, "The mean of the squared differences.",
    PB_PAIRS PB_REDUCTIONS "| x(3), x(3), weight=c(3, low=0.5, high=2)");
const Entry entry_l1(
    "l1_loss(input, target, size_average:truth=None, reduce:truth=None, reduction:name='mean', "
    "weight=None)",
    function<l1_loss>, kNNForm | kPlainNames, "The mean of the absolute differences.",
    PB_PAIRS PB_REDUCTIONS "| x(3), x(3), weight=c(3, low=0.5, high=2)");
const Entry entry_smooth_l1(
    "smooth_l1_loss(input, target, size_average:truth=None, reduce:truth=None, "
    "reduction:name='mean', beta=1.0)",
    function<smooth_l1_loss>, kNNForm | kPlainNames,
    "The mean of the differences d, squared as d * d / (2 * beta) below beta, abs(d) - beta / 2 "
    "above.",
    PB_PAIRS PB_REDUCTIONS "| x(3,4), x(3,4), beta=0.5");
const Entry entry_huber("huber_loss(input, target, reduction:name='mean', delta=1.0, weight=None)",
                        function<huber_loss>, kNNForm | kPlainNames,
                        "The mean of the differences d, squared as d * d / 2 below delta, delta * "
                        "(abs(d) - delta / 2) above.",
                        PB_PAIRS PB_REDUCTIONS "| x(3,4), x(3,4), delta=0.5");
const Entry entry_bce_logits(
    "binary_cross_entropy_with_logits(input, target, weight=None, size_average:truth=None, "
    "reduce:truth=None, "
    "reduction:name='mean', pos_weight=None)",
    function<binary_cross_entropy_with_logits>, kNNForm | kPlainNames,
    "The binary cross entropy of sigmoid(input) and target.",
    PB_PAIRS PB_REDUCTIONS
    "| x(3,4), x(3,4), c(4, low=0.5, high=2), pos_weight=c(3,1, low=0.5, high=2)");
const Entry entry_bce(
    "binary_cross_entropy(input, target, weight=None, size_average:truth=None, reduce:truth=None, "
    "reduction:name='mean')",
    function<binary_cross_entropy>, kNNForm | kPlainNames,
    "The binary cross entropy of input and target.",
    "x(3,4, low=0.1, high=0.9), x(3,4, low=0.1, high=0.9) "
    "| x(low=0.1, high=0.9), x(low=0.1, high=0.9) | x(3, low=0.1, high=0.9), "
    "x(3, low=0.1, high=0.9), c(3, low=0.5, high=2), reduction='sum' "
    "| x(3, low=0.1, high=0.9), x(3, low=0.1, high=0.9), reduction='none'");
const Entry entry_kl_div(
    "kl_div(input, target, size_average:truth=None, reduce:truth=None, reduction:name='mean', "
    "log_target=False)",
    function<kl_div>, kNNForm | kPlainNames,
    "The mean of target * (log(target) - input), input being logarithms of probabilities.",
    "x(3,4), x(3,4, low=0.1, high=0.9), reduction='sum' "
    "| x(3,4), x(3,4), log_target=True, reduction='batchmean' "
    "| x(3,4), x(3,4, low=0.1, high=0.9), reduction='batchmean' "
    "| x(3), x(3, low=0.1, high=0.9), reduction='none' | x(), x(low=0.1, high=0.9), "
    "reduction='sum'");
const Entry entry_cosine_similarity("cosine_similarity(x1, x2, dim=1, eps=1e-8)",
                                    function<cosine_similarity>, kFunctionForm | kNNForm,
                                    "The cosine of the angle between vectors along dim.",
                                    "x(3,4), x(3,4) | x(3,4), x(4), dim=-1 | x(4), x(4), dim=0 "
                                    "| x(2,3,4), x(2,1,4), 2");
}  // namespace
}  // namespace pullback
