// Extremes and truth values: max, min, amax, amin, aminmax, argmax, argmin, all, any.
//
// Two conventions for ties, both torch's: the reductions that give values only (max(), amax) share
// the gradient evenly (TieShares), those with positions (max(dim)) give it to the position.
#include "kernels/copy.h"
#include "kernels/elementwise.h"
#include "kernels/reduce/reduce.h"
#include "ops/basic.h"
#include "ops/index/indexing.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/compare.h"
#include "ops/pointwise/select.h"
#include "ops/reduce/reduction.h"
#include "ops/table.h"

namespace pullback {
namespace {

using kernels::binary;
using kernels::unary;

// 1 / number of ties where input[0] equals input[1] (keepdim layout), else 0.
struct TieShares {
  static constexpr int kInputs = 2;
  static constexpr int kOutputs = 1;
  static constexpr bool kNotDifferentiable = true;
  static constexpr unsigned kConstants = 1;
  struct Attrs {
    DimSet dims;
    bool nan_ties;
    Attrs batched(std::int64_t) const { return {dims.batched(), nan_ties}; }
  };
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  static void workspace(const Attrs& a, In in, const Tensor& out, Workspace& w) {
    w.need(0, in[0].sizes(), DType::Bool);
    w.need(1, reduced_sizes(in[0].sizes(), a.dims, true), out.dtype());
    if (!a.nan_ties) return;
    w.need(2, in[0].sizes(), DType::Bool);
    w.need(3, in[0].sizes(), DType::Bool);
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    const Tensor value = spread_alias(in[1], in[0].sizes());
    const Tensor& ties = w[0];
    const Tensor& count = w[1];
    kernels::apply(binary<"eq">, view_of(ties), {view_of(in[0]), view_of(value)});
    if (a.nan_ties) {
      const Tensor& nan = w[2];
      const Tensor& nan_value = w[3];
      kernels::apply(unary<"isnan">, view_of(nan), {view_of(in[0])});
      kernels::apply(unary<"isnan">, view_of(nan_value), {view_of(value)});
      kernels::apply(binary<"logical_and">, view_of(nan), {view_of(nan), view_of(nan_value)});
      kernels::apply(binary<"logical_or">, view_of(ties), {view_of(ties), view_of(nan)});
    }
    kernels::copy(view_of(out), view_of(ties));
    kernels::reduce(kernels::Reduce::Sum, view_of(count), view_of(out));
    kernels::apply(binary<"div">, view_of(out),
                   {view_of(out), view_of(spread_alias(count, in[0].sizes()))});
  }
};

struct ExtremeAttrs {
  DimSet dims;
  bool max;
  bool keepdim;
  bool full = false;  // the form without dim, another node name
  int ndim = 0;
  ExtremeAttrs batched(std::int64_t) const {
    return {dims.batched(), max, keepdim, full, ndim + 1};
  }
};

Tensor share(const ExtremeAttrs& a, const Tensor& x, const Tensor& value) {
  return tie_shares(x, keep_layout(value, a.dims, a.ndim, a.keepdim), a.dims, a.full);
}

void fill_extreme(bool max, const ExtremeAttrs& a, const Tensor& x, const Tensor& out) {
  kernels::reduce(max ? kernels::Reduce::Max : kernels::Reduce::Min,
                  KeepView(out, a.dims, x.sizes(), a.keepdim), view_of(x));
}

struct Extreme {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  using Attrs = ExtremeAttrs;
  static const char* node_name(const Attrs& a) {
    if (a.full) return a.max ? "MaxBackward1" : "MinBackward1";
    return a.max ? "AmaxBackward0" : "AminBackward0";
  }
  static Spec spec(const Attrs& a, In in) {
    return {reduced_sizes(in[0].sizes(), a.dims, a.keepdim), in[0].dtype()};
  }
  static void fill(const Attrs& a, In in, const Tensor& out) { fill_extreme(a.max, a, in[0], out); }
  static constexpr Reads kReads = kReadsX | kReadsY;
  static void vjp(Vjp<Extreme>& v) {
    const Attrs& a = v.attrs();
    const Tensor g = restore(v.grad(), a.dims, a.ndim, a.keepdim);
    const Tensor shares = share(a, v.in(0), v.out());
    v.give(0, a.full ? shared_by_ties(g, shares) : g * shares);  // as in torch
  }
  static Tensor jvp(Jvp<Extreme>& j) {
    const Attrs& a = j.attrs();
    return sum(shared_by_ties(j.tangent(0), share(a, j.in(0), j.out())), a.dims, a.keepdim);
  }
};

// Results: smallest, greatest.
struct BothExtremes {
  static constexpr const char* kNode = "AminmaxBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 2;
  using Attrs = ExtremeAttrs;
  static std::array<Spec, 2> spec(const Attrs& a, In in) {
    const Spec one = Extreme::spec(a, in);
    return {one, one};
  }
  static void fill(const Attrs& a, In in, const std::array<Tensor, 2>& out) {
    fill_extreme(false, a, in[0], out[0]);
    fill_extreme(true, a, in[0], out[1]);
  }
  static constexpr Reads kReads = kReadsX | kReadsY | kReadsZ;
  static void vjp(Vjp<BothExtremes>& v) {
    const Attrs& a = v.attrs();
    const Tensor x = v.in(0);
    Tensor total;
    for (int k = 0; k < 2; ++k) {
      if (!v.grad(k).defined()) continue;
      const Tensor part = restore(v.grad(k), a.dims, a.ndim, a.keepdim) * share(a, x, v.out(k));
      total = total.defined() ? total + part : part;
    }
    v.give(0, total);
  }
  static std::array<Tensor, 2> jvp(Jvp<BothExtremes>& j) {
    const Attrs& a = j.attrs();
    const auto tangent = [&](int k) {
      const Tensor shares = share(a, j.in(0), j.out(k));
      return sum(shared_by_ties(j.tangent(0), shares), a.dims, a.keepdim);
    };
    return {tangent(0), tangent(1)};
  }
};

// Values and positions along one dimension (none of a tensor without dimensions).
struct ExtremeAt {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 2;
  struct Attrs {
    Dims from;
    DimSet dims;
    bool max;
    bool keepdim;
    Attrs batched(std::int64_t batch) const {
      Attrs b = *this;
      b.from.insert(0, batch);
      b.dims = dims.batched();
      return b;
    }
  };
  static const char* node_name(const Attrs& a) { return a.max ? "MaxBackward0" : "MinBackward0"; }
  static std::array<Spec, 2> spec(const Attrs& a, In in) {
    const Dims sizes = reduced_sizes(in[0].sizes(), a.dims, a.keepdim);
    return {Spec{sizes, in[0].dtype()}, Spec{sizes, DType::Int64}};
  }
  static void fill(const Attrs& a, In in, const std::array<Tensor, 2>& out) {
    if (a.dims.empty()) {
      copy_values(out[0], in[0]);
      std::fill_n(out[1].data<std::int64_t>(), out[1].numel(), 0);
      return;
    }
    kernels::arg_reduce(a.max, KeepView(out[0], a.dims, in[0].sizes(), a.keepdim),
                        KeepView(out[1], a.dims, in[0].sizes(), a.keepdim), view_of(in[0]),
                        a.dims.first());
  }
  static constexpr Reads kReads = kReadsZ;
  static void vjp(Vjp<ExtremeAt>& v) {
    const Attrs& a = v.attrs();
    if (!v.grad().defined()) return v.give(0, Tensor());
    if (a.dims.empty()) return v.give(0, v.grad());
    const int ndim = a.from.size();
    const Tensor gradient = keep_layout(v.grad(), a.dims, ndim, a.keepdim);
    const Tensor index = keep_layout(v.out(1), a.dims, ndim, a.keepdim);
    v.give(0,
           scatter_add(Tensor::zeros(a.from, gradient.dtype()), a.dims.first(), index, gradient));
  }
  static std::array<Tensor, 2> jvp(Jvp<ExtremeAt>& j) {
    const Attrs& a = j.attrs();
    if (a.dims.empty()) return {j.tangent(0), Tensor()};
    const int dim = a.dims.first();
    const Tensor index = keep_layout(j.out(1), a.dims, a.from.size(), a.keepdim);
    const Tensor picked = gather(j.tangent(0), dim, index);
    return {a.keepdim ? picked : squeeze_dim(picked, dim), Tensor()};
  }
};

// The position of the extreme: along one dimension, or in the trailing ones in row-major order.
struct ArgExtreme {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kNotDifferentiable = true;
  using Attrs = ExtremeAttrs;
  static Spec spec(const Attrs& a, In in) {
    return {reduced_sizes(in[0].sizes(), a.dims, a.keepdim), DType::Int64};
  }
  static void workspace(const Attrs& a, In in, const Tensor&, Workspace& w) {
    if (a.dims.count() > 1) w.need_dense(0, in[0]);
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    if (a.dims.empty()) {
      std::fill_n(out.data<std::int64_t>(), out.numel(), 0);
      return;
    }
    const Tensor& x = in[0];
    if (a.dims.count() == 1) {
      find(a.max, KeepView(out, a.dims, x.sizes(), a.keepdim), x, a.dims.first());
      return;
    }
    const std::int64_t length = reduced_count(x.sizes(), a.dims);
    const Dims rows{x.numel() / length, length};
    const Tensor& dense = w.dense(0, x);
    const Tensor column = out.alias(Dims{rows[0], 1}, Dims{1, 1});
    find(a.max, view_of(column), dense.alias(rows, contiguous_strides(rows)), 1);
  }
  static void find(bool max, const kernels::View& out, const Tensor& x, int dim) {
    kernels::View no_values = out;
    no_values.data = nullptr;
    no_values.dtype = x.dtype();
    kernels::arg_reduce(max, no_values, out, view_of(x), dim);
  }
};

// all and any; uint8 stays uint8, as in torch.
struct Truth {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  static constexpr bool kNotDifferentiable = true;
  struct Attrs {
    DimSet dims;
    bool all;
    bool keepdim;
    Attrs batched(std::int64_t) const { return {dims.batched(), all, keepdim}; }
  };
  static Spec spec(const Attrs& a, In in) {
    return {reduced_sizes(in[0].sizes(), a.dims, a.keepdim),
            in[0].dtype() == DType::UInt8 ? DType::UInt8 : DType::Bool};
  }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    const KeepView keep(out, a.dims, in[0].sizes(), a.keepdim);
    kernels::View view = keep;
    view.dtype = DType::Bool;
    kernels::reduce(a.all ? kernels::Reduce::All : kernels::Reduce::Any, view, view_of(in[0]));
  }
};

Tensor extreme(const char* name, bool max, const Tensor& input, DimSet dims, bool keepdim,
               bool full, bool named) {
  if (input.numel() == 0 && !named) {
    fail(name,
         ": Expected reduction dim to be specified for input.numel() == 0. Specify the reduction "
         "dim with the 'dim' argument.");
  }
  check_not_empty(name, input, dims);
  if (input.numel() == 0 && needs_no_order(max ? "amax" : "amin", input)) {
    return Tensor::zeros(reduced_sizes(input.sizes(), dims, keepdim), input.dtype());
  }
  refuse_complex(full  ? (max ? "max_all" : "min_all")
                 : max ? "max_values_cpu"
                       : "min_values_cpu",
                 input.dtype());
  return apply<Extreme>({dims, max, keepdim, full, input.ndim()}, input);
}

void check_order(const char* name, const Tensor& input) {
  check(!is_complex(input.dtype()), name, ": does not support complex input");
}

std::array<Tensor, 2> extreme_at(const char* name, bool max, const Tensor& input, std::int64_t dim,
                                 bool keepdim) {
  const DimSet dims = reduced_dim(dim, input.ndim());
  check_not_empty(name, input, dims);
  check_order(name, input);
  return apply<ExtremeAt>({input.shape(), dims, max, keepdim}, input);
}

Tensor arg_extreme(const char* name, bool max, const Tensor& input, std::optional<std::int64_t> dim,
                   bool keepdim) {
  check_order(name, input);
  check(input.dtype() != DType::Bool, name, ": does not support bool input");
  const DimSet dims = dim ? reduced_dim(*dim, input.ndim()) : DimSet::all(input.ndim());
  if (!dim && input.numel() == 0) {
    fail(ErrorKind::Index, name,
         ": Expected reduction dim to be specified for input.numel() == 0.");
  }
  check_not_empty(name, input, dims);
  return apply<ArgExtreme>({dims, max, keepdim, false, input.ndim()}, input);
}

Tensor max_all(const Tensor& input) {
  return extreme("max()", true, input, DimSet::all(input.ndim()), false, true, false);
}
Tensor min_all(const Tensor& input) {
  return extreme("min()", false, input, DimSet::all(input.ndim()), false, true, false);
}
std::array<Tensor, 2> max_dim(const Tensor& input, std::int64_t dim, bool keepdim) {
  return extreme_at("max()", true, input, dim, keepdim);
}
std::array<Tensor, 2> min_dim(const Tensor& input, std::int64_t dim, bool keepdim) {
  return extreme_at("min()", false, input, dim, keepdim);
}
Tensor max_other(const Tensor& input, const Tensor& other) { return maximum(input, other); }
Tensor min_other(const Tensor& input, const Tensor& other) { return minimum(input, other); }

Tensor argmax(const Tensor& input, std::optional<std::int64_t> dim, bool keepdim) {
  return arg_extreme("argmax()", true, input, dim, keepdim);
}
Tensor argmin(const Tensor& input, std::optional<std::int64_t> dim, bool keepdim) {
  return arg_extreme("argmin()", false, input, dim, keepdim);
}

std::array<Tensor, 2> aminmax(const Tensor& input, std::optional<std::int64_t> dim, bool keepdim) {
  const DimSet dims = dim ? reduced_dim(*dim, input.ndim()) : DimSet::all(input.ndim());
  if (!dim && input.numel() == 0) {
    fail(
        "aminmax(): cannot compute aminmax over an empty dimension as the operation has no "
        "identity.");
  }
  check_not_empty("aminmax", input, dims);
  check(!is_complex(input.dtype()) || !dim || input.ndim() > 0, "aminmax not implemented for ",
        info(input.dtype()).scalar_name);
  refuse_complex("aminmax_cpu", input.dtype());
  return apply<BothExtremes>({dims, true, keepdim, false, input.ndim()}, input);
}

// Unlike in the other reductions an empty tuple means no dimension, as in torch.
DimSet truth_dims(const std::optional<Dims>& dim, int ndim) {
  return dim && dim->empty() ? DimSet() : reduced_dims(dim, ndim);
}

Tensor all_over(const Tensor& input, const std::optional<Dims>& dim, bool keepdim) {
  return apply<Truth>({truth_dims(dim, input.ndim()), true, keepdim}, input);
}
Tensor any_over(const Tensor& input, const std::optional<Dims>& dim, bool keepdim) {
  return apply<Truth>({truth_dims(dim, input.ndim()), false, keepdim}, input);
}
Tensor all_along(const Tensor& input, std::int64_t dim, bool keepdim) {
  return all_over(input, Dims{dim}, keepdim);
}
Tensor any_along(const Tensor& input, std::int64_t dim, bool keepdim) {
  return any_over(input, Dims{dim}, keepdim);
}
Tensor all_full(const Tensor& input) { return all_over(input, {}, false); }
Tensor any_full(const Tensor& input) { return any_over(input, {}, false); }

}  // namespace

