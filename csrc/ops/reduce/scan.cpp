// Running sums, extremes and log-sum-exps; differences and the trapezoid rule.
//
// Running products are in product.cpp; see NOTE [Recurrences] in scan.h.
#include "ops/reduce/scan.h"

#include "kernels/reduce/scan.h"
#include "ops/absorb.h"
#include "ops/basic.h"
#include "ops/index/indexing.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/compare.h"
#include "ops/pointwise/math.h"
#include "ops/reduce/reduction.h"
#include "ops/shape/join.h"
#include "ops/shape/view.h"
#include "ops/table.h"

namespace pullback {
namespace {

struct ScanAttrs {
  Along where;
  ScanAttrs batched(std::int64_t) const { return {where.batched()}; }
};

struct Cumsum {
  static constexpr const char* kNode = "CumsumBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  static constexpr bool kLinear = true;
  using Attrs = ScanAttrs;
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    if (a.where.dim < 0) return copy_values(out, in[0]);
    kernels::scan(kernels::Scan::Sum, Directed(out, a.where), Directed(in[0], a.where),
                  a.where.dim);
  }
  static void vjp(Vjp<Cumsum>& v) { v.give(0, cumsum(v.grad(), v.attrs().where.back())); }
};

// Results: values, positions.
struct CumExtreme {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 2;
  struct Attrs {
    Along where;
    bool max;
    Dims from;
    Attrs batched(std::int64_t batch) const {
      Attrs b{where.batched(), max, from};
      b.from.insert(0, batch);
      return b;
    }
  };
  static const char* node_name(const Attrs& a) {
    return a.max ? "CummaxBackward0" : "CumminBackward0";
  }
  static std::array<Spec, 2> spec(const Attrs&, In in) {
    return {Spec{in[0].shape(), in[0].dtype()}, Spec{in[0].shape(), DType::Int64}};
  }
  static void fill(const Attrs& a, In in, const std::array<Tensor, 2>& out) {
    if (a.where.dim < 0) {
      copy_values(out[0], in[0]);
      std::fill_n(out[1].data<std::int64_t>(), out[1].numel(), 0);
      return;
    }
    kernels::cum_extreme(a.max, view_of(out[0]), view_of(out[1]), view_of(in[0]), a.where.dim);
  }
  static constexpr Reads kReads = kReadsZ;
  static void vjp(Vjp<CumExtreme>& v) {
    const Attrs& a = v.attrs();
    if (!v.grad().defined() || a.where.dim < 0) return v.give(0, v.grad());
    v.give(0,
           scatter_add(Tensor::zeros(a.from, v.grad().dtype()), a.where.dim, v.out(1), v.grad()));
  }
  static std::array<Tensor, 2> jvp(Jvp<CumExtreme>& j) {
    const Attrs& a = j.attrs();
    if (a.where.dim < 0) return {j.tangent(0), Tensor()};
    return {gather(j.tangent(0), a.where.dim, j.out(1)), Tensor()};
  }
};

struct LogCumsumExp {
  static constexpr const char* kNode = "LogcumsumexpBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  using Attrs = ScanAttrs;
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    if (a.where.dim < 0) return copy_values(out, in[0]);
    kernels::scan(kernels::Scan::LogSumExp, view_of(out), view_of(in[0]), a.where.dim);
  }
  static constexpr Reads kReads = kReadsX | kReadsY;
  // exp(y[k] - y[k + 1]), never above one; one at the end, and between two that are +inf.
  static Tensor decay(const Tensor& result, Along where) {
    const Tensor y = finite_above(result);
    return exp(neg(shift(y - shift(y, where), where.back())));
  }
  static void vjp(Vjp<LogCumsumExp>& v) {
    const Along where = v.attrs().where;
    if (where.dim < 0) return v.give(0, v.grad());
    const Tensor y = finite_below(v.out());
    const Tensor sums = recurrence(conj(decay(y, where)), v.grad(), where.back());
    v.give(0, absorb_rows(v.grad(), where.dim, sums * conj(exp(v.in(0) - y))));
  }
  static Tensor jvp(Jvp<LogCumsumExp>& j) {
    const Along where = j.attrs().where;
    if (where.dim < 0) return j.tangent(0);
    const Tensor y = finite_below(j.out());
    return recurrence(shift(decay(y, where), where), j.tangent(0) * exp(j.in(0) - y), where);
  }
};

Tensor cumsum_entry(const Tensor& input, std::int64_t dim, std::optional<DType> dtype,
                    Target target) {
  const Along where = along(dim, input.ndim());
  const Tensor read = running(input, where, dtype, "cumsum_out_cpu", target);
  const Offer last(target);
  return cumsum(read, running_along(read, where));
}

