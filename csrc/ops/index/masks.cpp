// Masks and flat positions: masked_select, masked_scatter, nonzero, take, put, count_nonzero.
//
// nonzero and masked_select make shapes from values, so their masks must be plain tensors; argwhere
// takes batches whose examples have equally many positions.
#include "core/warning.h"
#include "kernels/copy.h"
#include "kernels/index/index.h"
#include "ops/basic.h"
#include "ops/index/indexing.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/select.h"
#include "ops/reduce/scan.h"
#include "ops/shape/view.h"
#include "ops/table.h"

namespace pullback {
namespace {

void check_plain(const Tensor& t) {
  if (t.has(kBatched)) {
    fail(
        "vmap: We do not support batching operators that can support dynamic shape. Attempting to "
        "batch over indexing with a boolean mask. Use where().");
  }
}

// Positions of the true elements of a mask, counted row by row.
Tensor flat_positions(const Tensor& mask) {
  const Tensor flat = reshape(mask, {{-1}});
  return reshape(nonzero(flat), {{-1}});
}

// Sizes of the dimensions behind the batch flattened.
Tensor flat_batch(const Tensor& t) { return reshape(t, {{t.size(0), -1}}); }

// Inputs of one shape: x, mask.
struct MaskedSelect {
  static constexpr const char* kNode = "MaskedSelectBackward0";
  static constexpr int kInputs = 2;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
  struct Attrs {
    Dims whole;
  };
  static Tensor batch(const Attrs&, In in, int level) {
    check(
        !in[1].has(kBatched),
        "vmap: Attempted to vmap over `mask` in torch.masked_select(self, mask) We cannot support "
        "this because for each batch this would return a differently shaped Tensor. Use where().");
    const detail::Unwrapped u = detail::unwrap(in);
    return make_batched(index_select(flat_batch(u.tensors[0]), 1, flat_positions(in[1])), level);
  }
  static Spec spec(const Attrs&, In in) {
    return {{kernels::count_nonzero(view_of(in[1]))}, in[0].dtype()};
  }
  static void fill(const Attrs&, In in, const Tensor& out) {
    kernels::masked_select(view_of(out), view_of(in[0]), view_of(in[1]));
  }
  static constexpr Reads kReads = kReadsB;
  static void vjp(Vjp<MaskedSelect>& v) {
    const Tensor zeros = expanded_zeros(v.attrs().whole, v.grad().dtype());
    v.give(0, masked_scatter(zeros, v.in(1), v.grad()));
  }
  static Tensor jvp(Jvp<MaskedSelect>& j) { return masked_select(j.tangent(0), j.in(1)); }
};

// Inputs: x, mask in the shape of x, source.
struct MaskedScatter {
  static constexpr const char* kNode = "MaskedScatterBackward0";
  static constexpr int kInputs = 3;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
  struct Attrs {
    Dims source;
  };
  static Tensor batch(const Attrs&, In in, int level) {
    const detail::Unwrapped u = detail::unwrap(in);
    if (in[1].has(kBatched)) return make_batched(by_rank(u), level);
    const Tensor at = flat_positions(in[1]);
    const Tensor source = narrow(flat_batch(u.tensors[2]), 1, 0, at.numel());
    const Tensor& x = u.tensors[0];
    return make_batched(reshape(index_copy(flat_batch(x), 1, at, source), x.sizes()), level);
  }
  // How many true elements there are before each true one; 0 for the others.
  static Tensor rank(const Tensor& mask, int dim) {
    const Tensor count = cumsum(cast(mask, DType::Int64), Along{dim});
    return where(mask, count - Scalar(1), Scalar(0));
  }
  // Each example has a mask of its own.
  static Tensor by_rank(const detail::Unwrapped& u) {
    const Tensor mask = flat_batch(u.tensors[1]);
    const Tensor source = flat_batch(u.tensors[2]);
    check(source.size(1) > 0,
          "masked_scatter: got an empty source inside vmap, expected elements.");
    const Tensor taken = gather(source, 1, rank(mask, 1));
    return reshape(where(mask, taken, flat_batch(u.tensors[0])), u.tensors[0].sizes());
  }
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    w.need_dense(0, in[2]);
  }
  static void fill(const Attrs&, In in, const Tensor& out, const Workspace& w) {
    kernels::copy(view_of(out), view_of(in[0]));
    const Tensor& source = w.dense(0, in[2]);
    kernels::masked_scatter(view_of(out), view_of(in[1]),
                            view_of(source.alias({{source.numel()}}, {{1}})));
  }
  static constexpr Reads kReads = kReadsB;
  static void vjp(Vjp<MaskedScatter>& v) {
    const Dims& sizes = v.attrs().source;
    const std::int64_t count = count_elements(sizes);
    const Tensor mask = v.in(1);
    if (v.wants(0)) {
      const Tensor none = expanded_zeros(v.grad().sizes(), v.grad().dtype());
      v.give(0, masked_scatter(v.grad(), mask, none));
    }
    if (!v.wants(2)) return;
    const Tensor none = Tensor::zeros({{count}}, v.grad().dtype());
    if (mask.has(kBatched)) {
      const Tensor flat = reshape(mask, {{-1}});
      const Tensor used = where(flat, reshape(v.grad(), {{-1}}), Scalar(0));
      v.give(2, reshape(scatter_add(none, 0, rank(flat, 0), used), sizes));
      return;
    }
    const Tensor used = masked_select(v.grad(), mask);
    Tensor first = Tensor::empty({{used.numel()}}, DType::Int64);
    for (std::int64_t k = 0; k < first.numel(); ++k) first.data<std::int64_t>()[k] = k;
    v.give(2, reshape(index_copy(none, 0, first, used), sizes));
  }
  static Tensor jvp(Jvp<MaskedScatter>& j) {
    const auto tangent = [&j](int i) {
      return j.tangent(i).defined() ? j.tangent(i)
                                    : expanded_zeros(j.in(i).sizes(), j.in(i).dtype());
    };
    return masked_scatter(tangent(0), j.in(1), tangent(2));
  }
};

}  // namespace

