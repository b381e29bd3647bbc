// The negative log-likelihood and cross entropy.
//
// Nll is linear in its input: minus the weighted element of the target's class, reduced.  NllGrad
// is its transpose, and each is the other's derivative.  Targets and weights have none.
#include <cstring>

#include "core/error.h"
#include "kernels/elementwise.h"
#include "kernels/nn/loss.h"
#include "kernels/reduce/reduce.h"
#include "ops/basic.h"
#include "ops/followed.h"
#include "ops/index/indexing.h"
#include "ops/nn/loss.h"
#include "ops/nn/softmax.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/compare.h"
#include "ops/pointwise/select.h"
#include "ops/reduce/reduction.h"
#include "ops/table.h"

namespace pullback {
namespace {

// Classes are dimension 1 of a batch, dimension 0 of a single example.
int class_dim(int ndim) { return ndim == 1 ? 0 : 1; }

struct NllAttrs {
  Dims sizes;  // of the input
  std::int64_t ignore;
  Reduction reduction;

  int dim() const { return class_dim(sizes.size()); }
  Dims target_sizes() const {
    Dims t = sizes;
    t.erase(dim());
    return t;
  }
  // A batch of examples of a further batch counts as more examples.
  NllAttrs merged(std::int64_t batch) const {
    NllAttrs m = *this;
    m.reduction = Reduction::None;
    if (sizes.size() == 1) {
      m.sizes.insert(0, batch);
    } else {
      m.sizes[0] *= batch;
    }
    return m;
  }
};

kernels::Classes classes_of(const NllAttrs& a, const Tensor& weight) {
  return {a.dim(), a.ignore, weight.defined() ? weight.bytes() : nullptr};
}

// The weights of a batch seen in the shape of the merged input, when they differ within it; such
// weights are multiplied in, others go to the kernel.
struct BatchWeight {
  Tensor shared;
  Tensor spread;

  BatchWeight(In in, const detail::Unwrapped& u, const NllAttrs& a, const NllAttrs& merged) {
    if (!in[2].defined()) return;
    if (!in[2].has(kBatched)) {
      shared = in[2];
      return;
    }
    Dims sizes = a.sizes;
    sizes.insert(0, u.batch);
    Dims ones(sizes.size(), 1);
    ones[0] = u.batch;
    ones[a.dim() + 1] = a.sizes[a.dim()];
    spread = reshape(expand(reshape(u.tensors[2], ones), sizes), merged.sizes);
  }
  Tensor times(const Tensor& x) const { return spread.defined() ? x * spread : x; }
};

// Inputs: input, target (int64), weight (contiguous or missing).
struct Nll {
  static constexpr int kInputs = 3;
  static constexpr int kOutputs = 1;
  using Attrs = NllAttrs;
  static const char* node_name(const Attrs& a) {
    return a.sizes.size() > 2 ? "NllLoss2DBackward0" : "NllLossBackward0";
  }
  static Spec spec(const Attrs& a, In in) {
    return {a.reduction == Reduction::None ? a.target_sizes() : Dims(), in[0].dtype()};
  }
  static void workspace(const Attrs& a, In, const Tensor& out, Workspace& w) {
    if (a.reduction != Reduction::None) w.need(0, a.target_sizes(), out.dtype());
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    const kernels::Classes classes = classes_of(a, in[2]);
    const kernels::View target = view_of(in[1]);
    kernels::check_targets(target, a.sizes[a.dim()], a.ignore);
    if (a.reduction == Reduction::None) {
      return kernels::nll(view_of(out), view_of(in[0]), target, classes);
    }
    const Tensor& losses = w[0];
    kernels::nll(view_of(losses), view_of(in[0]), target, classes);
    const KeepView all(out, DimSet::all(losses.ndim()), losses.sizes(), false);
    kernels::reduce(kernels::Reduce::Sum, all, view_of(losses));
    if (a.reduction == Reduction::Sum) return;
    const double total = kernels::nll_weight(target, out.dtype(), classes);
    kernels::apply(kernels::binary<"div">, view_of(out),
                   {view_of(out), NumberView(total, out.dtype(), out.sizes())});
  }
  static constexpr Reads kReads = kReadsB | kReadsC;
  static void vjp(Vjp<Nll>& v);
  static Tensor jvp(Jvp<Nll>& j) { return apply<Nll>(j.attrs(), j.tangent(0), j.in(1), j.in(2)); }

