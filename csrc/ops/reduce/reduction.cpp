// The sum and the mean, and the tools of reduction.h.
#include "ops/reduce/reduction.h"

#include <array>

#include "kernels/copy.h"
#include "kernels/elementwise.h"
#include "kernels/reduce/reduce.h"
#include "ops/basic.h"
#include "ops/followed.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/table.h"

namespace pullback {

DimSet reduced_dim(std::int64_t dim, int ndim) {
  const int d = wrap_dim(dim, ndim);
  return ndim == 0 ? DimSet() : DimSet::one(d);
}

DimSet reduced_dims(const std::optional<Dims>& dim, int ndim) {
  if (!dim || dim->empty()) return DimSet::all(ndim);
  std::uint64_t bits = 0;
  for (const std::int64_t each : *dim) {
    const int d = wrap_dim(each, ndim);
    check(!(bits >> d & 1), "dim ", d, " appears multiple times in the list of dims");
    bits |= std::uint64_t{1} << d;
  }
  return ndim == 0 ? DimSet() : DimSet(bits);
}

Dims reduced_sizes(Sizes sizes, DimSet dims, bool keepdim) {
  const int ndim = static_cast<int>(sizes.size());
  Dims result;
  if (!keepdim && dims.is_all(ndim)) return result;
  for (int d = 0; d < ndim; ++d) {
    if (!dims.has(d)) {
      result.push_back(sizes[static_cast<std::size_t>(d)]);
    } else if (keepdim) {
      result.push_back(1);
    }
  }
  return result;
}

std::int64_t reduced_count(Sizes sizes, DimSet dims) {
  std::int64_t count = 1;
  for (std::size_t d = 0; d < sizes.size(); ++d) {
    if (dims.has(static_cast<int>(d))) count *= sizes[d];
  }
  return count;
}

Tensor restore(const Tensor& reduced, DimSet dims, int ndim, bool keepdim) {
  return dims.is_all(ndim) ? reduced : keep_layout(reduced, dims, ndim, keepdim);
}

Tensor keep_layout(const Tensor& reduced, DimSet dims, int ndim, bool keepdim) {
  if (keepdim || dims.empty()) return reduced;
  Dims sizes(ndim, 1);
  int from = 0;
  for (int d = 0; d < ndim; ++d) {
    if (!dims.has(d)) sizes[d] = reduced.size(from++);
  }
  return reshape(reduced, sizes);
}

Tensor spread_alias(const Tensor& t, Sizes sizes) {
  Dims strides(static_cast<int>(sizes.size()));
  for (int d = 0; d < t.ndim(); ++d) {
    strides[d] = t.size(d) == sizes[static_cast<std::size_t>(d)] ? t.stride(d) : 0;
  }
  return t.alias(sizes, strides);
}

void check_not_empty(const char* name, const Tensor& input, DimSet dims) {
  if (input.numel() != 0) [[likely]] {
    return;
  }
  for (int d = 0; d < input.ndim(); ++d) {
    check(ErrorKind::Index, !dims.has(d) || input.size(d) != 0, name, ": Expected reduction dim ",
          d, " to have non-zero size.");
  }
}

void refuse_complex(const char* kernel, DType dtype) {
  check(ErrorKind::NotImplemented, !is_complex(dtype), "\"", kernel, "\" not implemented for '",
        info(dtype).scalar_name, "'");
}

bool needs_no_order(const char* name, const Tensor& input) {
  if (!is_complex(input.dtype()) || input.has(kBatched)) return false;
  if (input.numel() > 0 && input.ndim() > 0) return false;
  check(!is_followed({&input}), name,
        " does not support automatic differentiation for outputs with complex dtype.");
  return true;
}

KeepView::KeepView(const Tensor& out, DimSet dims, Sizes input_sizes, bool keepdim)
    : view_(view_of(out)) {
  if (keepdim || dims.empty()) return;
  const int ndim = static_cast<int>(input_sizes.size());
  view_.ndim = ndim;
  if (dims.is_all(ndim)) {
    static constexpr auto kOnes = [] {
      std::array<std::int64_t, kMaxDims> ones;
      ones.fill(1);
      return ones;
    }();
    static constexpr std::array<std::int64_t, kMaxDims> kZeros{};
    view_.sizes = kOnes.data();
    view_.strides = kZeros.data();
    return;
  }
  sizes_ = Dims(ndim, 1);
  strides_ = Dims(ndim, 0);
  int from = 0;
  for (int d = 0; d < ndim; ++d) {
    if (dims.has(d)) continue;
    sizes_[d] = out.size(from);
    strides_[d] = out.stride(from++);
  }
  view_.sizes = sizes_.data();
  view_.strides = strides_.data();
}

namespace {

struct SumAttrs {
  Dims from;
  DimSet dims;
  DType dtype;
  DType from_dtype;
  bool keepdim;
  bool full;  // the form without dim
  SumAttrs batched(std::int64_t batch) const {
    SumAttrs b = *this;
    b.from.insert(0, batch);
    b.dims = dims.batched();
    return b;
  }
};

void fill_sum(const SumAttrs& a, const Tensor& x, const Tensor& out) {
  kernels::reduce(kernels::Reduce::Sum, KeepView(out, a.dims, x.sizes(), a.keepdim), view_of(x));
}

// The kernel adds up in the dtype of the elements, integers of any dtype to int64.
bool must_cast(const SumAttrs& a) {
  return a.from_dtype != a.dtype && (is_differentiable(a.from_dtype) || a.dtype != DType::Int64);
}

// The gradient of a sum at every element of the input: a view.
Tensor spread(const SumAttrs& a, const Tensor& gradient) {
  return expand(restore(cast_gradient(gradient, a.from_dtype), a.dims, a.from.size(), a.keepdim),
                a.from);
}

// The elements in the dtype of the result are a copy that only such sums need room for.
template <bool casts>
struct Sum {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  static constexpr bool kLinear = true;
  using Attrs = SumAttrs;
  static const char* node_name(const Attrs& a) { return a.full ? "SumBackward0" : "SumBackward1"; }
  static Spec spec(const Attrs& a, In in) {
    return {reduced_sizes(in[0].sizes(), a.dims, a.keepdim), a.dtype};
  }
  static void workspace(const Attrs&, In in, const Tensor& out, Workspace& w)
    requires casts
  {
    if (in[0].dtype() != out.dtype()) w.need(0, in[0].sizes(), out.dtype());
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w)
    requires casts
  {
    fill_sum(a, w.dense(0, in[0]), out);
  }
  static void fill(const Attrs& a, In in, const Tensor& out) { fill_sum(a, in[0], out); }
  static void vjp(Vjp<Sum>& v) { v.give(0, spread(v.attrs(), v.grad())); }
};

// Divides every element in place.
void divide(const Tensor& out, double by) {
  if (is_complex(out.dtype())) return divide(seen_as_real(out), by);
  if (out.numel() == 1) {
    if (out.dtype() == DType::Float64) {
      *out.data<double>() /= by;
    } else {
      *out.data<float>() /= static_cast<float>(by);
    }
    return;
  }
  kernels::apply(kernels::binary<"div">, view_of(out),
                 {view_of(out), NumberView(by, out.dtype(), out.sizes())});
}

template <bool casts>
struct Mean {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  static constexpr bool kLinear = true;
  using Attrs = SumAttrs;
  static const char* node_name(const Attrs& a) {
    return a.full ? "MeanBackward0" : "MeanBackward1";
  }
  static Spec spec(const Attrs& a, In in) {
    return {reduced_sizes(in[0].sizes(), a.dims, a.keepdim), a.dtype};
  }
  static void workspace(const Attrs& a, In in, const Tensor& out, Workspace& w)
    requires casts
  {
    Sum<true>::workspace(a, in, out, w);
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w)
    requires casts
  {
    Sum<true>::fill(a, in, out, w);
    divide(out, static_cast<double>(reduced_count(in[0].sizes(), a.dims)));
  }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    Sum<false>::fill(a, in, out);
    divide(out, static_cast<double>(reduced_count(in[0].sizes(), a.dims)));
  }
  static void vjp(Vjp<Mean>& v) {
    const Attrs& a = v.attrs();
    // Of no elements the sum of what comes back is 0, also divided.
    const std::int64_t count = std::max<std::int64_t>(1, reduced_count(a.from, a.dims));
    v.give(0, spread(a, v.grad() / static_cast<double>(count)));
  }
};

template <template <bool> class Op>
Tensor apply_sum(const SumAttrs& attrs, const Tensor& input) {
  if (must_cast(attrs)) [[unlikely]]
    return apply<Op<true>>(attrs, input);
  return apply<Op<false>>(attrs, input);
}

DType mean_dtype(DType input, std::optional<DType> dtype) {
  if (!is_differentiable(dtype.value_or(input))) {
    fail("mean(): could not infer output dtype. ", dtype ? "Optional" : "Input",
         " dtype must be either a floating point or complex dtype. Got: ",
         info(dtype.value_or(input)).scalar_name);
  }
  return dtype.value_or(input);
}

DType sum_dtype(DType input, std::optional<DType> dtype) {
  return dtype.value_or(is_differentiable(input) ? input : DType::Int64);
}

}  // namespace

