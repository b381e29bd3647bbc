// Variance and standard deviation, sums that skip NaN, log-sum-exp.
#include <cmath>

#include "core/warning.h"
#include "kernels/elementwise.h"
#include "kernels/nn/softmax.h"
#include "kernels/reduce/reduce.h"
#include "ops/absorb.h"
#include "ops/basic.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/compare.h"
#include "ops/pointwise/math.h"
#include "ops/pointwise/select.h"
#include "ops/reduce/reduction.h"
#include "ops/table.h"

namespace pullback {
namespace {

struct MomentAttrs {
  Dims from;
  DimSet dims;
  double correction;
  bool keepdim;
  MomentAttrs batched(std::int64_t batch) const {
    MomentAttrs b = *this;
    b.from.insert(0, batch);
    b.dims = dims.batched();
    return b;
  }
  Spec spec(const Tensor& x) const { return {reduced_sizes(x.sizes(), dims, keepdim), x.dtype()}; }
};

// d var / d x, up to the arriving gradient.
Tensor variance_slope(const MomentAttrs& a, const Tensor& x) {
  const Tensor deviation = x - mean(x, a.dims, true);
  const double freedom = static_cast<double>(reduced_count(a.from, a.dims)) - a.correction;
  if (freedom > 0) return deviation * (2 / freedom);
  return where(eq(deviation, 0), std::nan(""), INFINITY);
}

// The gradient of the variance from that of the standard deviation: none at zero.
Tensor through_root(const Tensor& t, const Tensor& y) {
  return masked_fill(t / (y * 2), eq(y, 0), 0);
}

// `y` is the standard deviation; undefined for the variance, which does not need its result.
Tensor variance_gradient(const MomentAttrs& a, const Tensor& g, const Tensor& x, const Tensor& y) {
  const auto spread = [&](const Tensor& t) { return restore(t, a.dims, a.from.size(), a.keepdim); };
  return absorb(spread(g), spread(y.defined() ? through_root(g, y) : g) * variance_slope(a, x));
}

Tensor variance_tangent(const MomentAttrs& a, const Tensor& t, const Tensor& x, const Tensor& y) {
  const Tensor tangent = sum(t * variance_slope(a, x), a.dims, a.keepdim);
  return y.defined() ? through_root(tangent, y) : tangent;
}

template <bool root>
struct Variance {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  using Attrs = MomentAttrs;
  static constexpr const char* kNode = root ? "StdBackward0" : "VarBackward0";
  static Spec spec(const Attrs& a, In in) { return a.spec(in[0]); }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    const KeepView variance(out, a.dims, in[0].sizes(), a.keepdim);
    kernels::View no_mean = variance;
    no_mean.data = nullptr;
    kernels::var_mean(variance, no_mean, view_of(in[0]), a.correction, root);
  }
  static constexpr Reads kReads = root ? kReadsX | kReadsY : kReadsX;
  static void vjp(Vjp<Variance>& v) {
    v.give(0, variance_gradient(v.attrs(), v.grad(), v.in(0), root ? v.out() : Tensor()));
  }
  static Tensor jvp(Jvp<Variance>& j) {
    return variance_tangent(j.attrs(), j.tangent(0), j.in(0), root ? j.out() : Tensor());
  }
};

// Results: variance or standard deviation, mean.
template <bool root>
struct VarianceMean {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 2;
  using Attrs = MomentAttrs;
  static constexpr const char* kNode = root ? "StdMeanBackward0" : "VarMeanBackward0";
  static std::array<Spec, 2> spec(const Attrs& a, In in) { return {a.spec(in[0]), a.spec(in[0])}; }
  static void fill(const Attrs& a, In in, const std::array<Tensor, 2>& out) {
    kernels::var_mean(KeepView(out[0], a.dims, in[0].sizes(), a.keepdim),
                      KeepView(out[1], a.dims, in[0].sizes(), a.keepdim), view_of(in[0]),
                      a.correction, root);
  }
  static constexpr Reads kReads = root ? kReadsX | kReadsY : kReadsX;
  static void vjp(Vjp<VarianceMean>& v) {
    const Attrs& a = v.attrs();
    Tensor total;
    if (v.grad(0).defined()) {
      total = variance_gradient(a, v.grad(0), v.in(0), root ? v.out(0) : Tensor());
    }
    if (v.grad(1).defined()) {
      const Tensor share = v.grad(1) / static_cast<double>(reduced_count(a.from, a.dims));
      const Tensor part = expand(restore(share, a.dims, a.from.size(), a.keepdim), a.from);
      total = total.defined() ? total + part : part;
    }
    v.give(0, total);
  }
  static std::array<Tensor, 2> jvp(Jvp<VarianceMean>& j) {
    const Attrs& a = j.attrs();
    return {variance_tangent(a, j.tangent(0), j.in(0), root ? j.out(0) : Tensor()),
            mean(j.tangent(0), a.dims, a.keepdim)};
  }
};

struct NanSum {
  static constexpr const char* kNode = "NansumBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  using Attrs = MomentAttrs;
  static Spec spec(const Attrs& a, In in) { return a.spec(in[0]); }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    w.need(0, in[0].sizes(), in[0].dtype());
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    const Tensor& clean = w[0];
    const double zero_for_nan[] = {0, INFINITY, -INFINITY};
    kernels::apply(kernels::unary<"nan_to_num">, view_of(clean), {view_of(in[0])}, zero_for_nan);
    kernels::reduce(kernels::Reduce::Sum, KeepView(out, a.dims, in[0].sizes(), a.keepdim),
                    view_of(clean));
  }
  static constexpr Reads kReads = kReadsX;
  static void vjp(Vjp<NanSum>& v) {
    const Attrs& a = v.attrs();
    const Tensor g = restore(v.grad(), a.dims, a.from.size(), a.keepdim);
    v.give(0, g * logical_not(isnan(v.in(0))));  // NaN of infinity, as for a mean of NaNs only
  }
  static Tensor jvp(Jvp<NanSum>& j) {
    return sum(where(isnan(j.in(0)), 0, j.tangent(0)), j.attrs().dims, j.attrs().keepdim);
  }
};

