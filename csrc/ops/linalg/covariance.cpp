// Covariances and correlations of the rows of a matrix: compositions of recorded operators.
#include "core/error.h"
#include "core/warning.h"
#include "graph/meta.h"
#include "ops/basic.h"
#include "ops/linalg/matmul.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/math.h"
#include "ops/pointwise/select.h"
#include "ops/reduce/reduction.h"
#include "ops/shape/view.h"
#include "ops/table.h"

namespace pullback {
namespace {

using Weights = std::optional<Tensor>;

void check_weights(const char* name, const Weights& weights, std::int64_t observations,
                   bool integral) {
  if (!weights) return;
  check(weights->ndim() <= 1, "cov(): expected ", name, " to have one or fewer dimensions but got ",
        name, " with ", weights->ndim(), " dimensions");
  check(is_floating(weights->dtype()) != integral, "cov(): expected ", name, " to have ",
        integral ? "integral" : "floating point", " dtype but got ", name, " with ",
        info(weights->dtype()).scalar_name, " dtype");
  check(weights->numel() == observations, "cov(): expected ", name,
        " to have the same numel as there are observations in the input but got ", weights->numel(),
        " != ", observations);
  if (weights->numel() == 0 || weights->has(kBatched)) return;
  check(amin(detached(*weights)).item().to_double() >= 0, "cov(): ", name, " cannot be negative");
}

Tensor cov(const Tensor& input, std::int64_t correction, const Weights& fweights,
           const Weights& aweights) {
  check(input.ndim() <= 2,
        "cov(): expected input to have two or fewer dimensions but got an input with ",
        input.ndim(), " dimensions");
  check(input.dtype() != DType::Bool, "cov(): bool dtype is not supported for input");
  const Tensor rows = input.ndim() < 2 ? reshape(input, Dims{1, input.numel()}) : input;
  const std::int64_t observations = rows.size(1);
  check_weights("fweights", fweights, observations, true);
  check_weights("aweights", aweights, observations, false);
  Tensor w;
  if (fweights) w = *fweights;
  if (aweights) w = fweights ? *fweights * *aweights : *aweights;
  const bool weighted = w.defined();
  const Tensor total = weighted ? sum(w) : Tensor::full(Dims{}, observations, DType::Int64);
  check(!weighted || total.has(kBatched) || total.item().to_double() != 0,
        "cov(): weights sum to zero, can't be normalized");
  const Tensor mean = sum(weighted ? rows * w : rows, Dims{1}) / total;
  Tensor norm = total - correction;
  if (weighted && aweights && correction != 0) {
    norm = total - (sum(w * *aweights) / total) * correction;
  }
  if (!norm.has(kBatched) && norm.item().to_double() <= 0) {
    warn(
        "cov(): degrees of freedom is <= 0. Correction should be strictly less than the number of "
        "observations.");
    norm = norm * 0;
  }
  const Tensor centred = rows - unsqueeze(mean, 1);
  const Tensor products = mm(centred, matrix_adjoint(weighted ? centred * w : centred));
  const Tensor scaled = products / norm;
  return input.ndim() < 2 || rows.size(0) == 1 ? reshape(scaled, Dims{}) : scaled;
}

Tensor covariance(const Tensor& input, std::int64_t correction, const Weights& fweights,
                  const Weights& aweights) {
  return cov(input, correction, fweights, aweights);
}

Tensor corrcoef(const Tensor& input) {
  check(input.ndim() <= 2,
        "corrcoef(): expected input to have two or fewer dimensions but got an input with ",
        input.ndim(), " dimensions");
  const Tensor c = cov(input, 1, {}, {});
  if (c.ndim() == 0) return c / c;
  const Tensor deviations = sqrt(real(diagonal(c)));
  const Tensor scaled = c / unsqueeze(deviations, 1) / unsqueeze(deviations, 0);
  const auto limited = [](const Tensor& t) { return clamp(t, Scalar(-1), Scalar(1)); };
  if (!is_complex(c.dtype())) return limited(scaled);
  return view_as_complex(limited(view_as_real(scaled)));
}

const Entry entry_cov(
    "cov(input, *, correction=1, fweights=None, aweights=None)", function<covariance>,
    kFunctionForm | kMethodForm,
    "The covariances of the rows, whose columns are observations; fweights says how often each was "
    "made, aweights how much it counts.",
    "x(3,4) | x(3,5), correction=0 | x(5) | x(3,4), fweights=i(4, low=1, high=4) "
    "| x(3,4), aweights=c(4, low=0.5, high=2) "
    "| x(3,4), fweights=i(4, low=1, high=4), aweights=c(4, low=0.5, high=2)");
const Entry entry_corrcoef("corrcoef(input)", function<corrcoef>, kFunctionForm | kMethodForm,
                           "The correlations of the rows, whose columns are observations.",
                           "x(3,4) | x(2,5) | xs(3,4)");

}  // namespace
}  // namespace pullback