Tensor sum(const Tensor& input, const std::optional<Dims>& dim, bool keepdim,
           std::optional<DType> dtype) {
  return apply_sum<Sum>({input.shape(), reduced_dims(dim, input.ndim()),
                         sum_dtype(input.dtype(), dtype), input.dtype(), keepdim, !dim},
                        input);
}

Tensor mean(const Tensor& input, const std::optional<Dims>& dim, bool keepdim,
            std::optional<DType> dtype) {
  const DType result = mean_dtype(input.dtype(), dtype);
  return apply_sum<Mean>(
      {input.shape(), reduced_dims(dim, input.ndim()), result, input.dtype(), keepdim, !dim},
      input);
}

Tensor sum(const Tensor& input, DimSet dims, bool keepdim) {
  return apply_sum<Sum>({input.shape(), dims, input.dtype(), input.dtype(), keepdim, false}, input);
}

Tensor mean(const Tensor& input, DimSet dims, bool keepdim) {
  return apply_sum<Mean>({input.shape(), dims, input.dtype(), input.dtype(), keepdim, false},
                         input);
}

static Tensor sum_all(const Tensor& input, std::optional<DType> dtype) {
  return sum(input, {}, false, dtype);
}
static Tensor mean_all(const Tensor& input, std::optional<DType> dtype) {
  return mean(input, {}, false, dtype);
}

