// Reading and writing whole slices along one dimension: index_select, index_add, index_copy,
// index_fill.
//
// With an index that differs within a batch they become gather and scatter.
#include "kernels/copy.h"
#include "kernels/index/index.h"
#include "ops/basic.h"
#include "ops/destination.h"
#include "ops/index/indexing.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/compare.h"
#include "ops/pointwise/select.h"
#include "ops/shape/view.h"
#include "ops/table.h"

namespace pullback {
namespace {

// The inputs of a call inside vmap, with the index (input 1) either plain or in the shape that
// gather and scatter want.
struct BatchedSlices {
  int dim;
  bool differs;
  Tensor x;
  Tensor index;
  Tensor source;

  // `like_source`: the index takes the shape of the source, else that of x with its own length.
  BatchedSlices(int logical_dim, In in, int level) : dim(logical_dim + 1) {
    const detail::Unwrapped u = detail::unwrap(in);
    differs = in[1].has(kBatched) && meta_of(in[1])->level == level;
    x = u.tensors[0];
    index = differs ? u.tensors[1] : in[1];
    if (in.size() > 2) source = u.tensors[2];
    if (!differs) return;
    Dims sizes = x.shape();
    sizes[dim] = index.ndim() == 2 ? index.size(1) : 1;
    Dims ones(x.ndim(), 1);
    ones[0] = sizes[0];
    ones[dim] = sizes[dim];
    index = expand(reshape(index, ones), sizes);
  }
};

struct IndexSelect {
  static constexpr const char* kNode = "IndexSelectBackward0";
  static constexpr int kInputs = 2;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
  struct Attrs {
    int dim;
    Dims whole;
  };
  static Tensor batch(const Attrs& a, In in, int level) {
    const BatchedSlices b(a.dim, in, level);
    return make_batched(b.differs ? gather(b.x, b.dim, b.index) : index_select(b.x, b.dim, b.index),
                        level);
  }
  static Spec spec(const Attrs& a, In in) {
    Dims sizes = in[0].shape();
    sizes[a.dim] = in[1].numel();
    return {sizes, in[0].dtype()};
  }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    kernels::index_select(view_of(out), view_of(in[0]), view_of(in[1]), a.dim);
  }
  static constexpr Reads kReads = kReadsB;
  static void vjp(Vjp<IndexSelect>& v) {
    const Attrs& a = v.attrs();
    v.give(0, index_add(expanded_zeros(a.whole, v.grad().dtype()), a.dim, v.in(1), v.grad()));
  }
  static Tensor jvp(Jvp<IndexSelect>& j) {
    return index_select(j.tangent(0), j.attrs().dim, j.in(1));
  }
};

struct IndexAdd {
  static constexpr const char* kNode = "IndexAddBackward0";
  static constexpr int kInputs = 3;
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  struct Attrs {
    int dim;
    Scalar alpha;
  };
  static Tensor batch(const Attrs& a, In in, int level) {
    const BatchedSlices b(a.dim, in, level);
    return make_batched(b.differs
                            ? scatter_add(b.x, b.dim, b.index, mul(b.source, Operand(a.alpha)))
                            : index_add(b.x, b.dim, b.index, b.source, a.alpha),
                        level);
  }
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    kernels::copy(view_of(out), view_of(in[0]));
    kernels::index_add(view_of(out), a.dim, view_of(in[1]), view_of(in[2]), a.alpha);
  }
  static constexpr Reads kReads[] = {kReadsNothing, kReadsNothing, kReadsB};
  static void vjp(Vjp<IndexAdd>& v) {
    const Attrs& a = v.attrs();
    if (v.wants(0)) v.give(0, v.grad());
    if (!v.wants(2)) return;
    const Tensor part = index_select(v.grad(), a.dim, v.in(1));
    v.give(2, a.alpha.is(1) ? part : mul(part, Operand(a.alpha.conj())));
  }
  static Tensor jvp(Jvp<IndexAdd>& j) {
    return index_add(tangent_or_zeros(j.tangent(0), j.in(0)), j.attrs().dim, j.in(1),
                     tangent_or_zeros(j.tangent(2), j.in(2)), j.attrs().alpha);
  }
};

// index_fill with an index of either dtype.
Tensor fill_slices(const Tensor& input, std::int64_t dim, const Tensor& index, Scalar value);

