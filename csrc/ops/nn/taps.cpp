// See taps.h.
#include "ops/nn/taps.h"

#include <utility>

#include "ops/format.h"
#include "ops/op.h"

namespace pullback {
namespace {

struct Tapped {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kLinear = true;
  static constexpr bool kComplex = true;
  struct Attrs {
    int dim;
    SharedTaps taps;
    bool transposed;
    const char* node;
    const char* constant;  // of the gradient, if that stays part of the graph
    Attrs batched(std::int64_t) const { return {dim + 1, taps, transposed, node, constant}; }
    const kernels::Taps& map() const { return transposed ? taps->backward : taps->forward; }
  };
  static const char* node_name(const Attrs& a) { return a.node; }
  static Spec spec(const Attrs& a, In in) {
    Dims sizes = in[0].shape();
    sizes[a.dim] = a.map().num_outputs();
    return {sizes, in[0].dtype()};
  }
  static Tensor make_for(const Attrs&, In in, const Spec& spec) {
    return empty_in(format_of(in[0]), spec.sizes, spec.dtype);
  }
  static void workspace(const Attrs&, In in, const Tensor& out, Workspace& w) {
    w.need_dense(0, in[0]);
    w.need_dense(1, out);
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    const Laid laid(out, w, 1);
    kernels::apply_taps(view_of(laid.memory()), view_of(w.dense(0, in[0])), a.dim, a.map());
    laid.finish();
  }
  static void vjp(Vjp<Tapped>& v) {
    Attrs back = v.attrs();
    back.transposed = !back.transposed;
    back.constant = nullptr;
    const Tensor gradient = apply<Tapped>(back, v.grad());
    const char* const node = v.attrs().constant;
    v.give(0, node && mode.grad ? stepwise(node, gradient, v.history_of(0)) : gradient);
  }
};

}  // namespace

SharedTaps share(kernels::Taps taps) {
  kernels::Taps back = taps.transposed();
  return std::make_shared<const TapsPair>(TapsPair{std::move(taps), std::move(back)});
}

Tensor apply_taps(const Tensor& input, int dim, const SharedTaps& taps, const char* node,
                  const char* constant) {
  return apply<Tapped>({dim, taps, false, node, constant}, input);
}

}  // namespace pullback