// None is an empty tuple: the name of the node tells the two forms apart.
static Tensor sum_over(const Tensor& input, const std::optional<Dims>& dim, bool keepdim,
                       std::optional<DType> dtype) {
  return sum(input, dim.value_or(Dims()), keepdim, dtype);
}
static Tensor mean_over(const Tensor& input, const std::optional<Dims>& dim, bool keepdim,
                        std::optional<DType> dtype) {
  return mean(input, dim.value_or(Dims()), keepdim, dtype);
}

static const Entry entry_sum("sum(input, *, dtype=None)", direct<sum_all>, kCastBoth,
                             "The sum of all elements; integers and bools add up to int64.",
                             "x(3,4) | x() | x(0,3) | xs(3,4) | x(2,3), dtype=float64");
static const Entry entry_sum_dim(
    "sum(input, dim[1], keepdim=False, *, dtype=None)", direct<sum_over>, kCastBoth,
    "The sums over one dimension or several; an empty tuple or None means all.",
    "x(3,4), 0 | x(3,4), -1, True | x(2,3,4), (0,2) | x(2,3,4), dim=(0,2), keepdim=True | x(), 0 "
    "| x(0,3), 0 | x(3,0), 0 | xs(3,4), 1 | x(2,3), None | x(2,3), () | x(2,3), None, True");
static const Entry entry_mean("mean(input, *, dtype=None)", direct<mean_all>, kCastBoth,
                              "The mean of all elements of a floating tensor.",
                              "x(3,4) | x() | xs(3,4) | x(2,3), dtype=float64");
static const Entry entry_mean_dim("mean(input, dim[1], keepdim=False, *, dtype=None)",
                                  direct<mean_over>, kCastBoth,
                                  "The means over one dimension or several of a floating tensor.",
                                  "x(3,4), 0 | x(3,4), -1, True | x(2,3,4), (0,2) | x(), 0 "
                                  "| x(3,0), 0 | x(2,3,4), dim=(0,1), keepdim=True | x(2,3), None");

}  // namespace pullback