struct IndexCopy {
  static constexpr const char* kNode = "IndexCopyBackward0";
  static constexpr int kInputs = 3;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
  struct Attrs {
    int dim;
  };
  static Tensor batch(const Attrs& a, In in, int level) {
    const BatchedSlices b(a.dim, in, level);
    return make_batched(b.differs ? scatter(b.x, b.dim, b.index, b.source)
                                  : index_copy(b.x, b.dim, b.index, b.source),
                        level);
  }
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    kernels::copy(view_of(out), view_of(in[0]));
    kernels::index_copy("index_copy_", view_of(out), a.dim, view_of(in[1]), view_of(in[2]));
  }
  static constexpr Reads kReads = kReadsB;
  static void vjp(Vjp<IndexCopy>& v) {
    const int dim = v.attrs().dim;
    const Tensor index = v.in(1);
    if (v.wants(0)) v.give(0, fill_slices(v.grad(), dim, index, Scalar(0)));
    if (v.wants(2)) v.give(2, index_select(v.grad(), dim, index));
  }
  static Tensor jvp(Jvp<IndexCopy>& j) {
    return index_copy(tangent_or_zeros(j.tangent(0), j.in(0)), j.attrs().dim, j.in(1),
                      tangent_or_zeros(j.tangent(2), j.in(2)));
  }
};

Tensor index_fill_tensor(const Tensor& input, std::int64_t dim, const Tensor& index,
                         const Tensor& value);

// The value is a number or the third input, a tensor without dimensions.
struct IndexFill {
  static constexpr int kInputs = 3;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
  struct Attrs {
    int dim;
    Scalar value;
    bool is_tensor;
  };
  static const char* node_name(const Attrs& a) {
    return a.is_tensor ? "IndexFillBackward1" : "IndexFillBackward0";
  }
  static Tensor batch(const Attrs& a, In in, int level) {
    BatchedSlices b(a.dim, in, level);
    if (b.differs || a.is_tensor) {  // those functions do not count from the end
      b.index = from_end(b.index, b.x.size(b.dim));
    }
    if (!a.is_tensor) {
      return make_batched(b.differs ? scatter_value(b.x, b.dim, b.index, a.value)
                                    : fill_slices(b.x, b.dim, b.index, a.value),
                          level);
    }
    Dims sizes = b.x.shape();
    sizes[b.dim] = b.differs ? b.index.size(b.dim) : b.index.numel();
    Dims ones(sizes.size(), 1);
    ones[0] = sizes[0];
    const Tensor source = expand(reshape(b.source, ones), sizes);
    return make_batched(
        b.differs ? scatter(b.x, b.dim, b.index, source) : index_copy(b.x, b.dim, b.index, source),
        level);
  }
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  static Tensor make(const Attrs&, const Tensor& x) { return empty_strided_like(x, x.dtype()); }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    kernels::copy(view_of(out), view_of(in[0]));
    Dims sizes = out.shape();
    sizes[a.dim] = in[1].numel();
    const NumberView source(a.is_tensor ? in[2].item() : a.value, out.dtype(), sizes);
    kernels::index_copy("index_fill_", view_of(out), a.dim, view_of(in[1]), source, true);
  }
  static constexpr Reads kReads = kReadsB;
  static void vjp(Vjp<IndexFill>& v) {
    const int dim = v.attrs().dim;
    const Tensor index = v.in(1);
    if (v.wants(0)) v.give(0, fill_slices(v.grad(), dim, index, Scalar(0)));
    if (!v.wants(2)) return;
    const Tensor none = expanded_zeros(v.grad().sizes(), DType::Bool);
    const Tensor filled = fill_slices(none, dim, index, Scalar(true));
    v.give(2, sum_to(where(filled, v.grad(), Scalar(0)), {}));
  }
  static Tensor jvp(Jvp<IndexFill>& j) {
    const Tensor x = tangent_or_zeros(j.tangent(0), j.in(0));
    if (!j.tangent(2).defined()) return fill_slices(x, j.attrs().dim, j.in(1), Scalar(0));
    return index_fill_tensor(x, j.attrs().dim, j.in(1), j.tangent(2));
  }
};

// torch checks the two operators in different orders, with different words.
void check_index(const char* name, const Tensor& index) {
  check(ErrorKind::Index, index.ndim() <= 1, name, "(): Index should have dimension 1 or 0 (got ",
        index.ndim(), ")");
}

void check_dtypes(const char* name, const Tensor& input, const Tensor& index,
                  const Tensor& source) {
  check(index.dtype() == DType::Int64 || index.dtype() == DType::Int32, name,
        "(): Expected dtype int32/int64 for index but got: ", info(index.dtype()).scalar_name);
  check(input.dtype() == source.dtype(), name, "(): self (", info(input.dtype()).scalar_name,
        ") and source (", info(source.dtype()).scalar_name, ") must have the same scalar type");
}