struct LogSumExp {
  static constexpr const char* kNode = "LogsumexpBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  using Attrs = MomentAttrs;
  static Spec spec(const Attrs& a, In in) { return a.spec(in[0]); }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    if (a.dims.empty()) return copy_values(out, in[0]);
    kernels::logsumexp(KeepView(out, a.dims, in[0].sizes(), a.keepdim), view_of(in[0]));
  }
  static constexpr Reads kReads = kReadsX | kReadsY;
  static Tensor weights(const Attrs& a, const Tensor& x, const Tensor& y) {
    return exp(x - restore(finite_below(y), a.dims, a.from.size(), a.keepdim));
  }
  static void vjp(Vjp<LogSumExp>& v) {
    const Attrs& a = v.attrs();
    const Tensor g = restore(v.grad(), a.dims, a.from.size(), a.keepdim);
    v.give(0, absorb(g, g * weights(a, v.in(0), v.out())));
  }
  static Tensor jvp(Jvp<LogSumExp>& j) {
    const Attrs& a = j.attrs();
    return sum(j.tangent(0) * weights(a, j.in(0), j.out()), a.dims, a.keepdim);
  }
};

MomentAttrs attrs_of(const Tensor& input, const std::optional<Dims>& dim, bool keepdim,
                     double correction = 0) {
  return {input.shape(), reduced_dims(dim, input.ndim()), correction, keepdim};
}

using Correction = const std::optional<Scalar>&;

// The attributes of a variance; warns where its divisor is not positive.
MomentAttrs spread_attrs(const char* name, const Tensor& input, const std::optional<Dims>& dim,
                         Correction correction, bool keepdim) {
  const MomentAttrs a = attrs_of(input, dim, keepdim, correction ? correction->to_double() : 1);
  const bool empty = count_elements(reduced_sizes(a.from, a.dims, false)) == 0;
  const auto count = static_cast<double>(empty ? 0 : reduced_count(a.from, a.dims));
  if (count - a.correction <= 0) {
    warn(name,
         "(): degrees of freedom is <= 0. Correction should be strictly less than the reduction "
         "factor (input numel divided by output numel).");
  }
  return a;
}

// Of complex numbers: that of the real and of the imaginary parts together, a real number.
template <bool root>
Tensor complex_spread(MomentAttrs attrs, const Tensor& input) {
  const Tensor pairs = view_as_real(input);
  attrs.from = pairs.shape();
  const Tensor parts = apply<Variance<root>>(attrs, pairs);
  return root ? vector_norm(parts, 2, Dims{-1}) : sum(parts, Dims{-1});
}

