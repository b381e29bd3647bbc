// A GRU (see recurrent.h).
//
// The second result, the values of the gates and the product that was reset, spares the backward
// pass a forward one.  For the two ways backward see steps.h.
#include "kernels/nn/recurrent.h"
#include "ops/basic.h"
#include "ops/followed.h"
#include "ops/linalg/matmul.h"
#include "ops/nn/recurrent.h"
#include "ops/nn/steps.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/reduce/reduction.h"
#include "ops/shape/join.h"
#include "ops/shape/view.h"

namespace pullback {
namespace {

using namespace recurrent;

// Of what came from the input, of what came from the state, and h0.
using Backward = std::array<Tensor, 3>;

Backward recorded_backward(const recurrent::Steps& a, const Tensor& g_out, const Tensor& g_values,
                           const Tensor& out, const Tensor& values, const Tensor& h0,
                           const Tensor& w) {
  const List states = each_step(a, out), value = each_step(a, values);
  const List g = each_step(a, g_out), more = each_step(a, g_values);
  List of_gates(a.steps()), of_state(a.steps());
  Carried h;
  for (std::size_t s = a.steps(); s-- > 0;) {
    const std::size_t t = a.step(s);
    Tensor dh = h.take(a.count(t));
    if (!g.empty()) add_to(dh, g[t]);
    if (!dh.defined()) dh = expanded_zeros(states[t].shape(), states[t].dtype());
    const List v = gates_of(value[t], 4);
    const List d = more.empty() ? List(4) : gates_of(more[t], 4);
    const auto with = [&d](Tensor sum, std::size_t k) {
      add_to(sum, d[k]);
      return sum;
    };
    const Tensor of_new = with(dh * (1 - v[1]), 2) * tanh_slope(v[2]);
    const Tensor of_reset = with(of_new * v[3], 0) * sigmoid_slope(v[0]);
    const Tensor of_update = with(dh * (before(a, states, h0, s) - v[2]), 1) * sigmoid_slope(v[1]);
    of_gates[t] = cat({of_reset, of_update, of_new}, -1);
    of_state[t] = cat({of_reset, of_update, with(of_new * v[0], 3)}, -1);
    h.put(dh * v[1] + matmul(of_state[t], w));
  }
  return {joined(of_gates), joined(of_state), h.at_start()};
}

// The same by one kernel.  Inputs: gradient of the states, states, values, h0, weight.
struct GruGrad {
  static constexpr const char* kNode = "GruBackwardBackward0";
  static constexpr int kInputs = 5;
  static constexpr int kOutputs = 3;
  static constexpr bool kNotDifferentiable = true;
  using Attrs = recurrent::Steps;
  static std::array<Spec, 3> spec(const Attrs& a, In in) {
    const Tensor& out = in[1];
    const Spec gates{with_last(out, a.rows(), 3 * last_size(out)), out.dtype()};
    return {gates, gates, Spec{in[3].shape(), out.dtype()}};
  }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    for (int i = 0; i < 4; ++i) w.need_dense(i, in[i]);
  }
  static void fill(const Attrs& a, In in, const std::array<Tensor, 3>& out, const Workspace& w) {
    const Tensor g = w.dense(0, in[0]), states = w.dense(1, in[1]), values = w.dense(2, in[2]),
                 h0 = w.dense(3, in[3]);
    kernels::gru_grad(view_of(out[0]), view_of(out[1]), view_of(out[2]), view_of(g),
                      view_of(states), view_of(values), view_of(h0), view_of(in[4]), a.view());
  }
};

// Inputs: what comes from the input, h0, weight of the state, bias of what is reset (which may be
// missing).
struct Gru {
  static constexpr const char* kNode = "GruBackward0";
  static constexpr int kInputs = 4;
  static constexpr int kOutputs = 2;
  using Attrs = recurrent::Steps;
  static std::array<Spec, 2> spec(const Attrs& a, In in) {
    const std::int64_t hidden = last_size(in[1]);
    return {Spec{with_last(in[0], a.rows(), hidden), in[0].dtype()},
            Spec{with_last(in[0], a.rows(), 4 * hidden), in[0].dtype()}};
  }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    for (const int i : {0, 1, 3}) {
      if (in[i].defined()) w.need_dense(i, in[i]);
    }
  }
  static void fill(const Attrs& a, In in, const std::array<Tensor, 2>& out, const Workspace& w) {
    const Tensor gates = w.dense(0, in[0]), h0 = w.dense(1, in[1]);
    Tensor bias;
    kernels::View of_bias{};
    if (in[3].defined()) {
      bias = w.dense(3, in[3]);
      of_bias = view_of(bias);
    }
    kernels::gru(view_of(out[0]), view_of(out[1]), view_of(gates), view_of(h0), view_of(in[2]),
                 bias.defined() ? &of_bias : nullptr, a.view());
  }
  static constexpr Reads kReads = kReadsInputs | kReadsResults;