void check_slice_shapes(const char* name, const Tensor& input, int dim, const Tensor& source) {
  Dims to = input.shape();
  Dims from = source.shape();
  if (!to.empty()) to.erase(dim);
  if (dim < from.size()) from.erase(dim);
  check(to == from, name, "(): Source/destination tensor must have same slice shapes. ",
        "Destination slice shape: ", to, " at dimension ", dim, " and source slice shape: ", from,
        " at dimension 0.");
}

// How many slices the source has: -1 for none along dim.
std::int64_t length_of(const Tensor& source, int dim) {
  return source.ndim() == 0 ? 1 : dim < source.ndim() ? source.size(dim) : -1;
}

void check_index_add(const Tensor& input, int dim, const Tensor& index, const Tensor& source) {
  check_index("index_add_", index);
  check_dtypes("index_add_", input, index, source);
  check(!input.ndim() == !source.ndim(),
        "source tensor shape must match self tensor shape, excluding the specified dimension. "
        "Got self.shape = ",
        input.shape(), " source.shape = ", source.shape());
  check_slice_shapes("index_add_", input, dim, source);
  const std::int64_t length = length_of(source, dim);
  check(length == index.numel(), "index_add_(): Number of indices (", index.numel(),
        ") should be equal to source.size(dim): (", length, "), for dim: ", dim);
}

void check_index_copy(const Tensor& input, int dim, const Tensor& index, const Tensor& source) {
  check_index("index_copy_", index);
  check(ErrorKind::Index, !input.ndim() || !source.ndim() || input.ndim() == source.ndim(),
        "index_copy_(): When source and destination are not scalars, their dimensionality must "
        "match. Source dimensionality (",
        source.ndim(), "), destination dimensionality (", input.ndim(), ")");
  check_dtypes("index_copy_", input, index, source);
  check_slice_shapes("index_copy_", input, dim, source);
  const std::int64_t length = length_of(source, dim);
  check(ErrorKind::Index, length == index.numel(), "index_copy_(): Number of indices (",
        index.numel(), ") should be equal to source.size(dim) (", length, ")");
}

void check_fill_index(const Tensor& index) {
  check(ErrorKind::Index, index.dtype() == DType::Int64,
        "index_fill_(): Expected dtype int64 for index.");
  check(index.ndim() <= 1, "Index has to be a vector/scalar");
}

Tensor fill_slices(const Tensor& input, std::int64_t dim, const Tensor& index, Scalar value) {
  const int d = wrap_dim(dim, input.ndim());
  if (input.ndim() == 0) {
    return unsafe_view(fill_slices(unsqueeze(input, 0), 0, index, value), {}, "IndexFillBackward0");
  }
  return apply<IndexFill>({d, fitting(value, input.dtype()), false}, input, index, Tensor());
}

Tensor index_fill_tensor(const Tensor& input, std::int64_t dim, const Tensor& index,
                         const Tensor& value) {
  check_fill_index(index);
  check(value.ndim() == 0,
        "index_fill_ only supports a 0-dimensional value tensor, but got tensor with ",
        value.ndim(), " dimension(s).");
  const int d = wrap_dim(dim, input.ndim());
  if (input.ndim() == 0) {
    return unsafe_view(index_fill_tensor(unsqueeze(input, 0), 0, index, value), {},
                       "IndexFillBackward1");
  }
  return apply<IndexFill>({d, Scalar(0), true}, input, index, cast(value, input.dtype()));
}

// As many dimensions as a slice of `model` needs.
Tensor as_source(const Tensor& source, const Tensor& model) {
  return source.ndim() == 0 && model.ndim() == 1 ? unsqueeze(source, 0) : source;
}

}  // namespace

Tensor index_select(const Tensor& input, std::int64_t dim, const Tensor& index) {
  check(ErrorKind::Index, index.ndim() <= 1, "index_select(): Index is supposed to be a vector");
  check(index.dtype() == DType::Int64 || index.dtype() == DType::Int32,
        "index_select(): Expected dtype int32 or int64 for index");
  check(input.ndim() > 0 || index.numel() == 1,
        "index_select(): Index to scalar can have only 1 value, got ", index.numel(), " value(s)");
  const int d = wrap_dim(dim, input.ndim());
  if (input.ndim() == 0) {
    return unsafe_view(index_select(unsqueeze(input, 0), 0, index), {}, IndexSelect::kNode);
  }
  return apply<IndexSelect>({d, input.shape()}, input, index);
}