template <bool root>
Tensor spread_over(const Tensor& input, const std::optional<Dims>& dim, Correction correction,
                   bool keepdim) {
  check(is_differentiable(input.dtype()),
        "std and var only support floating point and complex dtypes");
  const MomentAttrs attrs = spread_attrs(root ? "std" : "var", input, dim, correction, keepdim);
  return is_complex(input.dtype()) ? complex_spread<root>(attrs, input)
                                   : apply<Variance<root>>(attrs, input);
}
template <bool root>
Tensor spread_unbiased(const Tensor& input, const std::optional<Dims>& dim, bool unbiased,
                       bool keepdim) {
  return spread_over<root>(input, dim, Scalar(unbiased ? 1 : 0), keepdim);
}
template <bool root>
Tensor spread_all(const Tensor& input, bool unbiased) {
  return spread_unbiased<root>(input, {}, unbiased, false);
}

template <bool root>
std::array<Tensor, 2> pair_over(const Tensor& input, const std::optional<Dims>& dim,
                                Correction correction, bool keepdim) {
  check(is_differentiable(input.dtype()), root ? "std_mean" : "var_mean",
        " only support floating point and complex dtypes");
  const MomentAttrs attrs =
      spread_attrs(root ? "std_mean" : "var_mean", input, dim, correction, keepdim);
  if (is_complex(input.dtype())) {
    return {complex_spread<root>(attrs, input), mean(input, attrs.dims, keepdim)};
  }
  return apply<VarianceMean<root>>(attrs, input);
}
template <bool root>
std::array<Tensor, 2> pair_unbiased(const Tensor& input, const std::optional<Dims>& dim,
                                    bool unbiased, bool keepdim) {
  return pair_over<root>(input, dim, Scalar(unbiased ? 1 : 0), keepdim);
}
template <bool root>
std::array<Tensor, 2> pair_all(const Tensor& input, bool unbiased) {
  return pair_unbiased<root>(input, {}, unbiased, false);
}

Tensor nansum(const Tensor& input, const std::optional<Dims>& dim, bool keepdim,
              std::optional<DType> dtype) {
  check(!is_complex(input.dtype()), "nansum on CPU does not support complex inputs");
  if (!is_floating(input.dtype())) return sum(input, dim.value_or(Dims()), keepdim, dtype);
  check(ErrorKind::NotImplemented, !dtype || is_floating(*dtype),
        "\"nansum_cpu\" not implemented for '", info(dtype.value_or(input.dtype())).scalar_name,
        "'");
  const Tensor x = cast(input, dtype.value_or(input.dtype()));
  return apply<NanSum>(attrs_of(x, dim, keepdim), x);
}

Tensor nanmean(const Tensor& input, const std::optional<Dims>& dim, bool keepdim,
               std::optional<DType> dtype) {
  check(is_floating(input.dtype()),
        "nanmean(): expected input to have floating point or complex dtype but got ",
        info(input.dtype()).scalar_name);
  const Tensor count = sum(logical_not(isnan(input)), dim, keepdim);
  return nansum(input, dim, keepdim, dtype) / count;
}

// Of the input less the greatest real part, which cancels and so counts as a constant.
Tensor complex_logsumexp(const Tensor& input, const Dims& dim, bool keepdim) {
  if (input.numel() == 0) return log(sum(exp(input), dim, keepdim));
  const Tensor most = amax(real(detached(input)), dim, true);
  const Tensor shift = masked_fill(most, logical_not(isfinite(most)), 0);
  const Tensor rest = log(sum(exp(sub(input, shift)), dim, keepdim));
  return add(rest, reshape(shift, rest.sizes()));
}

}  // namespace

Tensor logsumexp(const Tensor& input, const Dims& dim, bool keepdim) {
  if (is_complex(input.dtype())) return complex_logsumexp(input, dim, keepdim);
  const Tensor x = cast(input, is_floating(input.dtype()) ? input.dtype() : default_dtype());
  return apply<LogSumExp>(attrs_of(x, dim, keepdim), x);
}

static const Entry entry_std("std(input, unbiased=True)", direct<spread_all<true>>, kCastBoth,
                             "The standard deviation of all elements; the divisor is n - 1, or n "
                             "when not unbiased.",
                             "x(3,4) | x(3,4), False | xs(3,4) | x(5), unbiased=False");