Tensor tie_shares(const Tensor& x, const Tensor& value, DimSet dims, bool nan_ties) {
  return apply<TieShares>({dims, nan_ties}, x, value);
}

Tensor shared_by_ties(const Tensor& t, const Tensor& shares) {
  return where(eq(shares, 0), 0, t * shares);
}

Tensor amax(const Tensor& input, const std::optional<Dims>& dim, bool keepdim) {
  return extreme("amax()", true, input, reduced_dims(dim, input.ndim()), keepdim, false,
                 dim && !dim->empty());
}
Tensor amin(const Tensor& input, const std::optional<Dims>& dim, bool keepdim) {
  return extreme("amin()", false, input, reduced_dims(dim, input.ndim()), keepdim, false,
                 dim && !dim->empty());
}

static const Entry entry_max("max(input)", direct<max_all>, kCastBoth,
                             "The greatest element; ties share the gradient.",
                             "x(3,4) | x() | xs(3,4)");
static const Entry entry_max_other("max(input, other)", direct<max_other>, kCastBoth,
                                   "The elementwise maximum.", "x(3,4), x(3,4) | x(3,1), x(4)");
static const Entry entry_max_dim("max(input, dim, keepdim=False)", function<max_dim>, kBoth,
                                 "The greatest elements along dim and where they are.",
                                 "x(3,4), 0 | x(3,4), -1, True | xs(3,4), dim=1 | x(), 0 "
                                 "| x(0,3), 1",
                                 "values, indices");