  // What the mean of each example of the batch divides by.
  static Tensor totals(const Attrs& merged, const Tensor& target, const BatchWeight& weight,
                       std::int64_t batch, DType dtype) {
    const Tensor minus_ones = Tensor::full(merged.sizes, Scalar(-1), dtype);
    const Tensor counted = apply<Nll>(merged, weight.times(minus_ones), target, weight.shared);
    return sum(reshape(counted, Dims{batch, -1}), Dims{1});
  }
  static Tensor batch(const Attrs& a, In in, int) {
    const detail::Unwrapped u = detail::unwrap(in);
    const Attrs merged = a.merged(u.batch);
    const BatchWeight weight(in, u, a, merged);
    const Tensor target = reshape(u.tensors[1], merged.target_sizes());
    const Tensor x = weight.times(reshape(u.tensors[0], merged.sizes));
    Dims sizes = a.target_sizes();
    sizes.insert(0, u.batch);
    const Tensor each = reshape(apply<Nll>(merged, x, target, weight.shared), sizes);
    if (a.reduction == Reduction::None) return make_batched(each, u.level);
    Tensor result = sum(reshape(each, Dims{u.batch, -1}), Dims{1});
    if (a.reduction == Reduction::Mean) {
      result = result / totals(merged, target, weight, u.batch, each.dtype());
    }
    return make_batched(result, u.level);
  }
};

// The transpose: inputs are the gradient, target and weight.
struct NllGrad {
  static constexpr const char* kNode = "NllLossBackwardBackward0";
  static constexpr int kInputs = 3;
  static constexpr int kOutputs = 1;
  using Attrs = NllAttrs;
  static Spec spec(const Attrs& a, In in) { return {a.sizes, in[0].dtype()}; }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    const kernels::Classes classes = classes_of(a, in[2]);
    const kernels::View target = view_of(in[1]);
    std::memset(out.bytes(), 0, static_cast<std::size_t>(out.numel()) * item_size(out.dtype()));
    kernels::View gradient = view_of(in[0]);
    const Dims still(target.ndim, 0);
    if (a.reduction != Reduction::None) {
      gradient = {gradient.data, target.sizes, still.data(), target.ndim, gradient.dtype};
    }
    const double total =
        a.reduction == Reduction::Mean ? kernels::nll_weight(target, out.dtype(), classes) : 1;
    kernels::nll_grad(view_of(out), gradient, target, classes, 1 / total);
  }
  static constexpr Reads kReads = kReadsB | kReadsC;
  static void vjp(Vjp<NllGrad>& v) { v.give(0, apply<Nll>(v.attrs(), v.grad(), v.in(1), v.in(2))); }
  static Tensor jvp(Jvp<NllGrad>& j) {
    return apply<NllGrad>(j.attrs(), j.tangent(0), j.in(1), j.in(2));
  }
  static Tensor batch(const Attrs& a, In in, int) {
    const detail::Unwrapped u = detail::unwrap(in);
    const Attrs merged = a.merged(u.batch);
    const BatchWeight weight(in, u, a, merged);
    const Tensor target = reshape(u.tensors[1], merged.target_sizes());
    Tensor gradient = u.tensors[0];
    if (a.reduction != Reduction::None) {
      if (a.reduction == Reduction::Mean) {
        gradient = gradient / Nll::totals(merged, target, weight, u.batch, gradient.dtype());
      }
      Dims sizes = a.target_sizes();
      sizes.insert(0, u.batch);
      Dims ones(sizes.size(), 1);
      ones[0] = u.batch;
      gradient = expand(reshape(gradient, ones), sizes);
    }
    const Tensor all = weight.times(
        apply<NllGrad>(merged, reshape(gradient, merged.target_sizes()), target, weight.shared));
    Dims sizes = a.sizes;
    sizes.insert(0, u.batch);
    return make_batched(reshape(all, sizes), u.level);
  }
};

void Nll::vjp(Vjp<Nll>& v) {
  const Tensor slope = apply<NllGrad>(v.attrs(), v.grad(), v.in(1), v.in(2));
  if (!mode.grad) return v.give(0, slope);
  v.give(0, stepwise(NllGrad::kNode, slope, v.history_of(0)));
}

// Throws torch's errors for targets and weights that do not fit the input.
void check_nll(const Tensor& input, const Tensor& target, const std::optional<Tensor>& weight) {
  const int ndim = input.ndim();
  check(ErrorKind::Value, ndim > 0, "Expected 1 or more dimensions (got 0)");
  check(ErrorKind::Value, ndim == 1 || (target.ndim() > 0 && input.size(0) == target.size(0)),
        "Expected input batch_size (", input.size(0), ") to match target batch_size (",
        target.ndim() ? target.size(0) : 0, ").");
  if (ndim <= 2) {
    check(target.ndim() <= 1, "0D or 1D target tensor expected, multi-target not supported");
    check(ErrorKind::Value, ndim == 2 || target.numel() == 1,
          "For 1D input, 1D target must have size 1, but got target size: ", target.numel());
  } else {
    Dims expected = input.shape();
    expected.erase(1);
    check(same(target.sizes(), expected), "Expected target size ", expected, ", got ",
          target.shape());
  }
  check(target.dtype() == DType::Int64 || target.dtype() == DType::UInt8,
        "expected target dtype to be Long or Byte, but got ", info(target.dtype()).scalar_name);
  check(ErrorKind::NotImplemented, is_floating(input.dtype()), "\"nll_loss\" not implemented for '",
        info(input.dtype()).scalar_name, "'");
  if (!weight) return;
  const std::int64_t classes = input.size(class_dim(ndim));
  check(weight->ndim() == 1 && weight->numel() == classes,
        "weight tensor should be defined either for all ", classes,
        " classes or no classes but got weight tensor of shape: ", weight->shape());
  check(weight->dtype() == input.dtype(), "expected scalar type ", info(input.dtype()).scalar_name,
        " but found ", info(weight->dtype()).scalar_name);
  check(!is_followed({&*weight}),
        "The function 'nll_loss_forward' is not differentiable with respect to argument 'weight'. "
        "This input cannot have requires_grad True, nor a tangent.");
}

}  // namespace

