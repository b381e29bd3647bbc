// Copies with the elements in other places: flip, roll, rot90, triu, tril.
#include <cstring>

#include "kernels/copy.h"
#include "kernels/parallel.h"
#include "ops/basic.h"
#include "ops/op.h"
#include "ops/shape/roll.h"
#include "ops/shape/view.h"
#include "ops/shape/window.h"
#include "ops/table.h"

namespace pullback {
namespace {

// Memory seen in a geometry that a tensor cannot have (negative strides).
struct RawView {
  Dims sizes;
  Dims strides;
  char* data;
  DType dtype;

  explicit RawView(const Tensor& t)
      : sizes(t.sizes()), strides(t.strides()), data(t.bytes()), dtype(t.dtype()) {}
  void flip(int d) {
    if (sizes[d] > 1) data += (sizes[d] - 1) * strides[d] * std::int64_t(item_size(dtype));
    strides[d] = -strides[d];
  }
  void swap(int a, int b) {
    std::swap(sizes[a], sizes[b]);
    std::swap(strides[a], strides[b]);
  }
  kernels::View view() const { return {data, sizes.data(), strides.data(), sizes.size(), dtype}; }
};

struct Flip {
  static constexpr const char* kNode = "FlipBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
  static constexpr bool kLinear = true;
  struct Attrs {
    Dims dims;
    Attrs batched(std::int64_t) const {
      Attrs b = *this;
      for (std::int64_t& d : b.dims) ++d;
      return b;
    }
  };
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  static Tensor make(const Attrs&, const Tensor& x) { return empty_strided_like(x, x.dtype()); }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    if (out.numel() == 0) return;
    RawView from(in[0]);
    for (const std::int64_t d : a.dims) from.flip(static_cast<int>(d));
    kernels::copy(view_of(out), from.view());
  }
  static void vjp(Vjp<Flip>& v) { v.give(0, flip(v.grad(), v.attrs().dims)); }
};

struct Roll {
  static constexpr const char* kNode = "RollBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
  static constexpr bool kLinear = true;
  struct Attrs {
    Dims shifts;  // in [0, size)
    Dims dims;    // none: the elements row by row, behind `lead` dimensions
    int lead;
    Attrs batched(std::int64_t) const {
      Attrs b = *this;
      for (std::int64_t& d : b.dims) ++d;
      ++b.lead;
      return b;
    }
  };
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  static void workspace(const Attrs& a, In in, const Tensor& out, Workspace& w) {
    if (!a.dims.empty()) return;
    w.need_dense(0, in[0]);
    w.need_dense(1, out);
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    if (out.numel() == 0) return;
    if (!a.dims.empty()) return copy_rolled(a, 0, in[0], out);
    const Tensor& from = w.dense(0, in[0]);
    const Tensor& to = out.is_contiguous() ? out : w[1];
    Dims rows{1, 1};
    for (int d = 0; d < out.ndim(); ++d) rows[d < a.lead ? 0 : 1] *= out.size(d);
    const Dims strides = contiguous_strides(rows);
    copy_rolled({a.shifts, {1}, 0}, 0, from.alias(rows, strides), to.alias(rows, strides));
    if (!to.is_same(out)) kernels::copy(view_of(out), view_of(to));
  }
  // Two blocks for every dimension that is rolled.
  static void copy_rolled(const Attrs& a, int k, const Tensor& in, const Tensor& out) {
    if (k == a.dims.size()) return kernels::copy(view_of(out), view_of(in));
    const int d = static_cast<int>(a.dims[k]);
    const std::int64_t size = in.size(d);
    const std::int64_t shift = ((a.shifts[k] % size) + size) % size;
    const auto part = [d](const Tensor& t, std::int64_t start, std::int64_t length) {
      return Window{Window::Kind::Slice, d, 0, start, length}.show(t);
    };
    copy_rolled(a, k + 1, part(in, 0, size - shift), part(out, shift, size - shift));
    if (shift > 0) copy_rolled(a, k + 1, part(in, size - shift, shift), part(out, 0, shift));
  }
  static void vjp(Vjp<Roll>& v) {
    Attrs back = v.attrs();
    for (std::int64_t& shift : back.shifts) shift = -shift;
    v.give(0, apply<Roll>(back, v.grad()));
  }
};

struct Rot90 {
  static constexpr const char* kNode = "Rot90Backward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
  static constexpr bool kLinear = true;
  struct Attrs {
    int k;  // 0 to 3
    int dim0;
    int dim1;
    Attrs batched(std::int64_t) const { return {k, dim0 + 1, dim1 + 1}; }
  };
  static Dims sizes(const Attrs& a, const Tensor& x) {
    Dims sizes = x.shape();
    if (a.k % 2) std::swap(sizes[a.dim0], sizes[a.dim1]);
    return sizes;
  }
  static Spec spec(const Attrs& a, In in) { return {sizes(a, in[0]), in[0].dtype()}; }
  static Tensor make(const Attrs& a, const Tensor& x) {
    const Tensor out = empty_strided_like(x, x.dtype());
    Dims strides(out.strides());
    if (a.k % 2) std::swap(strides[a.dim0], strides[a.dim1]);
    return out.alias(sizes(a, x), strides);
  }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    if (out.numel() == 0) return;
    RawView from(in[0]);
    if (a.k == 1 || a.k == 2) from.flip(a.dim1);
    if (a.k == 3 || a.k == 2) from.flip(a.dim0);
    if (a.k % 2) from.swap(a.dim0, a.dim1);
    kernels::copy(view_of(out), from.view());
  }
  static void vjp(Vjp<Rot90>& v) {
    const Attrs& a = v.attrs();
    v.give(0, apply<Rot90>({(4 - a.k) % 4, a.dim0, a.dim1}, v.grad()));
  }
};

