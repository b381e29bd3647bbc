// Views: the same memory in another geometry.
//
// Permute reorders dimensions, Reshape cuts the elements anew where that needs no copy, Unsqueeze
// and Squeeze add and drop dimensions of size 1.  Broadcasting views are in basic.cpp, parts of a
// tensor in window.cpp and split.cpp, the rarer forms in shapes.cpp.
#include "ops/shape/view.h"

#include <algorithm>

#include "kernels/copy.h"
#include "ops/basic.h"
#include "ops/exchange.h"
#include "ops/op.h"
#include "ops/rebase.h"
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
  static void vjp(Vjp<Permute>& v) {
    const Dims& order = v.attrs().order;
    // Of a view of all, the gradient is given as it is, so that .grad may take it over.
    if (std::ranges::is_sorted(order)) return v.give(0, v.grad());
    Dims inverse(order.size());
    for (int d = 0; d < order.size(); ++d) inverse[static_cast<int>(order[d])] = d;
    v.give(0, apply<Permute>({inverse, v.attrs().node}, v.grad()));
  }
};

// A view in new sizes that needs no copy: view, reshape, flatten.
struct Reshape {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  struct Attrs {
    Dims sizes;
    Dims from;
    const char* node = "ViewBackward0";
    Attrs batched(std::int64_t batch) const {
      Attrs b = *this;
      b.sizes.insert(0, batch);
      b.from.insert(0, batch);
      return b;
    }
  };
  static const char* node_name(const Attrs& a) { return a.node; }
  static Tensor view(const Attrs& a, const Tensor& x) {
    if (x.is_contiguous()) return x.alias_row_major(a.sizes);
    Dims strides;
    check(view_strides(x, a.sizes, strides),
          "view size is not compatible with input tensor's size and stride (at least one dimension "
          "spans across two contiguous subspaces). Use .reshape(...) instead. Got size ",
          x.shape(), " and stride ", Dims(x.strides()), ", expected one that can be seen as ",
          a.sizes, ".");
    return x.alias(a.sizes, strides);
  }
  static void vjp(Vjp<Reshape>& v) { v.give(0, reshape(v.grad(), v.attrs().from)); }
  // The tangent has strides of its own, of which these sizes may be no view.
  static Tensor jvp(Jvp<Reshape>& j);
};

// The same where only a copy has the wanted sizes.
struct ReshapeCopy {
  static constexpr const char* kNode = "UnsafeViewBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
  static constexpr bool kLinear = true;
  using Attrs = Reshape::Attrs;
  static Spec spec(const Attrs& a, In in) { return {a.sizes, in[0].dtype()}; }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    kernels::copy(view_of(out.alias(a.from, contiguous_strides(a.from))), view_of(in[0]));
  }
  static Tensor make(const Attrs& a, const Tensor& x) { return Tensor::empty(a.sizes, x.dtype()); }
  static void vjp(Vjp<ReshapeCopy>& v) { v.give(0, reshape(v.grad(), v.attrs().from)); }
};

struct Unsqueeze {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kLinear = true;
  struct Attrs {
    int dim;
    const char* node = "UnsqueezeBackward0";
    Attrs batched(std::int64_t) const { return {dim + 1, node}; }
  };
  static const char* node_name(const Attrs& a) { return a.node; }
  static Tensor view(const Attrs& a, const Tensor& x) {
    Dims sizes = x.shape();
    Dims strides(x.strides());
    strides.insert(a.dim, a.dim < x.ndim() ? sizes[a.dim] * strides[a.dim] : 1);
    sizes.insert(a.dim, 1);
    return x.alias(sizes, strides);
  }
  static void vjp(Vjp<Unsqueeze>& v);
};

