// Order statistics: sort, topk, kthvalue, median, mode.
//
// They differ in the kernel only: values along one dimension with the positions they come from.  So
// the derivative gathers tangents there and scatters gradients there.  The median of all elements
// shares its gradient evenly among ties.
#include "ops/order/sorting.h"

#include <limits>

#include "kernels/copy.h"
#include "kernels/order/sort.h"
#include "kernels/rows.h"
#include "ops/basic.h"
#include "ops/index/indexing.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/reduce/reduction.h"
#include "ops/table.h"

namespace pullback {
namespace {

// How many elements of a row are equal to their predecessor or nothing: the longest run of the
// sorted row, its value and the last position among it.
template <typename T>
void mode_of_row(const T* sorted, const std::int64_t* positions, std::int64_t n, T* value,
                 std::int64_t* position) {
  std::int64_t best = 0;
  std::int64_t start = 0;
  for (std::int64_t i = 1; i <= n; ++i) {
    if (i < n && sorted[i] == sorted[start]) continue;
    if (i - start > best) {
      best = i - start;
      *value = sorted[start];
      *position = positions[i - 1];
    }
    start = i;
  }
}

// Inputs and results in two dimensions, the rows being those along `dim`.
// The rows sorted, and what is found in each of them.
void workspace_of_mode(const Tensor& in, int dim, Workspace& w) {
  Dims sizes = in.shape();
  const std::int64_t n = sizes[dim];
  sizes.erase(dim);
  sizes.push_back(n);
  w.need(0, sizes, in.dtype());
  w.need(1, sizes, DType::Int64);
  sizes[sizes.size() - 1] = 1;
  w.need(2, sizes, in.dtype());
  w.need(3, sizes, DType::Int64);
}

void mode_along(const Tensor& values, const Tensor& positions, const Tensor& in, int dim,
                const Workspace& w) {
  const std::int64_t n = in.size(dim);
  const Tensor& sorted = w[0];
  const Tensor& order = w[1];
  const Tensor& value = w[2];
  const Tensor& position = w[3];
  // Seen with the row dimension where it is in the input.
  const auto as_input = [&](const Tensor& t) {
    Dims strides(t.strides());
    const std::int64_t last = strides.back();
    strides.erase(strides.size() - 1);
    strides.insert(dim, last);
    return t.alias(in.sizes(), strides);
  };
  kernels::sort(view_of(as_input(sorted)), view_of(as_input(order)), view_of(in), dim, false, true);
  kernels::visit(in.dtype(), [&]<typename T>() {
    for (std::int64_t row = 0; row < value.numel(); ++row) {
      mode_of_row(sorted.data<T>() + row * n, order.data<std::int64_t>() + row * n, n,
                  value.data<T>() + row, position.data<std::int64_t>() + row);
    }
  });
  kernels::copy(view_of(values),
                view_of(value.alias(values.sizes(), contiguous_strides(values.sizes()))));
  kernels::copy(view_of(positions),
                view_of(position.alias(values.sizes(), contiguous_strides(values.sizes()))));
}

// Results: values, indices.
struct Ordered {
  enum class Kind : std::uint8_t { Sort, StableSort, TopK, Kth, Median, NanMedian, Mode };
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 2;
  struct Attrs {
    Kind kind;
    int dim;  // -1: of a tensor without dimensions
    Dims whole;
    bool flag = false;  // descending, or largest
    std::int64_t k = 1;
    bool keepdim = true;  // else `dim` goes away
    Attrs batched(std::int64_t batch) const {
      Attrs b = *this;
      if (dim >= 0) ++b.dim;
      b.whole.insert(0, batch);
      return b;
    }
    Dims kept_sizes() const {
      Dims sizes = whole;
      if (kind != Kind::Sort && kind != Kind::StableSort) sizes[dim] = kind == Kind::TopK ? k : 1;
      return sizes;
    }
  };
  static const char* node_name(const Attrs& a) {
    switch (a.kind) {
      case Kind::Sort:
        return "SortBackward0";
      case Kind::StableSort:
        return "SortBackward1";
      case Kind::TopK:
        return "TopkBackward0";
      case Kind::Kth:
        return "KthvalueBackward0";
      case Kind::Median:
        return "MedianBackward1";
      case Kind::NanMedian:
        return "NanmedianBackward1";
      case Kind::Mode:
        return "ModeBackward0";
    }
    __builtin_unreachable();
  }
  static std::array<Spec, 2> spec(const Attrs& a, In in) {
    Dims sizes = a.whole;
    if (a.dim >= 0) {
      sizes = a.kept_sizes();
      if (!a.keepdim) sizes.erase(a.dim);
    }
    return {Spec{sizes, in[0].dtype()}, Spec{sizes, DType::Int64}};
  }
  // A sorted copy keeps the layout; the selections are row-major, as in torch.
  static std::array<Tensor, 2> make_all(const Attrs& a, const Tensor& x,
                                        const std::array<Spec, 2>& specs) {
    if (a.kind == Kind::Sort || a.kind == Kind::StableSort) {
      return {empty_strided_like(x, x.dtype()), empty_strided_like(x, DType::Int64)};
    }
    return {Tensor::empty(specs[0].sizes, specs[0].dtype),
            Tensor::empty(specs[1].sizes, specs[1].dtype)};
  }
  static void workspace(const Attrs& a, In in, const Tensor&, Workspace& w) {
    if (a.kind == Kind::Mode && a.dim >= 0) workspace_of_mode(in[0], a.dim, w);
  }
  static void fill(const Attrs& a, In in, const std::array<Tensor, 2>& out, const Workspace& w) {
    if (a.dim < 0) {
      copy_values(out[0], in[0]);
      std::fill_n(out[1].data<std::int64_t>(), out[1].numel(), 0);
      return;
    }
    const Dims kept = a.kept_sizes();
    const auto as_kept = [&](const Tensor& t) {
      Dims strides(t.strides());
      if (!a.keepdim) strides.insert(a.dim, 0);
      return t.alias(kept, strides);
    };
    const Tensor values = as_kept(out[0]);
    const Tensor indices = as_kept(out[1]);
    if (values.numel() == 0) return;
    const kernels::View v = view_of(values);
    const kernels::View i = view_of(indices);
    const kernels::View x = view_of(in[0]);
    switch (a.kind) {
      case Kind::Sort:
      case Kind::StableSort:
        return kernels::sort(v, i, x, a.dim, a.flag, true);
      case Kind::TopK:
        return kernels::topk(v, i, x, a.dim, a.flag, true);
      case Kind::Kth:
        return kernels::kthvalue(v, i, x, a.k, a.dim);
      case Kind::Median:
      case Kind::NanMedian:
        return kernels::median(v, i, x, a.dim, a.kind == Kind::NanMedian);
      case Kind::Mode:
        return mode_along(values, indices, in[0], a.dim, w);
    }
  }
  static constexpr Reads kReads = kReadsZ;
  static void vjp(Vjp<Ordered>& v) {
    const Attrs& a = v.attrs();
    if (!v.grad().defined() || a.dim < 0) return v.give(0, v.grad());
    const Tensor zeros = expanded_zeros(a.whole, v.grad().dtype());
    const Tensor index = a.keepdim ? v.out(1) : unsqueeze(v.out(1), a.dim);
    const Tensor gradient = a.keepdim ? v.grad() : unsqueeze(v.grad(), a.dim);
    v.give(0, scatter_add(zeros, a.dim, index, gradient));
  }
  static std::array<Tensor, 2> jvp(Jvp<Ordered>& j) {
    const Attrs& a = j.attrs();
    if (a.dim < 0) return {j.tangent(0), Tensor()};
    if (a.keepdim) return {gather(j.tangent(0), a.dim, j.out(1)), Tensor()};
    const Tensor picked = gather(j.tangent(0), a.dim, unsqueeze(j.out(1), a.dim));
    return {squeeze_dim(picked, a.dim), Tensor()};
  }
};

using OrderKind = Ordered::Kind;

Ordered::Attrs along(OrderKind kind, const Tensor& input, std::int64_t dim) {
  const int d = wrap_dim(dim, input.ndim());
  return {kind, input.ndim() == 0 ? -1 : d, input.shape()};
}

// For reductions along a dimension.
Ordered::Attrs reducing(const char* name, OrderKind kind, const Tensor& input, std::int64_t dim,
                        bool keepdim) {
  Ordered::Attrs a = along(kind, input, dim);
  a.keepdim = keepdim;
  if (a.dim >= 0 && input.size(a.dim) == 0) {
    fail(ErrorKind::Index, name, "(): Expected reduction dim ", a.dim, " to have non-zero size.");
  }
  return a;
}

// The median of all elements (those behind the batch).
struct MedianOfAll {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  struct Attrs {
    int lead;
    bool nan_ignored;
    Attrs batched(std::int64_t) const { return {lead + 1, nan_ignored}; }
  };
  static const char* node_name(const Attrs& a) {
    return a.nan_ignored ? "NanmedianBackward0" : "MedianBackward0";
  }
  static Spec spec(const Attrs& a, In in) {
    return {in[0].sizes().subspan(0, static_cast<std::size_t>(a.lead)), in[0].dtype()};
  }
  static void workspace(const Attrs&, In in, const Tensor& out, Workspace& w) {
    w.need_dense(0, in[0]);
    w.need(1, {{out.numel(), 1}}, in[0].dtype());
    w.need(2, {{out.numel(), 1}}, DType::Int64);
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    const Tensor& x = w.dense(0, in[0]);
    const std::int64_t n = out.numel() == 0 ? 0 : x.numel() / out.numel();
    if (n == 0) return fill_values(out, Scalar(std::numeric_limits<double>::quiet_NaN()));
    const Dims rows{out.numel(), n};
    const Tensor& values = w[1];
    const Tensor& indices = w[2];
    kernels::median(view_of(values), view_of(indices),
                    view_of(x.alias(rows, contiguous_strides(rows))), 1, a.nan_ignored);
    copy_values(out, values.alias(out.sizes(), contiguous_strides(out.sizes())));
  }
  static DimSet dims(const Attrs& a, const Tensor& x) {
    return DimSet(DimSet::all(x.ndim() - a.lead).bits() << a.lead);
  }
  static Tensor shares(const Attrs& a, const Tensor& x, const Tensor& value) {
    return tie_shares(x, keep_layout(value, dims(a, x), x.ndim(), false), dims(a, x), true);
  }
  static constexpr Reads kReads = kReadsX | kReadsY;
  static void vjp(Vjp<MedianOfAll>& v) {
    const Attrs& a = v.attrs();
    const Tensor x = v.in(0);
    v.give(0,
           shared_by_ties(restore(v.grad(), dims(a, x), x.ndim(), false), shares(a, x, v.out())));
  }
  static Tensor jvp(Jvp<MedianOfAll>& j) {
    const Attrs& a = j.attrs();
    const Tensor& x = j.in(0);
    return sum(shared_by_ties(j.tangent(0), shares(a, x, j.out())), dims(a, x), false);
  }
};

std::array<Tensor, 2> sorted(OrderKind kind, const Tensor& input, std::int64_t dim,
                             bool descending) {
  Ordered::Attrs a = along(kind, input, dim);
  check(!is_complex(input.dtype()), " Sort does not support complex dtypes on CPU");
  a.flag = descending;
  return apply<Ordered>(a, input);
}
std::array<Tensor, 2> sort_stable(const Tensor& input, std::optional<bool>, std::int64_t dim,
                                  bool descending) {
  return sorted(OrderKind::StableSort, input, dim, descending);
}

std::array<Tensor, 2> kthvalue(const Tensor& input, std::int64_t k, std::int64_t dim,
                               bool keepdim) {
  Ordered::Attrs a = reducing("kthvalue", OrderKind::Kth, input, dim, keepdim);
  const std::int64_t n = a.dim < 0 ? 1 : input.size(a.dim);
  check(k >= 1 && k <= n, "kthvalue(): selected number k out of range for dimension ",
        std::max(a.dim, 0));
  check(ErrorKind::NotImplemented, input.dtype() != DType::Bool || a.dim < 0,
        "\"kthvalue_cpu\" not implemented for 'Bool'");
  if (input.ndim() == 0 && needs_no_order("kthvalue", input)) {
    return {clone(input), Tensor::zeros(Dims{}, DType::Int64)};
  }
  refuse_complex("kthvalue_cpu", input.dtype());
  a.k = k;
  return apply<Ordered>(a, input);
}

// The median of no complex numbers, as in torch.
bool is_median_of_nothing(const char* name, const Tensor& input) {
  return input.numel() == 0 && needs_no_order(name, input);
}
Tensor no_median(const Tensor& input) {
  return Tensor::full(Dims{}, Scalar(std::numeric_limits<double>::quiet_NaN()), input.dtype());
}
void check_median(const Tensor& input, const char* kernel) {
  check(ErrorKind::NotImplemented, input.dtype() != DType::Bool,
        "\"median_cpu\" not implemented for 'Bool'");
  refuse_complex(kernel, input.dtype());
}
std::array<Tensor, 2> median_along(const Tensor& input, std::int64_t dim, bool keepdim) {
  const Ordered::Attrs a = reducing("median", OrderKind::Median, input, dim, keepdim);
  check_median(input, "median_out");
  return apply<Ordered>(a, input);
}
std::array<Tensor, 2> nanmedian_along(const Tensor& input, std::int64_t dim, bool keepdim) {
  const Ordered::Attrs a = reducing("nanmedian", OrderKind::NanMedian, input, dim, keepdim);
  check_median(input, "median_out");
  return apply<Ordered>(a, input);
}
std::array<Tensor, 2> mode_entry(const Tensor& input, std::int64_t dim, bool keepdim) {
  const Ordered::Attrs a = reducing("mode", OrderKind::Mode, input, dim, keepdim);
  if (needs_no_order("mode", input)) {
    if (input.ndim() == 0) return {clone(input), Tensor::zeros(Dims{}, DType::Int64)};
    const Dims sizes = reduced_sizes(input.sizes(), reduced_dim(dim, input.ndim()), keepdim);
    return {Tensor::zeros(sizes, input.dtype()), Tensor::zeros(sizes, DType::Int64)};
  }
  refuse_complex("mode_cpu", input.dtype());
  return apply<Ordered>(a, input);
}
Tensor median(const Tensor& input) {
  if (is_median_of_nothing("median", input)) return no_median(input);
  check_median(input, "median_cpu");
  return apply<MedianOfAll>({0, false}, input);
}
Tensor nanmedian(const Tensor& input) {
  if (is_median_of_nothing("nanmedian", input)) return no_median(input);
  check_median(input, "median_cpu");
  return apply<MedianOfAll>({0, true}, input);
}
Tensor msort(const Tensor& input) { return sort(input, 0)[0]; }
Tensor argsort_stable(const Tensor& input, bool, std::int64_t dim, bool descending) {
  return argsort(input, dim, descending);
}

}  // namespace

std::array<Tensor, 2> sort(const Tensor& input, std::int64_t dim, bool descending) {
  return sorted(OrderKind::Sort, input, dim, descending);
}

Tensor argsort(const Tensor& input, std::int64_t dim, bool descending) {
  const Tensor positions = sort(detached(input), dim, descending)[1];
  if ((input.requires_grad() || input.has(kCut)) && !mode.pass) {
    const Tensor* pointer = &input;
    detail::note_cuts(In(&pointer, 1), as_span(positions));
  }
  return positions;
}

std::array<Tensor, 2> topk(const Tensor& input, std::int64_t k, std::int64_t dim, bool largest,
                           bool) {
  Ordered::Attrs a = along(OrderKind::TopK, input, dim);
  const std::int64_t n = a.dim < 0 ? 1 : input.size(a.dim);
  check(k >= 0 && k <= n, "selected index k out of range");
  check(!is_complex(input.dtype()), " topk does not support complex dtypes on CPU");
  check(input.dtype() != DType::Bool, "topk does not support bool dtypes on CPU");
  a.flag = largest;
  a.k = k;
  return apply<Ordered>(a, input);
}

static constexpr const char* kFields = "values, indices";

static const Entry entry_sort(
    "sort(input, dim=-1, descending=False)", function<sort>, kBoth,
    "The elements along dim in order, and their positions. Equal elements keep their order.",
    "x(3,4) | x(3,4), 0 | x(3,4), -1, True | xs(3,4), 0, descending=True | x() | x(0,3), 0",
    kFields);
static const Entry entry_sort_stable("sort(input, *, stable, dim=-1, descending=False)",
                                     function<sort_stable>, kBoth,
                                     "The elements along dim in order; sorting is always stable.",
                                     "x(3,4), stable=True | x(3,4), stable=False, dim=0", kFields);
static const Entry entry_argsort("argsort(input, dim=-1, descending=False)", function<argsort>,
                                 kBoth | kNoGrad,
                                 "The positions of the elements along dim in order.",
                                 "c(3,4) | c(3,4), 0, True | c()");
static const Entry entry_argsort_stable("argsort(input, *, stable, dim=-1, descending=False)",
                                        function<argsort_stable>, kBoth | kNoGrad,
                                        "The positions of the elements along dim in order.",
                                        "c(3,4), stable=True");
static const Entry entry_msort("msort(input)", function<msort>, kBoth,
                               "The elements along the first dimension in order.",
                               "x(3,4) | x(3) | x()");
static const Entry entry_topk(
    "topk(input, k:index, dim=-1, largest=True, sorted=True)", function<topk>, kBoth,
    "The k largest (or smallest) elements along dim, in order, and their positions.",
    "x(3,4), 2 | x(3,4), 1, 0 | x(3,4), 3, -1, False | xs(3,4), 4, largest=False "
    "| x(3,4), 0 | x(), 1",
    kFields);
static const Entry entry_kthvalue(
    "kthvalue(input, k:index, dim=-1, keepdim=False)", function<kthvalue>, kBoth,
    "The k-th smallest element along dim, and its position.",
    "x(3,4), 2 | x(3,4), 1, 0 | x(3,4), 3, 1, True | xs(3,4), 4 | x(), 1", kFields);
static const Entry entry_median("median(input)", function<median>, kFunctionForm | kMethodForm,
                                "The lower median of all elements.",
                                "x(3,4) | x(5) | xs(3,3) | x()");
static const Entry entry_median_along("median(input, dim, keepdim=False)", function<median_along>,
                                      kBoth, "The lower median along dim, and its position.",
                                      "x(3,4), 1 | x(3,4), 0, True | xs(3,4), -1 | x(), 0",
                                      kFields);
static const Entry entry_nanmedian("nanmedian(input)", function<nanmedian>,
                                   kFunctionForm | kMethodForm,
                                   "The lower median of the elements that are not NaN.",
                                   "x(3,4) | x()");
static const Entry entry_nanmedian_along(
    "nanmedian(input, dim, keepdim=False)", function<nanmedian_along>, kBoth,
    "The lower median along dim without NaN, and its position.", "x(3,4), 1 | x(3,4), 0, True",
    kFields);
static const Entry entry_mode("mode(input, dim=-1, keepdim=False)", function<mode_entry>, kBoth,
                              "The smallest of the most frequent elements along dim, and its last "
                              "position.",
                              "x(3,4) | x(3,4), 0 | x(3,4), 1, True | xs(3,4), 0 | x()", kFields);

}  // namespace pullback
