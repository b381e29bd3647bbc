// Views of a part of a tensor and their transposes; see window.h.  Start reading at Window.
#include "ops/shape/window.h"

#include <cstring>

#include "kernels/copy.h"
#include "kernels/reduce/reduce.h"
#include "ops/basic.h"
#include "ops/levels.h"
#include "ops/shape/view.h"
#include "ops/table.h"

namespace pullback {

using WindowKind = Window::Kind;

Tensor Window::show(const Tensor& whole) const {
  if (kind == Kind::Select) return whole.alias_select(dim, start);
  Dims sizes = whole.shape();
  Dims strides(whole.strides());
  std::int64_t offset = 0;
  switch (kind) {
    case Kind::Select:
      break;  // above
    case Kind::Slice:
      offset = start * strides[dim];
      sizes[dim] = length;
      strides[dim] *= step;
      break;
    case Kind::Diagonal: {
      const std::int64_t rows = sizes[dim] + std::min<std::int64_t>(start, 0);
      const std::int64_t columns = sizes[dim2] - std::max<std::int64_t>(start, 0);
      const std::int64_t count = std::max<std::int64_t>(std::min(rows, columns), 0);
      const std::int64_t stride = strides[dim] + strides[dim2];
      if (count > 0) offset = start >= 0 ? start * strides[dim2] : -start * strides[dim];
      sizes.erase(std::max(dim, dim2));
      sizes.erase(std::min(dim, dim2));
      strides.erase(std::max(dim, dim2));
      strides.erase(std::min(dim, dim2));
      sizes.push_back(count);
      strides.push_back(stride);
      break;
    }
    case Kind::Unfold:
      sizes.push_back(length);
      strides.push_back(strides[dim]);
      sizes[dim] = (sizes[dim] - length) / step + 1;
      strides[dim] *= step;
      break;
  }
  return whole.alias(sizes, strides, offset);
}

namespace {

const char* forward_name(const Window& w) {
  switch (w.kind) {
    case WindowKind::Select:
      return "SelectBackward0";
    case WindowKind::Slice:
      return "SliceBackward0";
    case WindowKind::Diagonal:
      return "DiagonalBackward0";
    case WindowKind::Unfold:
      return "UnfoldBackward0";
  }
  __builtin_unreachable();
}

const char* backward_name(const Window& w) {
  switch (w.kind) {
    case WindowKind::Select:
      return "SelectBackwardBackward0";
    case WindowKind::Slice:
      return "SliceBackwardBackward0";
    case WindowKind::Diagonal:
      return "DiagonalBackwardBackward0";
    case WindowKind::Unfold:
      return "UnfoldBackwardBackward0";
  }
  __builtin_unreachable();
}

struct WindowAttrs {
  Window window;
  Dims whole;
  const char* node;
  WindowAttrs batched(std::int64_t batch) const {
    WindowAttrs b{window.batched(), whole, node};
    b.whole.insert(0, batch);
    return b;
  }
};

struct Show {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kLinear = true;
  using Attrs = WindowAttrs;
  static const char* node_name(const Attrs& a) { return forward_name(a.window); }
  static Tensor view(const Attrs& a, const Tensor& x) { return a.window.show(x); }
  static void vjp(Vjp<Show>& v) { v.give(0, place(v.attrs().window, v.grad(), v.attrs().whole)); }
};

struct Place {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
  static constexpr bool kLinear = true;
  using Attrs = WindowAttrs;
  static const char* node_name(const Attrs& a) { return a.node ? a.node : backward_name(a.window); }
  static Spec spec(const Attrs& a, In in) { return {a.whole, in[0].dtype()}; }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    if (out.is_contiguous()) {
      std::memset(out.bytes(), 0, static_cast<std::size_t>(out.numel()) * item_size(out.dtype()));
    } else {
      constexpr Element zero;
      kernels::fill(view_of(out), &zero);
    }
    const Tensor part = a.window.show(out);
    if (a.window.kind == WindowKind::Unfold) {
      add_windows(a.window, part, in[0]);
    } else {
      kernels::copy(view_of(part), view_of(in[0]));
    }
  }
  // Windows overlap: those at one position inside the window do not.
  static void add_windows(const Window& w, const Tensor& part, const Tensor& values) {
    const int last = part.ndim() - 1;
    for (std::int64_t k = 0; k < w.length; ++k) {
      const Window one{WindowKind::Select, last, 0, k};
      const Tensor to = one.show(part);
      kernels::apply(kernels::binary<"add">, view_of(to), {view_of(to), view_of(one.show(values))});
    }
  }
  static void vjp(Vjp<Place>& v) { v.give(0, show(v.attrs().window, v.grad())); }
};

// The diagonal as a tensor of its own.
struct DiagonalCopy {
  static constexpr const char* kNode = "DiagonalBackward0_copy";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
  static constexpr bool kLinear = true;
  using Attrs = WindowAttrs;
  static Spec spec(const Attrs& a, In in) { return {a.window.show(in[0]).shape(), in[0].dtype()}; }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    kernels::copy(view_of(out), view_of(a.window.show(in[0])));
  }
  static void vjp(Vjp<DiagonalCopy>& v) {
    v.give(0, place(v.attrs().window, v.grad(), v.attrs().whole));
  }
};