struct Squeeze {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kLinear = true;
  struct Attrs {
    Dims dims;  // those that go, rising
    const char* node;
    Attrs batched(std::int64_t) const {
      Attrs b = *this;
      for (std::int64_t& d : b.dims) ++d;
      return b;
    }
  };
  static const char* node_name(const Attrs& a) { return a.node; }
  static Tensor view(const Attrs& a, const Tensor& x) {
    Dims sizes = x.shape();
    Dims strides(x.strides());
    for (int k = a.dims.size() - 1; k >= 0; --k) {
      sizes.erase(static_cast<int>(a.dims[k]));
      strides.erase(static_cast<int>(a.dims[k]));
    }
    return x.alias(sizes, strides);
  }
  static void vjp(Vjp<Squeeze>& v) {
    Tensor gradient = v.grad();
    for (const std::int64_t dim : v.attrs().dims) gradient = unsqueeze(gradient, dim);
    v.give(0, gradient);
  }
};

void Unsqueeze::vjp(Vjp<Unsqueeze>& v) { v.give(0, squeeze_dim(v.grad(), v.attrs().dim)); }

// The memory of its input, which nobody else has a handle to.
struct UnsafeView {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
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
  static Spec spec(const Attrs& a, In in) { return {a.sizes, in[0].dtype()}; }
  static Tensor make(const Attrs& a, const Tensor& x) {
    return x.is_contiguous() ? x.alias(a.sizes, contiguous_strides(a.sizes))
                             : Tensor::empty(a.sizes, x.dtype());
  }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    if (out.bytes() == in[0].bytes()) return;
    kernels::copy(view_of(out.alias(a.from, contiguous_strides(a.from))), view_of(in[0]));
  }
  static void vjp(Vjp<UnsafeView>& v) { v.give(0, reshape(v.grad(), v.attrs().from)); }
};

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
  return apply<Reshape>({infer_sizes(shape, input.numel()), input.shape()}, input);
}

// Of a batched tensor: all examples at once.
static bool can_view(const Tensor& x, Dims sizes) {
  Dims strides;
  if (!x.has(kBatched)) return view_strides(x, sizes, strides);
  const Tensor& batch = meta_of(x)->batch;
  sizes.insert(0, batch.size(0));
  return can_view(batch, std::move(sizes));
}

Tensor Reshape::jvp(Jvp<Reshape>& j) {
  const Tensor& tangent = j.tangent(0);
  return can_view(tangent, j.attrs().sizes) ? apply<Reshape>(j.attrs(), tangent)
                                            : apply<ReshapeCopy>(j.attrs(), tangent);
}

Tensor reshape(const Tensor& input, Sizes shape) {
  Dims sizes = infer_sizes(shape, input.numel());
  if (input.is_contiguous() && !input.has(kBatched)) {
    return apply<Reshape>({std::move(sizes), input.shape()}, input);
  }
  if (can_view(input, sizes)) {
    return apply<Reshape>({std::move(sizes), input.shape(), "ReshapeAliasBackward0"}, input);
  }
  return apply<ReshapeCopy>({std::move(sizes), input.shape()}, input);
}

static Dims all_dims(const Tensor& input) {
  Dims dims;
  for (int d = 0; d < input.ndim(); ++d) dims.push_back(d);
  return dims;
}

Tensor unsqueeze(const Tensor& input, std::int64_t dim) {
  return apply<Unsqueeze>({wrap_dim(dim, input.ndim() + 1)}, input);
}

static Tensor squeeze_one(const Tensor& input, std::int64_t dim, const char* node) {
  const int d = wrap_dim(dim, input.ndim());
  Dims dims;
  if (input.ndim() > 0 && input.size(d) == 1) dims.push_back(d);
  return apply<Squeeze>({dims, node}, input);
}
Tensor squeeze_dim(const Tensor& input, std::int64_t dim) {
  return squeeze_one(input, dim, "SqueezeBackward1");
}