Tensor masked_select(const Tensor& input, const Tensor& mask) {
  check(mask.dtype() == DType::Bool, "masked_select: expected BoolTensor for mask");
  const Dims sizes = broadcast(mask.sizes(), input.sizes());
  const Tensor x = same(sizes, input.sizes()) ? input : expand(input, sizes);
  return apply<MaskedSelect>({sizes}, x, same(sizes, mask.sizes()) ? mask : expand(mask, sizes));
}

Tensor masked_scatter(const Tensor& input, const Tensor& mask, const Tensor& source) {
  check(input.dtype() == source.dtype(),
        "masked_scatter: expected self and source to have same dtypes but got ",
        info(input.dtype()).scalar_name, " and ", info(source.dtype()).scalar_name);
  if (mask.dtype() == DType::UInt8) {
    warn(
        "masked_scatter_ received a mask with dtype torch.uint8, this behavior is now deprecated,"
        "please use a mask with dtype torch.bool instead.");
  }
  check(mask.dtype() == DType::Bool,
        "masked_scatter_ only supports boolean masks, but got mask with dtype ",
        info(mask.dtype()).scalar_name);
  const Dims sizes = broadcast(mask.sizes(), input.sizes());
  const Tensor x = same(sizes, input.sizes()) ? input : expand(input, sizes);
  return apply<MaskedScatter>({source.shape()}, x,
                              same(sizes, mask.sizes()) ? mask : expand(mask, sizes), source);
}

// What the kernels read of it.
static Tensor countable(const Tensor& input) {
  return is_complex(input.dtype()) ? cast(detached(input), DType::Bool) : input;
}

Tensor nonzero(const Tensor& input) {
  check_plain(input);
  const Tensor x = widened(countable(input));
  const std::int64_t count = kernels::count_nonzero(view_of(x));
  // Column by column in memory, so that nonzero_tuple has dense vectors.
  const Tensor columns = Tensor::empty({{input.ndim(), count}}, DType::Int64);
  const Tensor positions =
      columns.alias({{count, input.ndim()}}, {{1, std::max<std::int64_t>(count, 1)}});
  kernels::nonzero(view_of(x), view_of(positions));
  return positions;
}

std::vector<Tensor> nonzero_tuple(const Tensor& input) {
  const Tensor positions = nonzero(input.ndim() == 0 ? unsqueeze(input, 0) : input);
  std::vector<Tensor> columns;
  for (int d = 0; d < positions.size(1); ++d) {
    columns.push_back(select(positions, 1, d).detach());
  }
  return columns;
}