static const Entry entry_min("min(input)", direct<min_all>, kCastBoth,
                             "The smallest element; ties share the gradient.",
                             "x(3,4) | x() | xs(3,4)");
static const Entry entry_min_other("min(input, other)", direct<min_other>, kCastBoth,
                                   "The elementwise minimum.", "x(3,4), x(3,4) | x(3,1), x(4)");
static const Entry entry_min_dim("min(input, dim, keepdim=False)", function<min_dim>, kBoth,
                                 "The smallest elements along dim and where they are.",
                                 "x(3,4), 0 | x(3,4), -1, True | xs(3,4), dim=1 | x(), 0 "
                                 "| x(0,3), 1",
                                 "values, indices");
static const Entry entry_amax(
    "amax(input, dim[1]=(), keepdim=False)", direct<amax>, kBoth,
    "The greatest elements over one dimension or several; ties share the gradient.",
    "x(3,4) | x(3,4), 0 | x(2,3,4), (0,2), True | x(), 0 | xs(3,4), dim=-1 | x(3,0,2), (0,2)");
static const Entry entry_amin(
    "amin(input, dim[1]=(), keepdim=False)", direct<amin>, kBoth,
    "The smallest elements over one dimension or several; ties share the gradient.",
    "x(3,4) | x(3,4), 0 | x(2,3,4), (0,2), True | x(), 0 | xs(3,4), dim=-1 | x(3,0,2), (0,2)");