std::array<Tensor, 2> cum_extreme(const Tensor& input, std::int64_t dim, bool max) {
  const Along where = along(dim, input.ndim());
  if (needs_no_order(max ? "cummax" : "cummin", input)) {
    return {clone(input), Tensor::zeros(input.sizes(), DType::Int64)};
  }
  refuse_complex(max ? "cummax_cpu" : "cummin_cpu", input.dtype());
  return apply<CumExtreme>({where, max, input.shape()}, input);
}
std::array<Tensor, 2> cummax(const Tensor& input, std::int64_t dim) {
  return cum_extreme(input, dim, true);
}
std::array<Tensor, 2> cummin(const Tensor& input, std::int64_t dim) {
  return cum_extreme(input, dim, false);
}

Tensor logcumsumexp(const Tensor& input, std::int64_t dim) {
  check(ErrorKind::NotImplemented, is_differentiable(input.dtype()),
        "\"logcumsumexp_out_cpu\" not implemented for '", info(input.dtype()).scalar_name, "'");
  return apply<LogCumsumExp>({along(dim, input.ndim())}, input);
}

// Neighbours along a dimension: all but the first, all but the last.
Tensor later(const Tensor& x, int dim) { return narrow(x, dim, 1, x.size(dim) - 1); }
Tensor earlier(const Tensor& x, int dim) { return narrow(x, dim, 0, x.size(dim) - 1); }

void check_extension(const Tensor& input, const std::optional<Tensor>& other, int dim) {
  if (!other) return;
  check(other->ndim() == input.ndim(),
        "diff expects prepend or append to be the same dimension as input");
  for (int d = 0; d < input.ndim(); ++d) {
    check(d == dim || other->size(d) == input.size(d),
          "diff expects the shape of tensor to prepend or append to match that of input except "
          "along the differencing dimension; input.size(",
          d, ") = ", input.size(d), ", but got tensor.size(", d, ") = ", other->size(d));
  }
}

Tensor diff(const Tensor& input, std::int64_t n, std::int64_t dim,
            const std::optional<Tensor>& prepend, const std::optional<Tensor>& append) {
  check(input.ndim() >= 1, "diff expects input to be at least one-dimensional");
  check(n >= 0, "order must be non-negative but got ", n);
  const int d = wrap_dim(dim, input.ndim());
  check_extension(input, prepend, d);
  check_extension(input, append, d);
  std::vector<Tensor> pieces;
  if (prepend) pieces.push_back(*prepend);
  pieces.push_back(input);
  if (append) pieces.push_back(*append);
  Tensor x = pieces.size() == 1 ? input : cat(pieces, d);
  if (n == 0) return clone(x);
  for (std::int64_t k = 0; k < n && x.size(d) > 0; ++k) {
    x = x.dtype() == DType::Bool ? logical_xor(later(x, d), earlier(x, d))
                                 : later(x, d) - earlier(x, d);
  }
  return x;
}

void refuse_bool(const char* name, const Tensor& y) {
  check(y.dtype() != DType::Bool, name,
        ": received a bool input for `y`, but bool is not supported");
}

// The distances between the sample points, shaped to multiply neighbours of y.
Tensor spacing(const char* name, const Tensor& y, const Tensor& x, int dim) {
  Tensor points = x;
  if (x.ndim() == 1) {
    check(x.size(0) == y.size(dim), name, ": There must be one `x` value for each sample point");
    Dims sizes(y.ndim(), 1);
    sizes[dim] = x.size(0);
    points = reshape(x, sizes);
  } else {
    while (points.ndim() < y.ndim()) points = unsqueeze(points, 0);
  }
  return later(points, dim) - earlier(points, dim);
}

void check_spacing(const char* name, const Scalar& dx) {
  check(dx.category() != Category::Bool, name, ": Currently, we only support dx as a real number.");
}

Tensor nothing(const Tensor& y, int dim) {
  Dims sizes = y.shape();
  sizes.erase(dim);
  return Tensor::zeros(sizes, is_floating(y.dtype()) ? y.dtype() : default_dtype());
}

Tensor trapezoid_x(const Tensor& y, const Tensor& x, std::int64_t dim) {
  const int d = wrap_own_dim(dim, y.ndim());
  refuse_bool("trapezoid", y);
  if (y.size(d) == 0) return nothing(y, d);
  const Tensor steps = spacing("trapezoid", y, x, d);
  return div_number(sum((earlier(y, d) + later(y, d)) * steps, Dims{d}), 2.0);
}