Tensor index_add(const Tensor& input, std::int64_t dim, const Tensor& index, const Tensor& source,
                 Scalar alpha) {
  const int d = wrap_dim(dim, input.ndim());
  fitting(alpha, input.dtype());
  if (!is_differentiable(input.dtype())) {  // cut, as in torch
    alpha = input.dtype() == DType::Bool ? Scalar(alpha.to_bool()) : Scalar(alpha.to_int());
  }
  check_index_add(input, d, index, source);
  if (input.ndim() == 0) {
    return unsafe_view(index_add(unsqueeze(input, 0), 0, index, reshape(source, {{-1}}), alpha), {},
                       IndexAdd::kNode);
  }
  return apply<IndexAdd>({d, alpha}, input, index, as_source(source, input));
}

Tensor from_end(const Tensor& index, std::int64_t size) {
  const Tensor inside = logical_and(lt(index, 0), ge(index, -size));
  return where(inside, index + Operand(size), index);
}

Tensor index_copy(const Tensor& input, std::int64_t dim, const Tensor& index,
                  const Tensor& source) {
  const int d = wrap_dim(dim, input.ndim());
  check_index_copy(input, d, index, source);
  check(index.dtype() == DType::Int64, "index_copy_(): Expected a long tensor for index, but got ",
        info(index.dtype()).scalar_name);
  if (input.ndim() == 0) {
    return unsafe_view(index_copy(unsqueeze(input, 0), 0, index, reshape(source, {{-1}})), {},
                       IndexCopy::kNode);
  }
  return apply<IndexCopy>({d}, input, index, as_source(source, input));
}

Tensor index_fill(const Tensor& input, std::int64_t dim, const Tensor& index, Scalar value) {
  check_fill_index(index);
  return fill_slices(input, dim, index, value);
}

static Tensor index_select_into(const Tensor& input, std::int64_t dim, const Tensor& index,
                                Target target) {
  const Offer last(input.ndim() > 0 ? target : Target());
  return index_select(input, dim, index);
}

static const Entry entry_index_select(
    "index_select(input, dim, index)", function<index_select_into>, kBoth | kOutApart,
    "The slices of dim at the positions of a vector.",
    "x(3,4), 0, i(5, high=3) | x(3,4), 1, i(2, high=4) | xs(3,4), "
    "-1, i(3, high=4) | x(3,4), 0, i(0, high=3) | x(), 0, "
    "i(1, high=1) | x(3), 0, i(2, high=3)");
static const Entry entry_index_add(
    "index_add(input, dim, index, source, *, alpha=1)", function<index_add>,
    kBoth | kInPlaceForm | kWritesPart,
    "A copy of input with alpha * source added to the slices of dim at the positions of a vector.",
    "x(3,4), 0, i(5, high=3), x(5,4) | x(3,4), 1, i(2, high=4), x(3,2), alpha=-2 | xs(3,4), -1, "
    "i(3, high=4), xs(3,3) | x(3,4), 0, i(0, high=3), x(0,4) | x(3), 0, i(2, high=3), x(2)");
static const Entry entry_index_copy(
    "index_copy(input, dim, index, source)", function<index_copy>,
    kBoth | kInPlaceForm | kWritesPart,
    "A copy of input with the slices of dim at the positions of a vector taken from source.",
    "x(3,4), 0, i(1, high=3), x(1,4) | x(3,4), 1, i(1, high=4), x(3,1) | xs(3,4), -1, "
    "i(1, high=4), xs(3,1)");
static const Entry entry_index_fill(
    "index_fill(input, dim, index, value)", function<index_fill>,
    kFunctionForm | kMethodForm | kInPlaceForm | kWritesPart,
    "A copy of input with the slices of dim at the positions of a vector set to a number.",
    "x(3,4), 0, i(2, high=3), 1.5 | xs(3,4), -1, i(3, high=4), value=2.0 | x(), 0, "
    "i(1, high=1), 3.0");
static const Entry entry_index_fill_tensor(
    "index_fill(input, dim, index, value)", function<index_fill_tensor>,
    kFunctionForm | kMethodForm | kInPlaceForm | kWritesPart | kSharesLast,
    "A copy of input with the slices of dim at the positions of a vector set to a value.",
    "x(3,4), 0, i(2, high=3), x() | xs(3,4), 1, i(2, high=4), x()");

}  // namespace pullback