struct Trace {
  static constexpr const char* kNode = "TraceBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  static constexpr bool kLinear = true;
  using Attrs = WindowAttrs;
  static Spec spec(const Attrs& a, In in) {
    Dims sizes = a.window.show(in[0]).shape();
    sizes.erase(sizes.size() - 1);
    const DType dtype = in[0].dtype();
    return {sizes, is_differentiable(dtype) ? dtype : DType::Int64};
  }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    Dims sizes = out.shape();
    Dims strides(out.strides());
    sizes.push_back(1);
    strides.push_back(0);
    kernels::reduce(kernels::Reduce::Sum, view_of(out.alias(sizes, strides)),
                    view_of(a.window.show(in[0])));
  }
  static void vjp(Vjp<Trace>& v) {
    const Window& window = v.attrs().window;
    const Dims& whole = v.attrs().whole;
    Dims sizes = v.grad().shape();
    sizes.push_back(std::min(whole[window.dim], whole[window.dim2]));
    v.give(0, place(window, expand(unsqueeze(v.grad(), -1), sizes), whole));
  }
};

}  // namespace

Tensor show(const Window& window, const Tensor& input) {
  return apply<Show>({window, input.shape(), nullptr}, input);
}

Tensor place(const Window& window, const Tensor& part, const Dims& whole, const char* node) {
  return apply<Place>({window, whole, node}, part);
}

Window select_window(const Tensor& input, std::int64_t dim, std::int64_t index) {
  check(ErrorKind::Index, input.ndim() > 0, "select() cannot be applied to a 0-dim tensor.");
  const int d = wrap_dim(dim, input.ndim());
  const std::int64_t size = input.size(d);
  check(ErrorKind::Index, index >= -size && index < size, "select(): index ", index,
        " out of range for tensor of size ", input.shape(), " at dimension ", d);
  return {WindowKind::Select, d, 0, index < 0 ? index + size : index};
}

Tensor select(const Tensor& input, std::int64_t dim, std::int64_t index) {
  return show(select_window(input, dim, index), input);
}

