// Views: the same memory in another geometry.
//
// Permute reorders dimensions, Reshape cuts the elements anew where that needs no copy.
// Broadcasting views are in basic.cpp.
#include "ops/view.h"
#include "ops/basic.h"
#include "ops/op.h"
#include "ops/table.h"

namespace pullback {
namespace {

struct Permute {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kLinear = true;
  struct Attrs {
    Dims order;
    const char* node;  // permute, transpose and t share the operator
    Attrs batched(std::int64_t) const {
      Attrs b = *this;
      for (std::int64_t& d : b.order) ++d;
      b.order.insert(0, 0);
      return b;
    }
  };
  static const char* node_name(const Attrs& a) { return a.node; }
  static Tensor view(const Attrs& a, const Tensor& x) {
    Dims sizes(x.ndim());
    Dims strides(x.ndim());
    for (int d = 0; d < x.ndim(); ++d) {
      sizes[d] = x.size(static_cast<int>(a.order[d]));
      strides[d] = x.stride(static_cast<int>(a.order[d]));
    }
    return x.alias(sizes, strides);
  }
  static constexpr std::uint32_t saves(std::uint32_t) { return 0; }
  static void vjp(Vjp<Permute>& v) {
    const Dims& order = v.attrs().order;
    Dims inverse(order.size());
    for (int d = 0; d < order.size(); ++d) inverse[static_cast<int>(order[d])] = d;
    v.give(0, apply<Permute>({inverse, v.attrs().node}, v.grad()));
  }
};

// A view in new sizes that needs no copy: view, reshape, squeeze, unsqueeze, flatten.
struct Reshape {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kLinear = true;
  struct Attrs {
    Dims sizes;
    Dims from;
    const char* node;
    Attrs batched(std::int64_t batch) const {
      Attrs b = *this;
      b.sizes.insert(0, batch);
      b.from.insert(0, batch);
      return b;
    }
  };
  static const char* node_name(const Attrs& a) { return a.node; }
  // The batch may lie in memory so that only a copy has the wanted sizes.
  static Tensor batch(const Attrs& a, In in, int) {
    const detail::Unwrapped u = detail::unwrap(in);
    return make_batched(reshape(u.tensors[0], a.batched(u.batch).sizes), u.level);
  }
  static Tensor view(const Attrs& a, const Tensor& x) {
    Dims strides;
    check(view_strides(x, a.sizes, strides),
          "view size is not compatible with input tensor's size and stride (at least one dimension "
          "spans across two contiguous subspaces). Use .reshape(...) instead. Got size ",
          x.shape(), " and stride ", Dims(x.strides()), ", expected one that can be seen as ",
          a.sizes, ".");
    return x.alias(a.sizes, strides);
  }
  static constexpr std::uint32_t saves(std::uint32_t) { return 0; }
  static void vjp(Vjp<Reshape>& v) { v.give(0, reshape(v.grad(), v.attrs().from)); }
};

Tensor reshape_view(const Tensor& input, const Dims& sizes, const char* node) {
  return apply<Reshape>({sizes, input.shape(), node}, input);
}

}  // namespace

bool view_strides(const Tensor& x, Sizes sizes, Dims& strides) {
  strides = contiguous_strides(sizes);
  if (x.is_contiguous() || x.numel() == 0) return true;
  // Walks both shapes from the back; a run of old dimensions that lie densely in memory may be cut
  // anew, nothing else.
  int v = static_cast<int>(sizes.size()) - 1;
  std::int64_t chunk_stride = x.stride(x.ndim() - 1);
  std::int64_t chunk = 1;
  std::int64_t made = 1;
  for (int d = x.ndim() - 1; d >= 0; --d) {
    chunk *= x.size(d);
    const bool ends = d == 0 || (x.size(d - 1) != 1 && x.stride(d - 1) != chunk * chunk_stride);
    if (!ends) continue;
    while (v >= 0 && (made < chunk || sizes[static_cast<std::size_t>(v)] == 1)) {
      strides[v] = made * chunk_stride;
      made *= sizes[static_cast<std::size_t>(v)];
      --v;
    }
    if (made != chunk) return false;
    if (d > 0) {
      chunk_stride = x.stride(d - 1);
      chunk = made = 1;
    }
  }
  return v < 0;
}

Dims infer_sizes(Sizes wanted, std::int64_t numel) {
  Dims sizes(wanted);
  int unknown = -1;
  std::int64_t known = 1;
  for (int d = 0; d < sizes.size(); ++d) {
    if (sizes[d] == -1) {
      check(unknown < 0, "only one dimension can be inferred");
      unknown = d;
    } else {
      check(sizes[d] >= 0, "invalid shape dimension ", sizes[d]);
      known *= sizes[d];
    }
  }
  if (unknown >= 0 && known == 0 && numel == 0) {
    fail("cannot reshape tensor of 0 elements into shape ", sizes,
         " because the unspecified dimension size -1 can be any value and is ambiguous");
  }
  const bool fits = unknown >= 0 ? known != 0 && numel % known == 0 : known == numel;
  check(fits, "shape '", sizes, "' is invalid for input of size ", numel);
  if (unknown >= 0) sizes[unknown] = numel / known;
  return sizes;
}

Tensor view(const Tensor& input, const Dims& shape) {
  return reshape_view(input, infer_sizes(shape, input.numel()), "ViewBackward0");
}

Tensor reshape(const Tensor& input, Sizes shape) {
  const Dims sizes = infer_sizes(shape, input.numel());
  Dims strides;
  if (input.has(kBatched) || view_strides(input, sizes, strides)) {
    return reshape_view(input, sizes, "ViewBackward0");
  }
  return reshape_view(contiguous(input), sizes, "UnsafeViewBackward0");
}

Tensor unsqueeze(const Tensor& input, std::int64_t dim) {
  Dims sizes = input.shape();
  sizes.insert(wrap_dim(dim, input.ndim() + 1), 1);
  return reshape_view(input, sizes, "UnsqueezeBackward0");
}

Tensor squeeze_dim(const Tensor& input, std::int64_t dim) {
  const int d = wrap_dim(dim, input.ndim());
  Dims sizes = input.shape();
  if (input.ndim() > 0 && sizes[d] == 1) sizes.erase(d);
  return reshape_view(input, sizes, "SqueezeBackward1");
}

Tensor permute(const Tensor& input, Sizes dims) {
  check(static_cast<int>(dims.size()) == input.ndim(),
        "permute(sparse_coo): number of dimensions in the tensor input does not match the length "
        "of the desired ordering of dimensions i.e. input.dim() = ",
        input.ndim(), " is not equal to len(dims) = ", dims.size());
  Dims order;
  for (const std::int64_t dim : dims) {
    const int d = wrap_dim(dim, input.ndim());
    check(!order.contains(d), "permute(): duplicate dims are not allowed.");
    order.push_back(d);
  }
  return apply<Permute>({order, "PermuteBackward0"}, input);
}

static Tensor swap_dims(const Tensor& input, int a, int b, const char* node) {
  Dims order;
  for (int d = 0; d < input.ndim(); ++d) order.push_back(d);
  if (input.ndim() > 0) std::swap(order[a], order[b]);
  return apply<Permute>({order, node}, input);
}

Tensor transpose(const Tensor& input, std::int64_t dim0, std::int64_t dim1) {
  return swap_dims(input, wrap_dim(dim0, input.ndim()), wrap_dim(dim1, input.ndim()),
                   "TransposeBackward0");
}

Tensor t(const Tensor& input) {
  check(input.ndim() <= 2, "t() expects a tensor with <= 2 dimensions, but self is ", input.ndim(),
        "D");
  return swap_dims(input, 0, std::max(input.ndim() - 1, 0), "TBackward0");
}

static Tensor reshape_entry(const Tensor& input, const Dims& shape) {
  return reshape(input, shape);
}
static const Entry entry_reshape("reshape(input, *shape)", function<reshape_entry>, kView,
                                 "The elements in another shape, a view where possible; one size "
                                 "may be -1.",
                                 "x(3,4), (4,3) | x(3,4), -1 | x(2,3,4), (2,-1) | x(), (1,1)");
static const Entry entry_view("view(input, *shape)", function<view>, kMethodForm,
                              "A view in another shape; one size may be -1.",
                              "x(3,4), 4, 3 | x(3,4), -1 | x(0,3), (3,0)");
static const Entry entry_unsqueeze("unsqueeze(input, dim)", function<unsqueeze>, kView,
                                   "A view with a dimension of size 1 put in at dim.",
                                   "x(3,4), 0 | x(3,4), -1 | x(), 0");
static const Entry entry_transpose("transpose(input, dim0, dim1)", function<transpose>, kView,
                                   "A view with two dimensions exchanged.",
                                   "x(3,4), 0, 1 | x(2,3,4), -1, 0 | x(), 0, 0");
static const Entry entry_t("t(input)", function<t>, kView, "The transpose of a matrix, a view.",
                           "x(3,4) | x(3) | x()");

}  // namespace pullback