  static void vjp(Vjp<Gru>& v) {
    const Attrs& a = v.attrs();
    const Tensor h0 = v.in(1), w = v.in(2), values = v.out(1), g = v.grad(0), more = v.grad(1);
    Tensor out = v.out(0);
    Backward d;
    if (more.defined() || is_followed({&g, &out, &values, &h0, &w})) {
      out = clone(out);
      d = recorded_backward(a, g, more, out, values, h0, w);
    } else {
      d = apply<GruGrad>(a, g, out, values, h0, w);
    }
    if (v.wants(0)) v.give(0, d[0]);
    if (v.wants(1)) v.give(1, d[2]);
    if (v.wants(2)) v.give(2, of_weight(a, d[1], out, h0));
    if (v.wants(3)) {
      const std::int64_t hidden = last_size(h0);
      v.give(3, sum(narrow(d[1], d[1].ndim() - 1, 2 * hidden, hidden), Dims{-2}, true));
    }
  }

  static std::array<Tensor, 2> jvp(Jvp<Gru>& j) {
    const Attrs& a = j.attrs();
    const Tensor &h0 = j.in(1), &w = j.in(2), t_w = j.tangent(2), t_bias = j.tangent(3);
    const Tensor t_h0 = tangent_or_zeros(j.tangent(1), h0);
    const List t_x = each_step(a, j.tangent(0));
    const List states = each_step(a, j.out(0)), value = each_step(a, j.out(1));
    List t_states(a.steps()), t_values(a.steps());
    for (std::size_t s = 0; s < a.steps(); ++s) {
      const std::size_t t = a.step(s);
      const Tensor h = before(a, states, h0, s), t_h = before(a, t_states, t_h0, s);
      Tensor products = matmul(t_h, matrix_transpose(w));
      if (t_w.defined()) products = products + matmul(h, matrix_transpose(t_w));
      List d = gates_of(products, 3);
      add_to(d[2], t_bias);
      const List x = t_x.empty() ? List(3) : gates_of(t_x[t], 3);
      const List v = gates_of(value[t], 4);
      for (std::size_t k = 0; k < 2; ++k) {
        add_to(d[k], x[k]);
        d[k] = d[k] * sigmoid_slope(v[k]);
      }
      Tensor made = d[0] * v[3] + v[0] * d[2];
      add_to(made, x[2]);
      made = made * tanh_slope(v[2]);
      t_values[t] = cat({d[0], d[1], made, d[2]}, -1);
      t_states[t] = made + d[1] * (h - v[2]) + v[1] * (t_h - made);
    }
    return {joined(t_states), joined(t_values)};
  }
};

}  // namespace

Tensor gru_steps(const Tensor& gates, const Tensor& h0, const Tensor& weight, const Tensor& bias,
                 const Dims& counts, bool back) {
  recurrent::check_counts(counts);
  check(gates.ndim() == 2 && h0.ndim() == 2 && weight.ndim() == 2, "_gru_steps: expected matrices");
  check_types("gru", gates, {&h0, &weight, &bias});
  const recurrent::Steps a{counts, back};
  const std::int64_t hidden = h0.size(1);
  check(gates.size(0) == a.rows() && gates.size(1) == 3 * hidden && h0.size(0) == a.sequences() &&
            weight.shape() == Dims{3 * hidden, hidden} &&
            (!bias.defined() || bias.shape() == Dims{1, hidden}),
        "_gru_steps: sizes that do not fit: got gates ", gates.shape(), ", h0 ", h0.shape(),
        " and weight ", weight.shape(), " for steps of ", counts, " rows");
  return apply<Gru>(a, gates, h0, weight, bias)[0];
}

}  // namespace pullback
