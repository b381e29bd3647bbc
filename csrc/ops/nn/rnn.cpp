// The plain recurrent network (see recurrent.h).
//
// For the two ways backward see steps.h.
#include "kernels/nn/recurrent.h"
#include "ops/basic.h"
#include "ops/followed.h"
#include "ops/linalg/matmul.h"
#include "ops/nn/recurrent.h"
#include "ops/nn/steps.h"
#include "ops/op.h"
#include "ops/pointwise/activation.h"
#include "ops/pointwise/arithmetic.h"

namespace pullback {
namespace {

using namespace recurrent;
using kernels::Squash;

struct RnnAttrs {
  recurrent::Steps steps;
  Squash squash;
  RnnAttrs batched(std::int64_t) const { return *this; }
};

// d times the slope where the state is `h`.
Tensor sloped(Squash squash, const Tensor& d, const Tensor& h) {
  return squash == Squash::Tanh ? d * tanh_slope(h) : relu_grad(d, h);
}

// Of what came from the input and the state, and h0.
using Backward = std::array<Tensor, 2>;

Backward recorded_backward(const recurrent::Steps& a, Squash squash, const Tensor& g_out,
                           const Tensor& out, const Tensor& w) {
  const List states = each_step(a, out), g = each_step(a, g_out);
  List found(a.steps());
  Carried h;
  for (std::size_t s = a.steps(); s-- > 0;) {
    const std::size_t t = a.step(s);
    Tensor dh = h.take(a.count(t));
    add_to(dh, g[t]);
    found[t] = sloped(squash, dh, states[t]);
    h.put(matmul(found[t], w));
  }
  return {joined(found), h.at_start()};
}

// The same by one kernel.  Inputs: gradient of the states, states, h0, weight.
struct RnnGrad {
  static constexpr const char* kNode = "RnnBackwardBackward0";
  static constexpr int kInputs = 4;
  static constexpr int kOutputs = 2;
  static constexpr bool kNotDifferentiable = true;
  using Attrs = RnnAttrs;
  static std::array<Spec, 2> spec(const Attrs&, In in) {
    return {Spec{in[1].shape(), in[1].dtype()}, Spec{in[2].shape(), in[1].dtype()}};
  }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    for (const int i : {0, 1}) w.need_dense(i, in[i]);
  }
  static void fill(const Attrs& a, In in, const std::array<Tensor, 2>& out, const Workspace& w) {
    const Tensor g = w.dense(0, in[0]), states = w.dense(1, in[1]);
    kernels::rnn_grad(view_of(out[0]), view_of(out[1]), view_of(g), view_of(states), view_of(in[3]),
                      a.squash, a.steps.view());
  }
};

// Inputs: what comes from the input, h0, weight of the state.
struct Rnn {
  static constexpr const char* kNode = "RnnBackward0";
  static constexpr int kInputs = 3;
  static constexpr int kOutputs = 1;
  using Attrs = RnnAttrs;
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    w.need_dense(1, in[1]);
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    const Tensor h0 = w.dense(1, in[1]);
    copy_values(out, in[0]);
    kernels::rnn(view_of(out), view_of(h0), view_of(in[2]), a.squash, a.steps.view());
  }
  static constexpr Reads kReads = kReadsB | kReadsC | kReadsY;

  static void vjp(Vjp<Rnn>& v) {
    const recurrent::Steps& a = v.attrs().steps;
    const Tensor g = v.grad(0), h0 = v.in(1), w = v.in(2);
    Tensor out = v.out(0);
    Backward d;
    if (is_followed({&g, &out, &w})) {
      out = clone(out);
      d = recorded_backward(a, v.attrs().squash, g, out, w);
    } else {
      d = apply<RnnGrad>(v.attrs(), g, out, h0, w);
    }
    if (v.wants(0)) v.give(0, d[0]);
    if (v.wants(1)) v.give(1, d[1]);
    if (v.wants(2)) v.give(2, of_weight(a, d[0], out, h0));
  }

  static Tensor jvp(Jvp<Rnn>& j) {
    const recurrent::Steps& a = j.attrs().steps;
    const Tensor &h0 = j.in(1), &w = j.in(2), t_w = j.tangent(2);
    const Tensor t_h0 = tangent_or_zeros(j.tangent(1), h0);
    const List t_x = each_step(a, j.tangent(0)), states = each_step(a, j.out(0));
    List found(a.steps());
    for (std::size_t s = 0; s < a.steps(); ++s) {
      const std::size_t t = a.step(s);
      Tensor sum = matmul(before(a, found, t_h0, s), matrix_transpose(w));
      if (t_w.defined()) sum = sum + matmul(before(a, states, h0, s), matrix_transpose(t_w));
      if (!t_x.empty()) add_to(sum, t_x[t]);
      found[t] = sloped(j.attrs().squash, sum, states[t]);
    }
    return joined(found);
  }
};

}  // namespace

Tensor rnn_steps(const Tensor& gates, const Tensor& h0, const Tensor& weight, bool relu,
                 const Dims& counts, bool back) {
  recurrent::check_counts(counts);
  check(gates.ndim() == 2 && h0.ndim() == 2 && weight.ndim() == 2, "_rnn_steps: expected matrices");
  check_types("rnn", gates, {&h0, &weight});
  const recurrent::Steps a{counts, back};
  const std::int64_t hidden = h0.size(1);
  check(gates.size(0) == a.rows() && gates.size(1) == hidden && h0.size(0) == a.sequences() &&
            weight.shape() == Dims{hidden, hidden},
        "_rnn_steps: sizes that do not fit: got gates ", gates.shape(), ", h0 ", h0.shape(),
        " and weight ", weight.shape(), " for steps of ", counts, " rows");
  return apply<Rnn>({a, relu ? Squash::Relu : Squash::Tanh}, gates, h0, weight);
}

}  // namespace pullback