static Tensor squeeze_where(const Tensor& input, const Dims& wanted, const char* node) {
  Dims dims;
  for (int d = 0; d < input.ndim(); ++d) {
    if (input.size(d) == 1 && wanted.contains(d)) dims.push_back(d);
  }
  return apply<Squeeze>({dims, node}, input);
}
Tensor squeeze_all(const Tensor& input) {
  return squeeze_where(input, all_dims(input), "SqueezeBackward0");
}
static Tensor squeeze_dims(const Tensor& input, const Dims& dim) {
  return squeeze_where(input, wrap_dims(dim, input.ndim()), "SqueezeBackward2");
}

Dims wrap_dims(const Dims& dims, int ndim) {
  Dims wrapped;
  for (const std::int64_t dim : dims) {
    const int d = wrap_dim(dim, ndim);
    check(!wrapped.contains(d), "dim ", d, " appears multiple times in the list of dims");
    wrapped.push_back(d);
  }
  return wrapped;
}

Tensor unsafe_view(const Tensor& input, const Dims& sizes, const char* node) {
  return apply<UnsafeView>({sizes, input.shape(), node}, input);
}

Tensor alias_view(const Tensor& input, const char* node) {
  return apply<Permute>({all_dims(input), node}, input);
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
  Dims order = all_dims(input);
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

static Tensor unsqueeze_(const Tensor& input, std::int64_t dim) {
  const int d = wrap_dim(dim, input.ndim() + 1);
  return become_view("unsqueeze", input,
                     [&] { return apply<Unsqueeze>({d, "UnsqueezeBackward1"}, input); });
}
static Tensor squeeze_(const Tensor& input) {
  return become_view("squeeze", input,
                     [&] { return squeeze_where(input, all_dims(input), "SqueezeBackward3"); });
}
Tensor squeeze_dim_(const Tensor& input, std::int64_t dim) {
  return become_view("squeeze", input, [&] { return squeeze_one(input, dim, "SqueezeBackward4"); });
}
static Tensor squeeze_dims_(const Tensor& input, const Dims& dim) {
  return become_view("squeeze", input, [&] {
    return squeeze_where(input, wrap_dims(dim, input.ndim()), "SqueezeBackward5");
  });
}
Tensor transpose_(const Tensor& input, std::int64_t dim0, std::int64_t dim1) {
  const int a = wrap_dim(dim0, input.ndim());
  const int b = wrap_dim(dim1, input.ndim());
  return become_view("transpose", input,
                     [&] { return swap_dims(input, a, b, "TransposeBackward1"); });
}
static Tensor t_(const Tensor& input) {
  check(input.ndim() <= 2, "t_() expects a tensor with <= 2 dimensions, but self is ", input.ndim(),
        "D");
  return become_view(
      "t", input, [&] { return swap_dims(input, 0, std::max(input.ndim() - 1, 0), "TBackward1"); });
}

static Tensor reshape_entry(const Tensor& input, const Dims& shape) {
  return reshape(input, shape);
}
static Tensor permute_entry(const Tensor& input, const Dims& dims) { return permute(input, dims); }

static const Entry entry_reshape(
    "reshape(input, *shape)", function<reshape_entry>, kView,
    "The elements in another shape, a view where possible; one size "
    "may be -1.",
    "x(3,4), (4,3) | x(3,4), (-1,) | xs(3,4), (2,6) | x(2,3,4), (2,-1) "
    "| x(), (1,1) | x(0,3), (3,0)");
static const Entry entry_view("view(input, *size)", function<view>, kMethodForm,
                              "A view in another shape; one size may be -1.",
                              "x(3,4), 4, 3 | x(3,4), -1 | x(0,3), (3,0) | x(), 1, 1");
static const Entry entry_unsqueeze("unsqueeze(input, dim)", function<unsqueeze>, kView,
                                   "A view with a dimension of size 1 put in at dim.",
                                   "x(3,4), 0 | x(3,4), -1 | xs(3,4), 1 | x(), 0 | x(0,3), dim=1");
static const Entry entry_squeeze("squeeze(input)", function<squeeze_all>, kView,
                                 "A view without the dimensions of size 1.",
                                 "x(1,3,1) | x(3,4) | x() | x(1,1) | xs(1,3)");
static const Entry entry_squeeze_dim("squeeze(input, dim)", function<squeeze_dim>, kView,
                                     "A view without dimension dim if that has size 1.",
                                     "x(1,3,1), 0 | x(1,3,1), dim=-1 | x(3,4), 1 | x(), 0");
static const Entry entry_squeeze_dims("squeeze(input, *dim)", function<squeeze_dims>, kView,
                                      "A view without those of the dimensions that have size 1.",
                                      "x(1,3,1), (0,1) | x(1,3,1), (0,-1) | x(3,4), ()");
static const Entry entry_permute("permute(input, dims)", function<permute_entry>, kFunctionForm,
                                 "A view with its dimensions in another order.",
                                 "x(2,3,4), (2,0,1) | x(3,4), (0,1) | x(), () | x(0,3), (-1,0)");
static const Entry entry_permute_method("permute(input, *dims)", function<permute_entry>,
                                        kMethodForm, "A view with its dimensions in another order.",
                                        "x(2,3,4), 2, 0, 1 | x(2,3,4), (-1,0,1)");
#define PB_TRANSPOSE(NAME, DIM0, DIM1)                                                             \
  static const Entry entry_##NAME(#NAME "(input, " DIM0 ", " DIM1 ")", function<transpose>, kView, \
                                  "A view with two dimensions exchanged.",                         \
                                  "x(3,4), 0, 1 | x(2,3,4), -1, 0 | x(), 0, 0 | x(0,3), 0, 1");
