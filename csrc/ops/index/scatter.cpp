// Reading and writing single elements along one dimension: gather, scatter and what is made of
// them.
//
// gather and scatter_add are the transpose of each other; the index of a batch is batched like any
// other input.
#include "kernels/copy.h"
#include "kernels/index/index.h"
#include "ops/basic.h"
#include "ops/index/indexing.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/shape/view.h"
#include "ops/shape/window.h"
#include "ops/table.h"

namespace pullback {
namespace {

struct Gather {
  static constexpr const char* kNode = "GatherBackward0";
  static constexpr int kInputs = 2;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
  struct Attrs {
    int dim;
    Dims whole;
    Attrs batched(std::int64_t batch) const {
      Attrs b{dim + 1, whole};
      b.whole.insert(0, batch);
      return b;
    }
  };
  static Spec spec(const Attrs&, In in) { return {in[1].shape(), in[0].dtype()}; }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    kernels::gather(view_of(out), view_of(in[0]), view_of(in[1]), a.dim);
  }
  static constexpr Reads kReads = kReadsB;
  static void vjp(Vjp<Gather>& v) {
    const Attrs& a = v.attrs();
    v.give(0, scatter_add(expanded_zeros(a.whole, v.grad().dtype()), a.dim, v.in(1), v.grad()));
  }
  static Tensor jvp(Jvp<Gather>& j) { return gather(j.tangent(0), j.attrs().dim, j.in(1)); }
};

struct DimAttrs {
  int dim;
  DimAttrs batched(std::int64_t) const { return {dim + 1}; }
};

// Inputs: x, index, src, which covers index exactly.
struct ScatterAdd {
  static constexpr const char* kNode = "ScatterAddBackward0";
  static constexpr int kInputs = 3;
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  using Attrs = DimAttrs;
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    kernels::copy(view_of(out), view_of(in[0]));
    kernels::scatter_add(view_of(out), view_of(in[1]), view_of(in[2]), a.dim);
  }
  static constexpr Reads kReads[] = {kReadsNothing, kReadsNothing, kReadsB};
  static void vjp(Vjp<ScatterAdd>& v) {
    if (v.wants(0)) v.give(0, v.grad());
    if (v.wants(2)) v.give(2, gather(v.grad(), v.attrs().dim, v.in(1)));
  }
  static Tensor jvp(Jvp<ScatterAdd>& j) {
    return scatter_add(tangent_or_zeros(j.tangent(0), j.in(0)), j.attrs().dim, j.in(1),
                       tangent_or_zeros(j.tangent(2), j.in(2)));
  }
};

struct Scatter {
  static constexpr const char* kNode = "ScatterBackward0";
  static constexpr int kInputs = 3;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
  using Attrs = DimAttrs;
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    kernels::copy(view_of(out), view_of(in[0]));
    kernels::scatter(view_of(out), view_of(in[1]), view_of(in[2]), a.dim);
  }
  static constexpr Reads kReads = kReadsB;
  static void vjp(Vjp<Scatter>& v) {
    const int dim = v.attrs().dim;
    const Tensor index = v.in(1);
    if (v.wants(0)) v.give(0, scatter_value(v.grad(), dim, index, Scalar(0)));
    if (v.wants(2)) v.give(2, gather(v.grad(), dim, index));
  }
  static Tensor jvp(Jvp<Scatter>& j) {
    return scatter(tangent_or_zeros(j.tangent(0), j.in(0)), j.attrs().dim, j.in(1),
                   tangent_or_zeros(j.tangent(2), j.in(2)));
  }
};

struct ScatterValue {
  static constexpr const char* kNode = "ScatterBackward1";
  static constexpr int kInputs = 2;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
  struct Attrs {
    int dim;
    Scalar value;
    Attrs batched(std::int64_t) const { return {dim + 1, value}; }
  };
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    kernels::copy(view_of(out), view_of(in[0]));
    const NumberView src(a.value, out.dtype(), in[1].sizes());
    kernels::scatter(view_of(out), view_of(in[1]), src, a.dim);
  }
  static constexpr Reads kReads = kReadsB;
  static void vjp(Vjp<ScatterValue>& v) {
    v.give(0, scatter_value(v.grad(), v.attrs().dim, v.in(1), Scalar(0)));
  }
  static Tensor jvp(Jvp<ScatterValue>& j) {
    return scatter_value(j.tangent(0), j.attrs().dim, j.in(1), Scalar(0));
  }
};