Window slice_window(const Tensor& input, std::int64_t dim, std::int64_t start, std::int64_t stop,
                    std::int64_t step) {
  check(ErrorKind::Index, input.ndim() > 0, "slice() cannot be applied to a 0-dim tensor.");
  check(ErrorKind::Value, step > 0, "step must be greater than zero");
  const int d = wrap_dim(dim, input.ndim());
  const std::int64_t size = input.size(d);
  const auto clip = [size](std::int64_t at) {
    return std::clamp<std::int64_t>(at < 0 ? at + size : at, 0, size);
  };
  const std::int64_t first = clip(start);
  const std::int64_t count = std::max<std::int64_t>(clip(stop) - first, 0);
  // Written so that a huge step does not overflow.
  const std::int64_t length = count / step + (count % step != 0);
  return {WindowKind::Slice, d, 0, first, length, step};
}

Tensor slice(const Tensor& input, std::int64_t dim, std::int64_t start, std::int64_t stop,
             std::int64_t step) {
  return show(slice_window(input, dim, start, stop, step), input);
}

Tensor narrow(const Tensor& input, std::int64_t dim, std::int64_t start, std::int64_t length) {
  check(input.ndim() > 0, "narrow() cannot be applied to a 0-dim tensor.");
  check(length >= 0, "narrow(): length must be non-negative.");
  const int d = wrap_dim(dim, input.ndim());
  const std::int64_t size = input.size(d);
  check(ErrorKind::Index, start >= -size && start <= size,
        "start out of range (expected to be in range of [", -size, ", ", size, "], but got ", start,
        ")");
  if (start < 0) start += size;
  check(length <= size - start, "start (", start, ") + length (", length,
        ") exceeds dimension size (", size, ").");
  return show({WindowKind::Slice, d, 0, start, length}, input);
}

Window diagonal_window(const Tensor& x, std::int64_t offset, std::int64_t dim1, std::int64_t dim2) {
  const int d1 = wrap_dim(dim1, x.ndim());
  const int d2 = wrap_dim(dim2, x.ndim());
  check(d1 != d2, "diagonal dimensions cannot be identical ", dim1, ", ", dim2);
  return {WindowKind::Diagonal, d1, d2, offset};
}

Tensor diagonal(const Tensor& input, std::int64_t offset, std::int64_t dim1, std::int64_t dim2) {
  return show(diagonal_window(input, offset, dim1, dim2), input);
}

Tensor diag_embed(const Tensor& input, std::int64_t offset, std::int64_t dim1, std::int64_t dim2) {
  const int ndim = input.ndim() + 1;
  const int d1 = wrap_dim(dim1, ndim);
  const int d2 = wrap_dim(dim2, ndim);
  check(d1 != d2, "diagonal dimensions cannot be identical ", dim1, ", ", dim2);
  check(input.ndim() > 0, "diag_embed: got a 0-dim tensor, expected at least one dimension.");
  const std::int64_t side = input.size(input.ndim() - 1) + (offset < 0 ? -offset : offset);
  Dims whole = input.shape();
  whole.erase(whole.size() - 1);
  whole.insert(std::min(d1, d2), side);
  whole.insert(std::max(d1, d2), side);
  return place({WindowKind::Diagonal, d1, d2, offset}, input, whole, "DiagEmbedBackward0");
}

static Tensor diag(const Tensor& input, std::int64_t diagonal) {
  if (input.ndim() == 1) return diag_embed(input, diagonal);
  check(input.ndim() == 2, "diag(): Supports 1D or 2D tensors. Got ", input.ndim(), "D");
  return apply<DiagonalCopy>({diagonal_window(input, diagonal, 0, 1), input.shape(), nullptr},
                             input);
}

static Tensor diagflat(const Tensor& input, std::int64_t offset) {
  return diag_embed(input.ndim() == 1 ? input : reshape(input, {{-1}}), offset);
}

static Tensor trace(const Tensor& input) {
  check(ErrorKind::NotImplemented, input.dtype() != DType::Bool,
        "\"trace\" not implemented for 'Bool'");
  check(input.ndim() == 2, "trace: expected a matrix, but got tensor with dim ", input.ndim());
  return apply<Trace>({diagonal_window(input, 0, 0, 1), input.shape(), nullptr}, input);
}