// The positions within each example, of which all have equally many.
struct Argwhere {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kNotDifferentiable = true;
  struct Attrs {
    int lead = 0;  // dimensions of batches in front
    Attrs batched(std::int64_t) const { return {lead + 1}; }
  };
  static Spec spec(const Attrs& a, In in) {
    const DType wide = wide_of(in[0].dtype());
    const bool usable = in[0].is_contiguous() && in[0].dtype() == wide;
    const Tensor x = usable ? in[0] : copy_to_dtype(in[0], wide);
    Dims sizes(x.sizes().first(static_cast<std::size_t>(a.lead)));
    const std::int64_t examples = count_elements(sizes);
    const std::int64_t each = examples == 0 ? 0 : x.numel() / examples;
    std::int64_t count = 0;
    for (std::int64_t e = 0; e < examples; ++e) {
      const std::int64_t here = kernels::count_nonzero(view_of(x.alias({{each}}, {{1}}, e * each)));
      if (e == 0) count = here;
      const int ndim = x.ndim() - a.lead;
      check(here == count, "stack expects each tensor to be equal size, but got [", count, ", ",
            ndim, "] at entry 0 and [", here, ", ", ndim, "] at entry ", e,
            ": the results for the examples inside vmap differ in size.");
    }
    sizes.push_back(count);
    sizes.push_back(x.ndim() - a.lead);
    return {sizes, DType::Int64};
  }
  // The positions in all dimensions, of which the results have no leading ones.
  static void workspace(const Attrs& a, In in, const Tensor& out, Workspace& w) {
    const std::int64_t ndim = in[0].ndim();
    const std::int64_t inside = ndim - a.lead;
    w.need(0, {{inside == 0 ? 0 : out.numel() / inside, ndim}}, DType::Int64);
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    if (out.numel() == 0) return;
    const Tensor& positions = w[0];
    kernels::nonzero(view_of(in[0]), view_of(positions));
    const Dims sizes{positions.size(0), in[0].ndim() - a.lead};
    copy_values(out.alias_row_major(sizes), positions.alias(sizes, positions.strides(), a.lead));
  }
};

static Tensor argwhere(const Tensor& input) {
  return input.has(kBatched) ? apply<Argwhere>({}, cast(input, DType::Bool)) : nonzero(input);
}

static OneOrMore nonzero_entry(const Tensor& input, bool as_tuple, Target target) {
  check(!as_tuple || !target, "nonzero does not support the out kwarg when as_tuple is True");
  if (as_tuple) return {nonzero_tuple(input), false};
  return {{nonzero(input)}, true};
}

static Tensor put(const Tensor& input, const Tensor& index, const Tensor& source, bool accumulate) {
  check(index.dtype() == DType::Int64, "put_(): Expected a long tensor for index, but got ",
        info(index.dtype()).scalar_name);
  check(input.dtype() == source.dtype(),
        "put_(): self and source expected to have the same dtype, ",
        "but got self.dtype = ", info(input.dtype()).scalar_name,
        " and source.dtype = ", info(source.dtype()).scalar_name);
  check(ErrorKind::Index, index.numel() == source.numel(),
        "put_(): Expected source and index to have the same ",
        "number of elements, but got source.numel() = ", source.numel(),
        ", index.numel() = ", index.numel());
  const Tensor flat = index_put(reshape(input, {{-1}}), {reshape(index, {{-1}})},
                                reshape(source, {{-1}}), accumulate);
  return unsafe_view(flat, input.sizes(), "PutBackward0");
}

static const Entry entry_masked_select("masked_select(input, mask)", function<masked_select>,
                                       kBoth | kOutApart,
                                       "The elements where the mask is true, in one dimension.",
                                       "x(3,4), b(3,4) | x(3,4), b(4) | x(4), b(3,1) | xs(3,4), "
                                       "b(3,4) | x(), b() | x(0,3), b(0,3)");
static const Entry entry_masked_scatter(
    "masked_scatter(input, mask, source)", function<masked_scatter>,
    kFunctionForm | kMethodForm | kInPlaceForm | kWritesPart | kSharesLast,
    "A copy with the elements of source, in order, where the mask is true.",
    "x(3,4), b(3,4), x(12) | xs(3,4), b(4), x(4,3) | x(3,4), b(3,1), x(15)");
static const Entry entry_nonzero(
    "nonzero(input, *, as_tuple=False)", function<nonzero_entry>, kBoth | kNoGrad | kNoBatch,
    "The positions of the elements that are not zero, one in a row; "
    "or a tuple of columns.",
    "i(3,4, high=3) | i(3,4, high=3), as_tuple=True | b(3) | i(high=2)");
static const Entry entry_where("where(condition)", function<nonzero_tuple>,
                               kFunctionForm | kNoGrad | kNoBatch,
                               "The positions of the true elements, a tensor for each dimension.",
                               "b(3,4) | b(3)");
static const Entry entry_argwhere("argwhere(input)", function<argwhere>, kView | kNoGrad,
                                  "The positions of the elements that are not zero, one in a row.",
                                  "i(3,4, high=3) | b(3)");
static const Entry entry_take(
    "take(input, index)", function<take>, kBoth | kOutApart,
    "The elements at positions of the flat input.",
    "x(3,4), i(5, high=12) | xs(3,4), i(2,2, high=12) | x(), i(2, high=1)");
static const Entry entry_put(
    "put(input, index, source, accumulate=False)", function<put>,
    kFunctionForm | kMethodForm | kInPlaceForm | kWritesPart,
    "A copy with source put, or added, at positions of the flat input.",
    "x(3,4), i(5, high=12), x(5), True | xs(3,4), i(1, high=12), x(1), False "
    "| x(3,4), i(2,2, high=12), x(4), accumulate=True");

}  // namespace pullback