Tensor wide_index(const char* name, const Tensor& index) {
  check(index.dtype() == DType::Int64 || index.dtype() == DType::Int32 || index.numel() == 0, name,
        "(): Expected dtype int32/int64 for index");
  return index.dtype() == DType::Int64 ? index : cast(index, DType::Int64);
}

// Tensors without dimensions count as having one element along dimension 0.
int dims_of(const Tensor& t) { return std::max(t.ndim(), 1); }
std::int64_t size_of(const Tensor& t, int d) { return t.ndim() == 0 ? 1 : t.size(d); }

void check_scatter(const Tensor& input, int dim, const Tensor& index, const Tensor* src) {
  check(!src || input.dtype() == src->dtype(),
        "scatter(): Expected self.dtype to be equal to src.dtype");
  if (index.numel() == 0) return;
  check(dims_of(index) == dims_of(input),
        "Index tensor must have the same number of dimensions as self tensor");
  check(!src || dims_of(index) == dims_of(*src),
        "Index tensor must have the same number of dimensions as src tensor");
  bool fits = true;
  for (int d = 0; d < dims_of(input); ++d) {
    if (d != dim) fits &= size_of(index, d) <= size_of(input, d);
    if (src) fits &= size_of(index, d) <= size_of(*src, d);
  }
  if (fits) return;
  std::ostringstream tail;
  if (src) tail << " and to be no larger size than src " << src->shape();
  fail("Expected index ", index.shape(), " to be no larger than self ", input.shape(),
       " apart from dimension ", dim, tail.str());
}

// The part of src that index covers.
Tensor covered(const Tensor& src, const Tensor& index) {
  Tensor part = src;
  if (index.ndim() == 0 || src.ndim() == 0) return reshape(part, index.sizes());
  for (int d = 0; d < index.ndim(); ++d) {
    if (part.size(d) != index.size(d)) part = narrow(part, d, 0, index.size(d));
  }
  return part;
}

}  // namespace

ScatterArguments check_scatter(const Tensor& input, std::int64_t dim, const Tensor& index,
                               const Tensor& src) {
  const int d = wrap_dim(dim, input.ndim());
  const Tensor at = wide_index("scatter", index);
  check_scatter(input, d, at, &src);
  return {d, at, covered(src, at)};
}

Tensor gather(const Tensor& input, std::int64_t dim, const Tensor& index) {
  const int d = wrap_dim(dim, input.ndim());
  const Tensor at = wide_index("gather", index);
  if (at.numel() > 0) {
    check(dims_of(at) == dims_of(input),
          "Index tensor must have the same number of dimensions as input tensor");
    for (int k = 0; k < at.ndim(); ++k) {
      check(k == d || at.size(k) <= size_of(input, k), "Size does not match at dimension ", k,
            " expected index ", at.shape(), " to be no larger than self ", input.shape(),
            " apart from dimension ", d);
    }
  }
  if (input.ndim() == 0 || at.ndim() == 0) {
    return unsafe_view(gather(reshape(input, {{-1}}), 0, reshape(at, {{-1}})), at.sizes(),
                       Gather::kNode);
  }
  return apply<Gather>({d, input.shape()}, input, at);
}

Tensor scatter_add(const Tensor& input, std::int64_t dim, const Tensor& index, const Tensor& src) {
  const int d = wrap_dim(dim, input.ndim());
  const Tensor at = wide_index("scatter", index);
  check_scatter(input, d, at, &src);
  if (at.numel() == 0 && at.ndim() != input.ndim()) return clone(input);
  if (input.ndim() == 0 || at.ndim() == 0) {
    return unsafe_view(
        scatter_add(reshape(input, {{-1}}), 0, reshape(at, {{-1}}), reshape(src, {{-1}})),
        input.sizes(), ScatterAdd::kNode);
  }
  return apply<ScatterAdd>({d}, input, at, covered(src, at));
}

Tensor scatter(const Tensor& input, std::int64_t dim, const Tensor& index, const Tensor& src) {
  const int d = wrap_dim(dim, input.ndim());
  const Tensor at = wide_index("scatter", index);
  check_scatter(input, d, at, &src);
  if (at.numel() == 0 && at.ndim() != input.ndim()) return clone(input);
  if (input.ndim() == 0 || at.ndim() == 0) {
    return unsafe_view(
        scatter(reshape(input, {{-1}}), 0, reshape(at, {{-1}}), reshape(src, {{-1}})),
        input.sizes(), Scatter::kNode);
  }
  return apply<Scatter>({d}, input, at, covered(src, at));
}