static Tensor unfold(const Tensor& input, std::int64_t dimension, std::int64_t size,
                     std::int64_t step) {
  const int d = wrap_dim(dimension, input.ndim());
  const std::int64_t length = input.ndim() == 0 ? 1 : input.size(d);
  check(size >= 0, "size is ", size, " but must be >= 0");
  check(size <= length, "maximum size for tensor at dimension ", d, " is ", length, " but size is ",
        size);
  check(step > 0, "step is ", step, " but must be > 0");
  if (input.ndim() == 0) {
    return slice(unsqueeze(input, 0), 0, 0, size);
  }
  return show({WindowKind::Unfold, d, 0, 0, size, step}, input);
}

static const Entry entry_select("select(input, dim, index:index)", function<select>, kView,
                                "A view at one position of a dimension, which goes away.",
                                "x(3,4), 0, 1 | x(3,4), -1, -2 | xs(3,4), 1, 0 | x(3), 0, 2");
static Tensor narrow_at(const Tensor& input, std::int64_t dim, const Tensor& start,
                        std::int64_t length) {
  check(start.ndim() == 0 && category(start.dtype()) == Category::Integral,
        "start must be an 0-dim integral Tensor.");
  refuse_item(start);
  return narrow(input, dim, start.item().to_int(), length);
}

static const Entry entry_narrow_at("narrow(input, dim, start, length:index)", function<narrow_at>,
                                   kView, "A view of `length` positions of a dimension.",
                                   "x(3,4), 1, i(, high=2), 2");
static const Entry entry_narrow("narrow(input, dim, start:index, length:index)", function<narrow>,
                                kView, "A view of `length` positions of a dimension.",
                                "x(3,4), 0, 1, 2 | x(3,4), 1, -3, 2 | xs(3,4), -1, 0, 0 "
                                "| x(0,3), 1, 1, 2");
static const Entry entry_diagonal(
    "diagonal(input, offset=0, dim1=0, dim2=1)", function<diagonal>, kView,
    "A view of the diagonal of two dimensions, as the last dimension.",
    "x(3,4) | x(3,4), 1 | x(3,4), -2 | x(2,3,4), 0, 1, 2 | x(2,3,4), offset=-1, dim1=2, dim2=0 "
    "| x(3,4), 9 | x(0,3)");
static const Entry entry_diag(
    "diag(input, diagonal=0)", direct<diag>, kBoth,
    "The matrix with a vector on its diagonal, or the diagonal of a "
    "matrix.",
    "x(3) | x(3), 1 | x(3), -2 | x(3,4) | x(3,4), 1 | xs(3,4), -1 | x(0)");
static const Entry entry_diag_embed(
    "diag_embed(input, offset=0, dim1=-2, dim2=-1)", direct<diag_embed>, kBoth,
    "Matrices with the last dimension of input on their diagonals.",
    "x(3) | x(2,3) | x(2,3), 1 | x(2,3), -1, 0, 2 | x(2,3), dim1=1, dim2=0 | x(2,0)");
static const Entry entry_diagflat("diagflat(input, offset=0)", function<diagflat>, kBoth,
                                  "The matrix with all elements of input on its diagonal.",
                                  "x(3) | x(2,2), 1 | x() | x(0)");
static const Entry entry_trace("trace(input)", direct<trace>, kBoth,
                               "The sum of the diagonal of a matrix.",
                               "x(3,3) | x(3,4) | xs(3,4) | x(0,3)");
static const Entry entry_unfold("unfold(input, dimension, size, step)", function<unfold>,
                                kMethodForm,
                                "A view of all windows of `size` elements of a dimension, `step` "
                                "apart, as a new last dimension.",
                                "x(7), 0, 3, 2 | x(3,4), 1, 2, 1 | x(3,4), 0, 3, 1 | xs(3,4), -1, "
                                "2, 2 | x(), 0, 1, 1");

}  // namespace pullback