PB_TRANSPOSE(transpose, "dim0", "dim1")
PB_TRANSPOSE(swapaxes, "axis0", "axis1")
PB_TRANSPOSE(swapdims, "dim0", "dim1")
#undef PB_TRANSPOSE
inline constexpr std::uint32_t kInPlaceView = kMethodForm | kNoGrad;
static const Entry entry_unsqueeze_("unsqueeze_(input, dim)", function<unsqueeze_>, kInPlaceView,
                                    "Puts a dimension of size 1 in at dim.",
                                    "c(3,4), 0 | c(3,4), -1 | c(), 0");
static const Entry entry_squeeze_("squeeze_(input)", function<squeeze_>, kInPlaceView,
                                  "Drops the dimensions of size 1.", "c(1,3,1) | c(3,4) | c()");
static const Entry entry_squeeze_dim_("squeeze_(input, dim)", function<squeeze_dim_>, kInPlaceView,
                                      "Drops dimension dim if that has size 1.",
                                      "c(1,3,1), 0 | c(1,3,1), dim=-1 | c(3,4), 1");
static const Entry entry_squeeze_dims_("squeeze_(input, *dim)", function<squeeze_dims_>,
                                       kInPlaceView,
                                       "Drops those of the dimensions that have size 1.",
                                       "c(1,3,1), (0,1) | c(3,4), ()");
#define PB_TRANSPOSE_(NAME, DIM0, DIM1)                                                      \
  static const Entry entry_##NAME(#NAME "(input, " DIM0 ", " DIM1 ")", function<transpose_>, \
                                  kInPlaceView, "Exchanges two dimensions.",                 \
                                  "c(3,4), 0, 1 | c(2,3,4), -1, 0");
PB_TRANSPOSE_(transpose_, "dim0", "dim1")
PB_TRANSPOSE_(swapaxes_, "axis0", "axis1")
PB_TRANSPOSE_(swapdims_, "dim0", "dim1")
#undef PB_TRANSPOSE_
static const Entry entry_t_("t_(input)", function<t_>, kInPlaceView, "Transposes the matrix.",
                            "c(3,4) | c(3) | c()");
static const Entry entry_t("t(input)", function<t>, kView, "The transpose of a matrix, a view.",
                           "x(3,4) | x(3) | x()");

}  // namespace pullback