Tensor scatter_value(const Tensor& input, std::int64_t dim, const Tensor& index, Scalar value) {
  const int d = wrap_dim(dim, input.ndim());
  const Tensor at = wide_index("scatter", index);
  check_scatter(input, d, at, nullptr);
  if (at.numel() == 0 && at.ndim() != input.ndim()) return clone(input);
  if (input.ndim() == 0 || at.ndim() == 0) {
    return unsafe_view(scatter_value(reshape(input, {{-1}}), 0, reshape(at, {{-1}}), value),
                       input.sizes(), ScatterValue::kNode);
  }
  return apply<ScatterValue>({d, fitting(value, input.dtype())}, input, at);
}

Tensor take_along_dim(const Tensor& input, const Tensor& indices, std::optional<std::int64_t> dim) {
  check(indices.dtype() == DType::Int64,
        "torch.take_along_dim(): dtype of indices should be Long but got ",
        info(indices.dtype()).scalar_name);
  if (!dim) {
    return gather(reshape(input, {{-1}}), 0, reshape(indices, {{-1}}));
  }
  check(input.ndim() == indices.ndim(),
        "torch.take_along_dim(): input and indices should have the same number of dimensions, but "
        "got ",
        input.ndim(), " dimensions for input, and ", indices.ndim(), " dimensions for indices");
  const int d = wrap_dim(*dim, input.ndim());
  if (input.ndim() == 0) return gather(input, 0, indices);
  const auto broadcast_except = [d](const Tensor& t, const Tensor& other) {
    Dims sizes(t.sizes());
    Dims others(other.sizes());
    others[d] = sizes[d];
    const Dims common = broadcast(sizes, others);
    return same(common, t.sizes()) ? t : expand(t, common);
  };
  const Tensor positions = from_end(indices, input.size(d));
  return gather(broadcast_except(input, indices), d, broadcast_except(positions, input));
}

inline constexpr std::uint32_t kScatter = kBoth | kInPlaceForm | kWritesPart;

static Tensor gather_entry(const Tensor& input, std::int64_t dim, const Tensor& index,
                           bool sparse_grad) {
  check(ErrorKind::NotImplemented, !sparse_grad,
        "gather(): got sparse_grad=True, expected False: there are no sparse tensors.");
  return gather(input, dim, index);
}

static const Entry entry_gather("gather(input, dim, index, *, sparse_grad=False)",
                                function<gather_entry>, kBoth | kOutApart,
                                "out[i][j] = input[index[i][j]][j], for dim 0.",
                                "x(3,4), 0, i(2,4, high=3) | x(3,4), 1, i(3,5, high=4) | xs(3,4), "
                                "-1, i(2,2, high=4) | x(), 0, i(3, high=1) | x(3), 0, i(4, high=3) "
                                "| x(3,4), 0, i(0,4, high=3)");
static const Entry entry_scatter("scatter(input, dim, index, src)", function<scatter>, kScatter,
                                 "A copy of input with out[index[i][j]][j] = src[i][j], for dim 0.",
                                 "x(3,4), 0, i(1,4, high=3), x(1,4) | x(3,4), 1, i(3,1, high=4), "
                                 "x(3,2) | xs(3,4), -1, i(2,1, high=4), xs(2,4)");
static const Entry entry_scatter_value(
    "scatter(input, dim, index, value)", function<scatter_value>, kScatter,
    "A copy of input with out[index[i][j]][j] = value, for dim 0.",
    "x(3,4), 0, i(2,4, high=3), 1.5 | xs(3,4), 1, i(3,1, high=4), value=2.0 | x(), 0, "
    "i(1, high=1), 3.0");
static const Entry entry_scatter_add(
    "scatter_add(input, dim, index, src)", function<scatter_add>, kScatter,
    "A copy of input with out[index[i][j]][j] += src[i][j], for dim 0.",
    "x(3,4), 0, i(2,4, high=3), x(2,4) | x(3,4), 1, i(3,6, high=4), x(3,6) | xs(3,4), -1, "
    "i(2,3, high=4), x(3,4) | x(3,4), 0, i(0,4, high=3), x(0,4)");
static const Entry entry_take_along_dim(
    "take_along_dim(input, indices, dim=None)", function<take_along_dim>, kBoth,
    "gather with the other dimensions broadcast; without dim from the flat input.",
    "x(3,4), i(2,4, high=3), 0 | x(3,4), i(1,2, high=4), 1 | x(3,4), i(5, high=12) | x(1,4), "
    "i(3,2, high=4), dim=1");

}  // namespace pullback
