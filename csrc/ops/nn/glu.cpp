// The gated linear unit.
#include "kernels/elementwise.h"
#include "ops/basic.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/math.h"
#include "ops/shape/join.h"
#include "ops/shape/view.h"
#include "ops/table.h"

namespace pullback {

using kernels::binary;
using kernels::unary;

namespace {

// a * sigmoid(b) of the two halves of a dimension.
struct Glu {
  static constexpr const char* kNode = "GluBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  struct Attrs {
    std::int64_t dim;
    Attrs batched(std::int64_t) const { return {dim + 1}; }
  };
  static Tensor half(const Attrs& a, const Tensor& x, int which) {
    const std::int64_t n = x.size(static_cast<int>(a.dim)) / 2;
    return narrow(x, a.dim, which * n, n);
  }
  static Spec spec(const Attrs& a, In in) {
    Dims sizes = in[0].shape();
    sizes[static_cast<int>(a.dim)] /= 2;
    return {sizes, in[0].dtype()};
  }
  static Tensor make(const Attrs& a, const Tensor& x) {
    return empty_strided_like(half(a, x.detach(), 0), x.dtype());
  }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    const Tensor x = in[0].detach();
    kernels::apply(unary<"sigmoid">, view_of(out), {view_of(half(a, x, 1))});
    kernels::apply(binary<"mul">, view_of(out), {view_of(out), view_of(half(a, x, 0))});
  }
  static constexpr Reads kReads = kReadsX;
  static void vjp(Vjp<Glu>& v) {
    const Tensor x = v.in(0);
    const Tensor first = half(v.attrs(), x, 0);
    const Tensor gate = sigmoid(half(v.attrs(), x, 1));
    const Tensor g = v.grad() * gate;
    v.give(0, cat({g, g * first * (1 - gate)}, v.attrs().dim));
  }
  static Tensor jvp(Jvp<Glu>& j) {
    const Tensor first = half(j.attrs(), j.in(0), 0);
    const Tensor gate = sigmoid(half(j.attrs(), j.in(0), 1));
    return gate * (half(j.attrs(), j.tangent(0), 0) +
                   first * (1 - gate) * half(j.attrs(), j.tangent(0), 1));
  }
};

Tensor glu(const Tensor& input, std::int64_t dim) {
  check(input.ndim() > 0, "glu does not support scalars because halving size must be even");
  const int d = wrap_dim(dim, input.ndim());
  check(input.size(d) % 2 == 0, "Halving dimension must be even, but dimension ", d, " is size ",
        input.size(d));
  check(ErrorKind::NotImplemented, is_floating(input.dtype()), "\"glu\" not implemented for '",
        info(input.dtype()).scalar_name, "'");
  return apply<Glu>({d}, input);
}
const Entry entry_glu("glu(input, dim=-1)", function<glu>, kNNForm | kPlainNames,
                      "The first half of a dimension times the sigmoid of the second.",
                      "x(3,4) | x(4,3), 0 | xs(4,3,2), dim=-3 | x(0,4)");

}  // namespace

}  // namespace pullback
