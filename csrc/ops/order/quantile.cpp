// Quantiles: places between the sorted elements, by their order and one interpolation.
//
// A row with a NaN has the quantile NaN, except for nanquantile.
#include "core/error.h"
#include "graph/meta.h"
#include "ops/basic.h"
#include "ops/index/indexing.h"
#include "ops/order/sorting.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/compare.h"
#include "ops/pointwise/select.h"
#include "ops/reduce/reduction.h"
#include "ops/shape/view.h"
#include "ops/table.h"

namespace pullback {
namespace {

using Dim = std::optional<std::int64_t>;

enum class Between : std::uint8_t { Linear, Lower, Higher, Midpoint, Nearest };

Between interpolation_of(const char* name, std::string_view text) {
  if (text == "linear") return Between::Linear;
  if (text == "lower") return Between::Lower;
  if (text == "higher") return Between::Higher;
  if (text == "midpoint") return Between::Midpoint;
  check(text == "nearest", name,
        "() interpolation must be one of linear, lower, higher, midpoint or nearest, but got ",
        text);
  return Between::Nearest;
}

// The shares as a vector; `one` says whether there was one without a dimension.
Tensor shares_of(const char* name, const Tensor& input, const Operand& q, bool& one) {
  if (!q.is_tensor()) {
    const double share = q.number().to_double();
    check(share >= 0 && share <= 1, name, "() q must be in the range [0, 1] but got ", share);
    one = true;
    return Tensor::full(Dims{1}, share, input.dtype());
  }
  const Tensor& shares = q.tensor();
  check(shares.ndim() <= 1, name, "() q must be a scalar or 1D tensor");
  check(shares.dtype() == input.dtype(), name,
        "() q tensor must be same dtype as the input tensor");
  if (!shares.has(kBatched) && shares.numel() > 0) {
    const double least = amin(detached(shares)).item().to_double();
    const double most = amax(detached(shares)).item().to_double();
    check(least >= 0 && most <= 1, name, "() q values must be in the range [0, 1]: got ", least,
          " to ", most, ".");
  }
  one = shares.ndim() == 0;
  return one ? unsqueeze(shares, 0) : shares;
}

Tensor quantile_of(const char* name, const Tensor& input, const Operand& q, Dim dim, bool keepdim,
                   std::string_view interpolation, bool ignore_nan) {
  const Between between = interpolation_of(name, interpolation);
  check(input.numel() > 0, name, "() input tensor must be non-empty");
  check(input.dtype() == DType::Float32 || input.dtype() == DType::Float64, name,
        "() input tensor must be either float or double dtype");
  bool one = false;
  const Tensor shares = shares_of(name, input, q, one);
  const int along = dim ? wrap_dim(*dim, input.ndim()) : 0;
  // The elements in the last dimension, and so many places in each row.
  Tensor rows = dim && input.ndim() > 0 ? movedim(input, {along}, {-1}) : flatten(input);
  rows = sort(rows)[0];
  const std::int64_t n = rows.size(-1 + rows.ndim());
  const Tensor nan = isnan(rows);
  Tensor place;
  if (ignore_nan) {
    const Tensor count = sum(logical_not(nan), Dims{-1}, true);
    place = shares * clamp_min(cast(count, rows.dtype()) - 1, 0);
  } else {
    place = shares * static_cast<double>(n - 1);
    const Tensor last = narrow(nan, -1, n - 1, 1);
    place = where(last, static_cast<double>(n - 1), place);
  }
  if (between == Between::Lower) place = floor(place);
  if (between == Between::Higher) place = ceil(place);
  if (between == Between::Nearest) place = round(place);
  const Tensor below = cast(floor(detached(place)), DType::Int64);
  Tensor result = gather(rows, -1, below);
  if (between == Between::Linear || between == Between::Midpoint) {
    const Tensor above = gather(rows, -1, cast(ceil(detached(place)), DType::Int64));
    result = between == Between::Midpoint ? lerp(result, above, 0.5)
                                          : lerp(result, above, place - cast(below, rows.dtype()));
  }
  if (keepdim) {
    Dims sizes(input.sizes());
    for (int d = 0; d < input.ndim(); ++d) {
      if (!dim || d == along) sizes[d] = 1;
    }
    result = one ? squeeze_dim(result, -1) : movedim(result, {-1}, {0});
    if (!one) sizes.insert(0, shares.size(0));
    return reshape(result, sizes);
  }
  return one ? squeeze_dim(result, -1) : movedim(result, {-1}, {0});
}

Tensor quantile(const Tensor& input, const Operand& q, Dim dim, bool keepdim,
                std::string_view interpolation) {
  return quantile_of("quantile", input, q, dim, keepdim, interpolation, false);
}
Tensor nanquantile(const Tensor& input, const Operand& q, Dim dim, bool keepdim,
                   std::string_view interpolation) {
  return quantile_of("nanquantile", input, q, dim, keepdim, interpolation, true);
}

#define PB_QUANTILE_SAMPLES                                                         \
  "x(3,4), 0.3 | x(3,4), c(3, low=0, high=1), 1 | x(3,4), 0.7, 0, True | x(), 0.5 " \
  "| x(5), c(2, low=0, high=1), keepdim=True | x(5), 0.6, interpolation='lower' "   \
  "| x(5), 0.6, interpolation='higher' | x(5), 0.6, interpolation='midpoint' "      \
  "| xs(3,5), 0.6, -1, interpolation='nearest' | x(2,3,4), x(3, low=0, high=1), 1, True"

const Entry entry_quantile(
    "quantile(input, q, dim=None, keepdim=False, *, interpolation='linear')", function<quantile>,
    kBoth,
    "The element below which the share q of the elements lies, between two of them in proportion.",
    PB_QUANTILE_SAMPLES);
const Entry entry_nanquantile(
    "nanquantile(input, q, dim=None, keepdim=False, *, interpolation='linear')",
    function<nanquantile>, kBoth, "The same of the elements that are not NaN.",
    PB_QUANTILE_SAMPLES);

}  // namespace
}  // namespace pullback
