// Copies with a part replaced: select_scatter, slice_scatter, diagonal_scatter.
//
// fill and copy_, which replace everything, are in assign.cpp; writing at positions given by
// tensors is in indexing.cpp, scatter.cpp and slices.cpp.
#include "kernels/copy.h"
#include "ops/basic.h"
#include "ops/op.h"
#include "ops/shape/window.h"
#include "ops/table.h"

namespace pullback {
namespace {

Tensor zeros_like(const Tensor& t) { return expanded_zeros(t.sizes(), t.dtype()); }

// Inputs: x, src in the shape of the window.
struct WindowScatter {
  static constexpr int kInputs = 2;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
  struct Attrs {
    Window window;
    Attrs batched(std::int64_t) const { return {window.batched()}; }
  };
  static const char* node_name(const Attrs& a) {
    if (a.window.kind == Window::Kind::Select) return "SelectScatterBackward0";
    if (a.window.kind == Window::Kind::Slice) return "SliceScatterBackward0";
    return "DiagonalScatterBackward0";
  }
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  static Tensor make(const Attrs&, const Tensor& x) { return empty_strided_like(x, x.dtype()); }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    kernels::copy(view_of(out), view_of(in[0]));
    kernels::copy(view_of(a.window.show(out)), view_of(in[1]));
  }
  static void vjp(Vjp<WindowScatter>& v) {
    const Window& window = v.attrs().window;
    if (v.wants(1)) v.give(1, show(window, v.grad()));
    if (!v.wants(0)) return;
    const Tensor none = expanded_zeros(window.show(v.grad()).sizes(), v.grad().dtype());
    v.give(0, apply<WindowScatter>(v.attrs(), v.grad(), none));
  }
  static Tensor jvp(Jvp<WindowScatter>& j) {
    const auto tangent = [&j](int i) {
      return j.tangent(i).defined() ? j.tangent(i) : zeros_like(j.in(i));
    };
    return apply<WindowScatter>(j.attrs(), tangent(0), tangent(1));
  }
};

Tensor write_window(const char* name, const Window& window, const Tensor& input,
                    const Tensor& src) {
  const Dims sizes = window.show(input).shape();
  check(same(sizes, src.sizes()), name, ": expected src to have a size equal to the part of self. ",
        "src size = ", src.shape(), ", part size = ", sizes);
  return apply<WindowScatter>({window}, input, cast(src, input.dtype()));
}

Tensor select_scatter(const Tensor& input, const Tensor& src, std::int64_t dim,
                      std::int64_t index) {
  return write_window("select_scatter", select_window(input, dim, index), input, src);
}

Tensor slice_scatter(const Tensor& input, const Tensor& src, std::int64_t dim,
                     std::optional<std::int64_t> start, std::optional<std::int64_t> end,
                     std::int64_t step) {
  wrap_dim(dim, input.ndim());
  check(step > 0, "slice step must be positive");
  const Window window = slice_window(input, dim, start.value_or(0), end.value_or(INT64_MAX), step);
  return write_window("slice_scatter", window, input, src);
}

Tensor diagonal_scatter(const Tensor& input, const Tensor& src, std::int64_t offset,
                        std::int64_t dim1, std::int64_t dim2) {
  return write_window("diagonal_scatter", diagonal_window(input, offset, dim1, dim2), input, src);
}

}  // namespace

static const Entry entry_select_scatter("select_scatter(input, src, dim, index:index)",
                                        function<select_scatter>, kFunctionForm | kMethodForm,
                                        "A copy of input with src at one position of dim.",
                                        "x(3,4), x(4), 0, 1 | xs(3,4), x(3), -1, -2");
static const Entry entry_slice_scatter(
    "slice_scatter(input, src, dim=0, start:index=None, end:index=None, step:index=1)",
    function<slice_scatter>, kBoth, "A copy of input with src in a slice of dim.",
    "x(5,2), x(2,2), 0, 1, 3 | x(2,5), x(2,3), 1, None, None, 2 | xs(3,4), x(3,4)");
static const Entry entry_diagonal_scatter(
    "diagonal_scatter(input, src, offset=0, dim1=0, dim2=1)", function<diagonal_scatter>,
    kFunctionForm | kMethodForm, "A copy of input with src on a diagonal.",
    "x(3,4), x(3) | x(3,4), x(2), -1 | x(2,3,4), x(2,3), 0, 1, 2");

}  // namespace pullback