static const Entry entry_std_unbiased(
    "std(input, dim[1], unbiased=True, keepdim=False)", direct<spread_unbiased<true>>, kCastBoth,
    "The standard deviations over one dimension or several.",
    "x(3,4), 0 | x(3,4), -1, False, True | x(2,3,4), (0,2) | x(3,4), None");
static const Entry entry_std_correction(
    "std(input, dim[1]=None, *, correction=1, keepdim=False)", direct<spread_over<true>>, kCastBoth,
    "The standard deviations with the divisor n - correction.",
    "x(3,4), correction=0 | x(3,4), dim=1, correction=2, keepdim=True");
static const Entry entry_var("var(input, unbiased=True)", direct<spread_all<false>>, kCastBoth,
                             "The variance of all elements; the divisor is n - 1, or n when not "
                             "unbiased.",
                             "x(3,4) | x(3,4), False | xs(3,4) | x(5), unbiased=False");
static const Entry entry_var_unbiased(
    "var(input, dim[1], unbiased=True, keepdim=False)", direct<spread_unbiased<false>>, kCastBoth,
    "The variances over one dimension or several.",
    "x(3,4), 0 | x(3,4), -1, False, True | x(2,3,4), (0,2) | x(3,4), None");
static const Entry entry_var_correction(
    "var(input, dim[1]=None, *, correction=1, keepdim=False)", direct<spread_over<false>>,
    kCastBoth, "The variances with the divisor n - correction.",
    "x(3,4), correction=0 | x(3,4), dim=1, correction=2, keepdim=True");
static const Entry entry_std_mean("std_mean(input, unbiased=True)", function<pair_all<true>>,
                                  kFunctionForm, "The standard deviation and the mean.",
                                  "x(3,4) | x(3,4), False");
static const Entry entry_std_mean_unbiased("std_mean(input, dim[1], unbiased=True, keepdim=False)",
                                           function<pair_unbiased<true>>, kFunctionForm,
                                           "The standard deviations and means over dimensions.",
                                           "x(3,4), 0 | x(3,4), -1, False, True");
static const Entry entry_std_mean_correction(
    "std_mean(input, dim[1]=None, *, correction=1, keepdim=False)", function<pair_over<true>>,
    kFunctionForm, "The standard deviations, with the divisor n - correction, and the means.",
    "x(3,4), correction=0 | x(3,4), dim=1, correction=2, keepdim=True");
static const Entry entry_var_mean("var_mean(input, unbiased=True)", function<pair_all<false>>,
                                  kFunctionForm, "The variance and the mean.",
                                  "x(3,4) | x(3,4), False");
static const Entry entry_var_mean_unbiased("var_mean(input, dim[1], unbiased=True, keepdim=False)",
                                           function<pair_unbiased<false>>, kFunctionForm,
                                           "The variances and means over dimensions.",
                                           "x(3,4), 0 | x(3,4), -1, False, True");
static const Entry entry_var_mean_correction(
    "var_mean(input, dim[1]=None, *, correction=1, keepdim=False)", function<pair_over<false>>,
    kFunctionForm, "The variances, with the divisor n - correction, and the means.",
    "x(3,4), correction=0 | x(3,4), dim=1, correction=2, keepdim=True");
static const Entry entry_logsumexp(
    "logsumexp(input, dim[1], keepdim=False)", function<logsumexp>, kCastBoth | kSpecialForm,
    "log(sum(exp(input))) over one dimension or several, without overflow.",
    "x(3,4), 0 | x(3,4), -1, True | x(2,3,4), (0,2) | xs(3,4), dim=1 | x(), 0 | x(3,0), 0");
static const Entry entry_nansum("nansum(input, dim[1]=None, keepdim=False, *, dtype=None)",
                                function<nansum>, kCastBoth,
                                "The sum of the elements that are not NaN.",
                                "x(3,4) | x(3,4), 0 | x(2,3,4), (0,2), True | x() | i(3, high=4)");
static const Entry entry_nanmean("nanmean(input, dim[1]=None, keepdim=False, *, dtype=None)",
                                 function<nanmean>, kCastBoth,
                                 "The mean of the elements that are not NaN.",
                                 "x(3,4) | x(3,4), 0 | x(2,3,4), (0,2), True | x()");

}  // namespace pullback