Tensor nll_loss(const Tensor& input, const Tensor& target, const std::optional<Tensor>& weight,
                std::int64_t ignore_index, Reduction reduction) {
  check_nll(input, target, weight);
  Tensor classes = cast(target, DType::Int64);
  if (input.ndim() == 1 && target.ndim() == 1) classes = reshape(classes, Dims{});
  return apply<Nll>({input.shape(), ignore_index, reduction}, input, classes,
                    weight ? contiguous(*weight) : Tensor());
}

namespace {

Tensor nll_loss_nn(const Tensor& input, const Tensor& target, const std::optional<Tensor>& weight,
                   std::optional<bool> size_average, std::int64_t ignore_index,
                   std::optional<bool> reduce, std::string_view reduction) {
  return nll_loss(input, target, weight, ignore_index,
                  reduction_of(reduction, size_average, reduce));
}

// The class weights seen along the classes of `input`.
Tensor along_classes(const Tensor& weight, const Tensor& input) {
  Dims sizes(input.ndim(), 1);
  sizes[class_dim(input.ndim())] = -1;
  return reshape(weight, sizes);
}

Tensor smoothed(const Tensor& log_probability, const Tensor& target,
                const std::optional<Tensor>& weight, std::int64_t ignore_index, Reduction reduction,
                double smoothing) {
  const Tensor nll = nll_loss(log_probability, target, weight, ignore_index, reduction);
  const int dim = class_dim(log_probability.ndim());
  const Tensor weighted =
      weight ? log_probability * along_classes(*weight, log_probability) : log_probability;
  Tensor smooth = neg(sum(weighted, Dims{dim}));
  const Tensor classes =
      same(target.sizes(), smooth.sizes()) ? target : reshape(target, smooth.sizes());
  const Tensor ignored = eq(classes, ignore_index);
  smooth = masked_fill(smooth, ignored, 0.0);
  if (reduction == Reduction::Sum) {
    smooth = sum(smooth);
  } else if (reduction == Reduction::Mean) {
    Tensor counted = cast(logical_not(ignored), smooth.dtype());
    if (weight) {
      const Tensor known = reshape(masked_fill(cast(classes, DType::Int64), ignored, 0), Dims{-1});
      counted = reshape(gather(*weight, 0, known), smooth.sizes()) * counted;
    }
    smooth = sum(smooth) / sum(counted);
  }
  const auto num_classes = static_cast<double>(log_probability.size(dim));
  return nll * (1 - smoothing) + smooth * (smoothing / num_classes);
}

Tensor of_probabilities(const Tensor& log_probability, const Tensor& target,
                        const std::optional<Tensor>& weight, Reduction reduction,
                        double smoothing) {
  const int dim = class_dim(log_probability.ndim());
  const auto num_classes = static_cast<double>(log_probability.size(dim));
  const Tensor t = smoothing > 0 ? target * (1 - smoothing) + smoothing / num_classes : target;
  Tensor each = log_probability * t;
  if (weight) each = each * along_classes(*weight, each);
  if (reduction == Reduction::None) return neg(sum(each, Dims{dim}));
  const Tensor total = neg(sum(each));
  return reduction == Reduction::Sum
             ? total
             : div_number(total, static_cast<double>(log_probability.numel()) / num_classes);
}

Tensor cross_entropy(const Tensor& input, const Tensor& target, const std::optional<Tensor>& weight,
                     std::optional<bool> size_average, std::int64_t ignore_index,
                     std::optional<bool> reduce, std::string_view reduction,
                     double label_smoothing) {
  const Reduction r = reduction_of(reduction, size_average, reduce);
  if (input.ndim() == 0) wrap_own_dim(1, 0);
  check(label_smoothing >= 0 && label_smoothing <= 1,
        "label_smoothing must be between 0.0 and 1.0. Got: ", label_smoothing);
  const int dim = class_dim(input.ndim());
  if (!same(input.sizes(), target.sizes())) {
    check(ErrorKind::NotImplemented, is_floating(input.dtype()),
          "\"log_softmax\" not implemented for '", info(input.dtype()).scalar_name, "'");
    if (label_smoothing == 0) {
      check_nll(input, target, weight);
      return nll_loss(log_softmax(input, dim), target, weight, ignore_index, r);
    }
    return smoothed(log_softmax(input, dim), target, weight, ignore_index, r, label_smoothing);
  }
  check(is_floating(target.dtype()),
        "Expected floating point type for target with class probabilities, got ",
        info(target.dtype()).scalar_name);
  check(ignore_index < 0, "ignore_index is not supported for floating point target");
  const std::int64_t classes = input.size(dim);
  check(
      !weight || (weight->ndim() == 1 && weight->numel() == classes),
      "cross_entropy: weight tensor should be defined either for all ", classes,
      " classes or no classes but got weight tensor of shape: ", weight ? weight->shape() : Dims());
  return of_probabilities(log_softmax(input, dim), target, weight, r, label_smoothing);
}

const Entry entry_nll_loss(
    "nll_loss(input, target, weight=None, size_average:truth=None, ignore_index=-100, "
    "reduce:truth=None, "
    "reduction:name='mean')",
    function<nll_loss_nn>, kNNForm | kPlainNames,
    "Minus the log-probability that input holds for the class target, the classes in dimension 1.",
    "x(3,4), i(3, high=4) | x(4), i(high=4) | x(2,3,4), i(2,4, high=3) "
    "| x(3,4), i(3, high=4), c(4, low=0.5, high=2) | x(3,4), i(3, high=4), reduction='sum' "
    "| x(3,4), i(3, high=4), c(4, low=0.5, high=2), reduction='none' "
    "| x(3,4), i(3, high=4), ignore_index=1 | xs(3,4), i(3, high=4)");
const Entry entry_cross_entropy(
    "cross_entropy(input, target, weight=None, size_average:truth=None, ignore_index=-100, "
    "reduce:truth=None, "
    "reduction:name='mean', label_smoothing=0.0)",
    function<cross_entropy>, kNNForm | kPlainNames,
    "The cross entropy of softmax(input), the classes in dimension 1, and target: class numbers, "
    "or probabilities in the shape of input.",
    "x(3,4), i(3, high=4) | x(4), i(high=4) | x(2,3,4), i(2,4, high=3) "
    "| x(3,4), i(3, high=4), c(4, low=0.5, high=2), reduction='sum' "
    "| x(3,4), i(3, high=4), label_smoothing=0.1 "
    "| x(3,4), i(3, high=4), c(4, low=0.5, high=2), label_smoothing=0.2 "
    "| x(3,4), x(3,4, low=0, high=1) | x(3,4), c(3,4, low=0, high=1), reduction='none' "
    "| x(3,4), i(3, high=4), ignore_index=1, label_smoothing=0.1 | xs(3,4), i(3, high=4)");

}  // namespace
}  // namespace pullback