struct Triangle {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
  static constexpr bool kLinear = true;
  struct Attrs {
    bool upper;
    std::int64_t diagonal;
    Attrs batched(std::int64_t) const { return *this; }
  };
  static const char* node_name(const Attrs& a) {
    return a.upper ? "TriuBackward0" : "TrilBackward0";
  }
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  // Row i keeps a range of columns.
  static void workspace(const Attrs&, In in, const Tensor& out, Workspace& w) {
    w.need_dense(0, in[0]);
    w.need_dense(1, out);
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    const Tensor& x = w.dense(0, in[0]);
    const Tensor& to = out.is_contiguous() ? out : w[1];
    const std::int64_t rows = out.size(out.ndim() - 2);
    const std::int64_t columns = out.size(out.ndim() - 1);
    const auto item = static_cast<std::int64_t>(item_size(out.dtype()));
    const std::int64_t lines = columns == 0 ? 0 : out.numel() / columns;
    kernels::parallel_for(
        lines, std::max<std::int64_t>(65536 / std::max<std::int64_t>(columns, 1), 1),
        [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t line = begin; line < end; ++line) {
            const std::int64_t i = line % rows;
            const std::int64_t cut = i + a.diagonal + (a.upper ? 0 : 1);
            const std::int64_t at = std::clamp(cut, std::int64_t{0}, columns);
            char* left = to.bytes() + line * columns * item;
            char* right = left + at * item;
            const char* from = x.bytes() + line * columns * item;
            const auto left_bytes = static_cast<std::size_t>(at * item);
            const auto right_bytes = static_cast<std::size_t>((columns - at) * item);
            if (a.upper) {
              std::memset(left, 0, left_bytes);
              std::memcpy(right, from + at * item, right_bytes);
            } else {
              std::memcpy(left, from, left_bytes);
              std::memset(right, 0, right_bytes);
            }
          }
        });
    if (!to.is_same(out)) kernels::copy(view_of(out), view_of(to));
  }
  static void vjp(Vjp<Triangle>& v) { v.give(0, apply<Triangle>(v.attrs(), v.grad())); }
};

}  // namespace

Tensor flip(const Tensor& input, const Dims& dims) {
  return apply<Flip>(
      {input.ndim() == 0 ? (wrap_dims(dims, 0), Dims()) : wrap_dims(dims, input.ndim())}, input);
}

static Tensor fliplr(const Tensor& input) {
  check(input.ndim() >= 2, "Input must be >= 2-d.");
  return flip(input, {1});
}

static Tensor flipud(const Tensor& input) {
  check(input.ndim() >= 1, "Input must be >= 1-d.");
  return flip(input, {0});
}