static const Entry entry_aminmax("aminmax(input, *, dim=None, keepdim=False)", function<aminmax>,
                                 kBoth,
                                 "The smallest and the greatest elements, of all or along dim.",
                                 "x(3,4) | x(3,4), dim=0 | x(3,4), dim=-1, keepdim=True | x()",
                                 "min, max");
static const Entry entry_argmax("argmax(input, dim=None, keepdim=False)", direct<argmax>,
                                kBoth | kNoGrad,
                                "The position of the greatest element, the first of equal ones; "
                                "NaN counts as greatest.",
                                "x(3,4) | x(3,4), 0 | xs(3,4), -1, True | x() | x(2,3,4), None");
static const Entry entry_argmin("argmin(input, dim=None, keepdim=False)", direct<argmin>,
                                kBoth | kNoGrad,
                                "The position of the smallest element, the first of equal ones; "
                                "NaN counts as smallest.",
                                "x(3,4) | x(3,4), 0 | xs(3,4), -1, True | x() | x(2,3,4), None");
static const Entry entry_all("all(input)", direct<all_full>, kBoth | kNoGrad,
                             "True if every element is true.", "b(3,4) | x(3,4) | x() | b(0,3)");
static const Entry entry_all_dim("all(input, dim, keepdim=False)", direct<all_along>,
                                 kBoth | kNoGrad,
                                 "True where every element along the dimension is true.",
                                 "b(3,4), 0 | x(), 0, True");
static const Entry entry_all_dims("all(input, dim=None, keepdim=False)", direct<all_over>,
                                  kBoth | kNoGrad,
                                  "True where every element along the dimensions is true.",
                                  "b(2,3,4), (0,2), True | b(3,4), None");
static const Entry entry_any("any(input)", direct<any_full>, kBoth | kNoGrad,
                             "True if an element is true.", "b(3,4) | x(3,4) | x() | b(0,3)");
static const Entry entry_any_dim("any(input, dim, keepdim=False)", direct<any_along>,
                                 kBoth | kNoGrad,
                                 "True where an element along the dimension is true.",
                                 "b(3,4), 0 | x(), 0, True");
static const Entry entry_any_dims("any(input, dim=None, keepdim=False)", direct<any_over>,
                                  kBoth | kNoGrad,
                                  "True where an element along the dimensions is true.",
                                  "b(2,3,4), (0,2), True | b(3,4), None");

}  // namespace pullback
