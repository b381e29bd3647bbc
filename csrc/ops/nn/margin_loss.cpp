// Losses that compare scores with a margin, and likelihoods: compositions of recorded operators.
//
// They have torch's checks and broadcasting; what a loss shares with the others is in loss.h.
#include <cmath>

#include "core/error.h"
#include "ops/basic.h"
#include "ops/index/indexing.h"
#include "ops/nn/loss.h"
#include "ops/pointwise/activation.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/compare.h"
#include "ops/pointwise/math.h"
#include "ops/pointwise/select.h"
#include "ops/reduce/reduction.h"
#include "ops/reduce/scan.h"
#include "ops/table.h"

namespace pullback {
namespace {

void check_floating(const char* name, const Tensor& input) {
  check(ErrorKind::NotImplemented, is_floating(input.dtype()), "\"", name,
        "\" not implemented for '", info(input.dtype()).scalar_name, "'");
}

void check_wide(const char* kernel, const Tensor& input) {
  check_floating(kernel, input);
  check(ErrorKind::NotImplemented, !is_narrow(input.dtype()), "\"", kernel,
        "\" not implemented for '", info(input.dtype()).scalar_name, "'");
}

using Flag = std::optional<bool>;

constexpr double kTwoPi = 6.28318530717958647692;

Tensor margin_ranking_loss(const Tensor& input1, const Tensor& input2, const Tensor& target,
                           double margin, Flag size_average, Flag reduce,
                           std::string_view reduction) {
  const Reduction r = reduction_of(reduction, size_average, reduce);
  check(input1.ndim() == input2.ndim() && input1.ndim() == target.ndim(),
        "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
        "input1: torch.Size(",
        input1.shape(), "), input2: torch.Size(", input2.shape(), "), target: torch.Size(",
        target.shape(), ") ");
  return reduce_loss(clamp_min(neg(target) * (input1 - input2) + margin, 0), r);
}

Tensor hinge_embedding_loss(const Tensor& input, const Tensor& target, double margin,
                            Flag size_average, Flag reduce, std::string_view reduction) {
  const Reduction r = reduction_of(reduction, size_average, reduce);
  const Scalar m =
      is_floating(input.dtype()) ? Scalar(margin) : Scalar(static_cast<std::int64_t>(margin));
  const Tensor apart = where(ne(target, 1), clamp_min(m - input, 0), 0);
  return reduce_loss(apart + where(ne(target, -1), input, 0), r);
}

Tensor cosine_embedding_loss(const Tensor& input1, const Tensor& input2, const Tensor& target,
                             double margin, Flag size_average, Flag reduce,
                             std::string_view reduction) {
  constexpr double kLeast = 1e-12;
  const Reduction r = reduction_of(reduction, size_average, reduce);
  check(target.ndim() <= 1, "0D or 1D target tensor expected, multi-target not supported");
  const int wanted = target.ndim() + 1;
  check(input1.ndim() == wanted && input2.ndim() == wanted, target.ndim(),
        "D target tensor expects ", wanted, "D input tensors, but found inputs with sizes [",
        input1.shape(), "] and [", input2.shape(), "].");
  const Dims last{target.ndim()};
  const Tensor lengths =
      (sum(input1 * input1, last) + kLeast) * (sum(input2 * input2, last) + kLeast);
  const Tensor cosine = sum(input1 * input2, last) / sqrt(lengths);
  const Tensor together = where(eq(target, 1), 1 - cosine, 0);
  return reduce_loss(together + where(eq(target, -1), clamp_min(cosine - margin, 0), 0), r);
}

Tensor soft_margin_loss(const Tensor& input, const Tensor& target, Flag size_average, Flag reduce,
                        std::string_view reduction) {
  const Reduction r = reduction_of(reduction, size_average, reduce);
  check(is_differentiable(input.dtype()) || input.dtype() == DType::Bool,
        "result type Float can't be cast to the desired output type ",
        info(input.dtype()).scalar_name);
  check(is_complex(input.dtype()) || !is_complex(target.dtype()), "result type ",
        info(target.dtype()).scalar_name, " can't be cast to the desired output type ",
        info(input.dtype()).scalar_name);
  return reduce_loss(log1p(exp(neg(input) * target)), r);
}

Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                           double margin, double p, double eps, bool swap, Flag size_average,
                           Flag reduce, std::string_view reduction) {
  const Reduction r = reduction_of(reduction, size_average, reduce);
  check(ErrorKind::Value, margin > 0, "margin must be greater than 0, got ", margin);
  check(anchor.ndim() == positive.ndim() && anchor.ndim() == negative.ndim(),
        "The anchor, positive, and negative tensors are expected to have the same number of "
        "dimensions, but got: anchor ",
        anchor.ndim(), "D, positive ", positive.ndim(), "D, and negative ", negative.ndim(),
        "D inputs");
  const Tensor near = pairwise_distance(anchor, positive, p, eps, false);
  Tensor far = pairwise_distance(anchor, negative, p, eps, false);
  if (swap) far = minimum(far, pairwise_distance(positive, negative, p, eps, false));
  return reduce_loss(clamp_min(near + margin - far, 0), r);
}

Tensor multilabel_soft_margin_loss(const Tensor& input, const Tensor& target,
                                   const std::optional<Tensor>& weight, Flag size_average,
                                   Flag reduce, std::string_view reduction) {
  const Reduction r = reduction_of(reduction, size_average, reduce);
  check_floating("log_sigmoid_cpu", input);
  Tensor losses = neg(target * logsigmoid(input) + (1 - target) * logsigmoid(neg(input)));
  if (weight) losses = losses * *weight;
  check(ErrorKind::Index, input.ndim() > 0,
        "Dimension specified as -1 but tensor has no dimensions");
  const auto classes = static_cast<double>(input.size(input.ndim() - 1));
  return reduce_loss(sum(losses, Dims{input.ndim() - 1}) / classes, r);
}

Tensor poisson_nll_loss(const Tensor& input, const Tensor& target, bool log_input, bool full,
                        Flag size_average, double eps, Flag reduce, std::string_view reduction) {
  const Reduction r = reduction_of(reduction, size_average, reduce);
  Tensor losses = log_input ? exp(input) - target * input : input - target * log(input + eps);
  if (full) {
    const Tensor stirling = target * log(target) - target + log(target * kTwoPi) * 0.5;
    losses = losses + masked_fill(stirling, le(target, 1), 0);
  }
  return reduce_loss(losses, r);
}

// What the two losses over the scores of classes check; the scores and the targets as a batch.
struct Scores {
  Tensor input;
  Tensor target;
};
Scores scores(const char* name, const char* kernel, const Tensor& input, const Tensor& target,
              int target_dims) {
  check(input.ndim() == 1 || input.ndim() == 2, name, ": expected 1D or 2D input, got torch.Size(",
        input.shape(), ")");
  check_wide(kernel, input);
  check(target.dtype() == DType::Int64, "expected scalar type Long but found ",
        info(target.dtype()).scalar_name);
  const bool batch = input.ndim() == 2;
  const Tensor x = batch ? input : unsqueeze(input, 0);
  const std::int64_t rows = x.size(0);
  const bool fits = target_dims == 1 ? target.ndim() <= 1 && target.numel() == rows
                                     : same(target.sizes(), input.sizes());
  check(fits, "inconsistent target size: got torch.Size(", target.shape(),
        ") for an input of torch.Size(", input.shape(), ")");
  const Dims sizes = target_dims == 1 ? Dims{rows, 1} : Dims(x.sizes());
  return {x, reshape(target, sizes)};
}

Tensor multi_margin_loss(const Tensor& input, const Tensor& target, double p, double margin,
                         const std::optional<Tensor>& weight, Flag size_average, Flag reduce,
                         std::string_view reduction) {
  const Reduction r = reduction_of(reduction, size_average, reduce);
  check(ErrorKind::Value, p == 1 || p == 2, "only p == 1 and p == 2 supported");
  check(ErrorKind::Value, !weight || weight->ndim() == 1, "weight must be one-dimensional");
  const auto [x, classes] =
      scores("multi_margin_loss", "multi_margin_loss_cpu_kernel", input, target, 1);
  if (weight && x.numel() > 0) {
    check(weight->numel() == x.size(1), "inconsistent weight size, expected ", x.size(1),
          " but got ", weight->shape());
    check(weight->dtype() == x.dtype(), "expected scalar type ", info(x.dtype()).scalar_name,
          " but found ", info(weight->dtype()).scalar_name);
  }
  Tensor excess = clamp_min(x - gather(x, 1, classes) + margin, 0);
  if (p == 2) excess = square(excess);
  if (weight) excess = excess * take(*weight, classes);
  const Tensor others = scatter_value(excess, 1, classes, Scalar(0));
  const Tensor losses = sum(others, Dims{1}) / static_cast<double>(x.size(1));
  return reduce_loss(input.ndim() == 2 ? losses : reshape(losses, Dims{}), r);
}

Tensor multilabel_margin_loss(const Tensor& input, const Tensor& target, Flag size_average,
                              Flag reduce, std::string_view reduction) {
  const Reduction r = reduction_of(reduction, size_average, reduce);
  const auto [x, labels] = scores("multilabel_margin_loss",
                                  "multilabel_margin_loss_forward_out_frame", input, target, 2);
  // The labels of a row end at the first -1.
  const Tensor counts = cumprod(cast(ge(labels, 0), DType::Int64), along(1, 2));
  const Tensor counted = cast(counts, DType::Bool);
  // Those behind it count for nothing, but gather checks that they are labels, too.
  const Tensor places = where(eq(labels, -1), 0, labels);
  const Tensor none = Tensor::zeros(x.sizes(), DType::Int64);
  const Tensor wanted = gt(scatter_add(none, 1, places, counts), 0);
  const Tensor excess = clamp_min(1 - unsqueeze(gather(x, 1, places), 2) + unsqueeze(x, 1), 0);
  const Tensor pairs = logical_and(unsqueeze(counted, 2), unsqueeze(logical_not(wanted), 1));
  const Tensor losses = sum(where(pairs, excess, 0), Dims{1, 2}) / static_cast<double>(x.size(1));
  return reduce_loss(input.ndim() == 2 ? losses : reshape(losses, Dims{}), r);
}

#define PB_OLD_REDUCTION "size_average:truth=None, reduce:truth=None, reduction:name='mean'"

const Entry entry_margin_ranking(
    "margin_ranking_loss(input1, input2, target, margin=0, " PB_OLD_REDUCTION ")",
    function<margin_ranking_loss>, kNNForm | kPlainNames,
    "The mean of max(0, margin - target * (input1 - input2)); target is 1 or -1.",
    "x(3,4), x(3,4), c(3,4) | x(4), x(4), c(4), 0.5, reduction='sum' "
    "| x(3,1), x(1,4), c(3,4), reduction='none' | x(), x(), c()");
const Entry entry_hinge_embedding(
    "hinge_embedding_loss(input, target, margin=1.0, " PB_OLD_REDUCTION ")",
    function<hinge_embedding_loss>, kNNForm | kPlainNames,
    "The mean of input where target is 1 and of max(0, margin - input) where it is -1.",
    "x(4), i(4, low=-1, high=2) | x(3,4), i(3,4, low=-1, high=2), 0.5, reduction='sum' "
    "| x(3,4), i(4, low=-1, high=2), reduction='none' | x(), i(, low=-1, high=2)");
const Entry entry_cosine_embedding(
    "cosine_embedding_loss(input1, input2, target, margin=0, " PB_OLD_REDUCTION ")",
    function<cosine_embedding_loss>, kNNForm | kPlainNames,
    "The mean of 1 - cosine where target is 1 and of max(0, cosine - margin) where it is -1.",
    "x(3,4), x(3,4), i(3, low=-1, high=2) | x(4), x(4), i(, low=-1, high=2), 0.5 "
    "| x(3,4), x(3,4), i(3, low=-1, high=2), -0.5, reduction='none'");
const Entry entry_soft_margin("soft_margin_loss(input, target, " PB_OLD_REDUCTION ")",
                              function<soft_margin_loss>, kNNForm | kPlainNames,
                              "The mean of log(1 + exp(-target * input)); target is 1 or -1.",
                              "x(3,4), c(3,4) | x(4), c(4), reduction='sum' | x(), c() "
                              "| x(3,4), c(3,4), reduction='none'");
const Entry entry_triplet_margin(
    "triplet_margin_loss(anchor, positive, negative, margin=1.0, p=2, eps=1e-6, "
    "swap=False, " PB_OLD_REDUCTION ")",
    function<triplet_margin_loss>, kNNForm | kPlainNames,
    "The mean of max(0, margin + distance(anchor, positive) - distance(anchor, negative)).",
    "x(3,4), x(3,4), x(3,4) | x(4), x(4), x(4), 2.0, reduction='sum' "
    "| x(3,4), x(3,4), x(3,4), 0.5, 1, swap=True, reduction='none'");
const Entry entry_multilabel_soft_margin(
    "multilabel_soft_margin_loss(input, target, weight=None, " PB_OLD_REDUCTION ")",
    function<multilabel_soft_margin_loss>, kNNForm | kPlainNames,
    "The mean over the classes of the binary cross entropy of sigmoid(input) and target.",
    "x(3,4), c(3,4) | x(4), c(4), reduction='sum' | x(3,4), c(3,4), c(4, low=0.5, high=2), "
    "reduction='none'");
const Entry entry_poisson_nll(
    "poisson_nll_loss(input, target, log_input=True, full=False, size_average:truth=None, "
    "eps=1e-8, reduce:truth=None, reduction:name='mean')",
    function<poisson_nll_loss>, kNNForm | kPlainNames,
    "The mean of exp(input) - target * input, minus the log-likelihood of counts without the term "
    "of the target alone, which full adds by Stirling's formula above 1.",
    "x(3,4), c(3,4, low=0.1, high=5) | x(3,4), c(3,4, low=0.1, high=5), full=True "
    "| x(4, low=0.5, high=2), c(4, low=0.1, high=5), False, reduction='sum' "
    "| x(), c(low=2, high=3), reduction='none'");
const Entry entry_multi_margin(
    "multi_margin_loss(input, target, p=1, margin=1.0, weight=None, " PB_OLD_REDUCTION ")",
    function<multi_margin_loss>, kNNForm | kPlainNames,
    "The mean of max(0, margin - input[target] + input[i])**p over the classes i but the target.",
    "x(3,4), i(3, high=4) | x(3,4), i(3, high=4), 2, 0.5, c(4, low=0.5, high=2), reduction='sum' "
    "| x(4), i(, high=4) | x(3,4), i(3, high=4), reduction='none'");
const Entry entry_multilabel_margin(
    "multilabel_margin_loss(input, target, " PB_OLD_REDUCTION ")", function<multilabel_margin_loss>,
    kNNForm | kPlainNames,
    "The mean of max(0, 1 - input[j] + input[i]) over the classes j of the target, which end at "
    "the first -1, and the classes i that are not in it.",
    "x(2,4), i(2,4, low=-1, high=4) | x(3), i(3, low=-1, high=3), reduction='sum' "
    "| x(2,3), i(2,3, low=-1, high=3), reduction='none'");

}  // namespace
}  // namespace pullback