Tensor roll(const Tensor& input, const Dims& shifts, const std::optional<Dims>& along) {
  const Dims dims = along.value_or(Dims());
  check(!shifts.empty(), "`shifts` required");
  Dims at;
  Dims total;  // a dimension that is named twice rolls by the sum
  if (shifts.size() != 1 || !dims.empty()) {
    check(shifts.size() == dims.size(), "shifts and dimensions must align. shifts: ", shifts.size(),
          ", dims:", dims.size());
    for (int k = 0; input.numel() != 0 && k < dims.size(); ++k) {
      const int d = wrap_own_dim(dims[k], input.ndim());
      const auto found = std::find(at.begin(), at.end(), d);
      if (found != at.end()) {
        total[static_cast<int>(found - at.begin())] += shifts[k];
      } else {
        at.push_back(d);
        total.push_back(shifts[k]);
      }
    }
  } else {
    total = shifts;
  }
  if (input.ndim() == 0) at = total = Dims();
  return apply<Roll>({total, at, 0}, input);
}

static Tensor rot90(const Tensor& input, std::int64_t k, const Dims& dims) {
  check(dims.size() == 2, "expected total rotation dims == 2, but got dims = ", dims.size());
  check(input.ndim() >= 2, "expected total dims >= 2, but got total dims = ", input.ndim());
  const int dim0 = wrap_dim(dims[0], input.ndim());
  const int dim1 = wrap_dim(dims[1], input.ndim());
  check(dim0 != dim1, "expected rotation dims to be different, but got dim0 = ", dims[0],
        " and dim1 = ", dims[1]);
  return apply<Rot90>({static_cast<int>((k % 4 + 4) % 4), dim0, dim1}, input);
}

Tensor triu(const Tensor& input, std::int64_t diagonal) {
  check(input.ndim() >= 2, "triu: input tensor must have at least 2 dimensions");
  return apply<Triangle>({true, diagonal}, input);
}

Tensor tril(const Tensor& input, std::int64_t diagonal) {
  check(input.ndim() >= 2, "tril: input tensor must have at least 2 dimensions");
  return apply<Triangle>({false, diagonal}, input);
}

static const Entry entry_flip("flip(input, dims)", function<flip>, kFunctionForm,
                              "The elements in reverse order along the given dimensions.",
                              "x(3,4), (0,) | x(3,4), (0,1) | x(3,4), [-1] | xs(3,4), (1,) | x(), "
                              "() | x(0,3), (0,)");
static const Entry entry_flip_method("flip(input, *dims)", function<flip>, kMethodForm,
                                     "The elements in reverse order along the given dimensions.",
                                     "x(3,4), 0 | x(3,4), 0, 1 | x(3,4), (0,1)");
static const Entry entry_fliplr("fliplr(input)", function<fliplr>, kView,
                                "The columns in reverse order.", "x(3,4) | x(2,3,2)");
static const Entry entry_flipud("flipud(input)", function<flipud>, kView,
                                "The rows in reverse order.", "x(3,4) | x(3)");
static const Entry entry_roll("roll(input, shifts[1], dims[1]=())", function<roll>, kView,
                              "The elements moved along dimensions, those that fall off the end "
                              "entering at the front; without dims row by row.",
                              "x(3,4), 1 | x(3,4), 1, 0 | x(3,4), (-1,6), (0,1) | xs(3,4), 5 | "
                              "xs(3,4), 2, -1 | x(), 1 | x(0,3), 1, 0 | x(3), (1,1), (0,0)");
static const Entry entry_rot90("rot90(input, k=1, dims=(0, 1))", function<rot90>, kView,
                               "The tensor turned k times by 90 degrees, dims[0] towards dims[1].",
                               "x(3,4) | x(3,4), 2 | x(3,4), -1 | x(2,3,4), 1, (0,2) | xs(3,4), 3, "
                               "(1,0) | x(3,4), 4 | x(0,3)");
static const Entry entry_triu("triu(input, diagonal:index=0)", direct<triu>, kBoth | kInPlaceForm,
                              "The part of matrices on and above a diagonal, zeros elsewhere.",
                              "x(3,4) | x(3,4), 1 | x(3,4), -1 | x(2,3,3) | xs(3,4), diagonal=9 "
                              "| x(0,3)");
static const Entry entry_tril("tril(input, diagonal:index=0)", direct<tril>, kBoth | kInPlaceForm,
                              "The part of matrices on and below a diagonal, zeros elsewhere.",
                              "x(3,4) | x(3,4), 1 | x(3,4), -1 | x(2,3,3) | xs(3,4), diagonal=-9 "
                              "| x(0,3)");

}  // namespace pullback