Tensor trapezoid_dx(const Tensor& y, Scalar dx, std::int64_t dim) {
  const int d = wrap_own_dim(dim, y.ndim());
  refuse_bool("trapezoid", y);
  if (y.size(d) == 0) return nothing(y, d);
  check_spacing("trapezoid", dx);
  return mul_number(sum(y, Dims{d}) - (select(y, d, 0) + select(y, d, -1)) * 0.5, dx);
}

Tensor cumulative_trapezoid_x(const Tensor& y, const Tensor& x, std::int64_t dim) {
  refuse_bool("cumulative_trapezoid", y);
  const int d = wrap_own_dim(dim, y.ndim());
  if (y.size(d) == 0) return div_number(cumsum(y, {d}), 2.0);
  const Tensor steps = spacing("cumulative_trapezoid", y, x, d);
  return div_number(cumsum((earlier(y, d) + later(y, d)) * steps, {d}), 2.0);
}

Tensor cumulative_trapezoid_dx(const Tensor& y, Scalar dx, std::int64_t dim) {
  refuse_bool("cumulative_trapezoid", y);
  const int d = wrap_own_dim(dim, y.ndim());
  if (y.size(d) == 0) return cumsum(y * (dx.to_double() / 2), {d});
  check_spacing("cumulative_trapezoid", dx);
  return cumsum((later(y, d) + earlier(y, d)) * (dx.to_double() / 2), {d});
}

}  // namespace

Tensor cumsum(const Tensor& input, Along where) { return apply<Cumsum>({where}, input); }

static const Entry entry_cumsum("cumsum(input, dim, *, dtype=None)", function<cumsum_entry>,
                                kPointwise, "The running sums along dim.",
                                "x(3,4), 0 | x(3,4), -1 | xs(3,4), 0 | x(), 0 | x(0), 0");
static const Entry entry_cummax("cummax(input, dim)", function<cummax>, kBoth,
                                "The running maxima along dim and their latest positions.",
                                "x(3,4), 0 | x(3,4), -1 | xs(3,4), dim=1 | x(), 0 | x(0,3), 0",
                                "values, indices");
static const Entry entry_cummin("cummin(input, dim)", function<cummin>, kBoth,
                                "The running minima along dim and their latest positions.",
                                "x(3,4), 0 | x(3,4), -1 | xs(3,4), dim=1 | x(), 0 | x(0,3), 0",
                                "values, indices");
static const Entry entry_logcumsumexp("logcumsumexp(input, dim)", direct<logcumsumexp>, kBoth,
                                      "log(cumsum(exp(input))) along dim, without overflow.",
                                      "x(3,4), 0 | x(3,4), -1 | xs(3,4), dim=1 | x(), 0 "
                                      "| x(0,3), 0");
static const Entry entry_diff("diff(input, n=1, dim=-1, prepend=None, append=None)", function<diff>,
                              kCastBoth, "The differences of neighbours along dim, taken n times.",
                              "x(3,4) | x(3,4), 2 | x(3,4), 1, 0 | x(3,4), prepend=x(3,1), "
                              "append=x(3,2) | x(3,2), 3");
static const Entry entry_trapezoid_x("trapezoid(y, x, *, dim=-1)", function<trapezoid_x>,
                                     kFunctionForm, "The integral along dim by the trapezoid rule.",
                                     "x(3,4), x(4) | x(3,4), x(3,4) | x(3,4), x(3), dim=0");
static const Entry entry_trapezoid_dx("trapezoid(y, *, dx=1, dim=-1)", function<trapezoid_dx>,
                                      kFunctionForm,
                                      "The integral along dim with equal distances dx.",
                                      "x(3,4) | x(3,4), dx=0.5, dim=0 | xs(3,4), dim=0");
static const Entry entry_trapz_x("trapz(y, x, *, dim=-1)", function<trapezoid_x>, kFunctionForm,
                                 "The same as trapezoid.", "x(3,4), x(4)");
static const Entry entry_trapz_dx("trapz(y, *, dx=1, dim=-1)", function<trapezoid_dx>,
                                  kFunctionForm, "The same as trapezoid.", "x(3,4), dx=0.5");
static const Entry entry_cumulative_trapezoid_x(
    "cumulative_trapezoid(y, x, *, dim=-1)", function<cumulative_trapezoid_x>, kFunctionForm,
    "The running integral along dim by the trapezoid rule.", "x(3,4), x(4) | x(3,4), x(3), dim=0");
static const Entry entry_cumulative_trapezoid_dx(
    "cumulative_trapezoid(y, *, dx=1, dim=-1)", function<cumulative_trapezoid_dx>, kFunctionForm,
    "The running integral along dim with equal distances dx.", "x(3,4) | x(3,4), dx=0.5, dim=0");

}  // namespace pullback
