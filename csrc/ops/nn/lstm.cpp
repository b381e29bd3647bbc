// An LSTM (see recurrent.h).
//
// Its results are the states, the cells and the values of the gates; the first two are what a user
// sees, the third spares the backward pass a forward one.  The backward pass is one kernel where
// nothing is differentiated again; where a graph of it or tangents are wanted, the same recurrence
// is written in recorded operators, step by step (`recorded_backward`).  Products that give the
// gradients of the weights are taken over all steps at once.
#include "kernels/nn/recurrent.h"
#include "ops/basic.h"
#include "ops/followed.h"
#include "ops/linalg/matmul.h"
#include "ops/nn/recurrent.h"
#include "ops/nn/steps.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/math.h"
#include "ops/shape/join.h"
#include "ops/shape/view.h"

namespace pullback {
namespace {

using namespace recurrent;

// Of the gates before their nonlinearities, h0, c0, and the projected states.
using Backward = std::array<Tensor, 4>;

struct Given {
  const Tensor& out;  // gradients, undefined for zeros
  const Tensor& cells;
  const Tensor& gates;
};

Backward recorded_backward(const recurrent::Steps& a, const Given& g, const Tensor& gates,
                           const Tensor& cells, const Tensor& c0, const Tensor& w,
                           const Tensor& projection) {
  const List values = each_step(a, gates), cell = each_step(a, cells);
  const List g_out = each_step(a, g.out), g_cells = each_step(a, g.cells);
  const List g_gates = each_step(a, g.gates);
  List of_gates(a.steps()), of_out(a.steps());
  Carried h, c;
  for (std::size_t s = a.steps(); s-- > 0;) {
    const std::size_t t = a.step(s);
    const std::int64_t count = a.count(t);
    Tensor dh = h.take(count), dc = c.take(count);
    if (!g_out.empty()) add_to(dh, g_out[t]);
    if (!g_cells.empty()) add_to(dc, g_cells[t]);
    if (!dh.defined()) {
      dh = expanded_zeros(with_last(cell[t], count, last_size(w)), cell[t].dtype());
    }
    of_out[t] = dh;
    if (projection.defined()) dh = matmul(dh, projection);
    const List v = gates_of(values[t], 4);
    const Tensor y = tanh(cell[t]);
    add_to(dc, dh * v[3] * tanh_slope(y));
    List d{dc * v[2], dc * before(a, cell, c0, s), dc * v[0], dh * y};
    if (!g_gates.empty()) {
      const List more = gates_of(g_gates[t], 4);
      for (std::size_t k = 0; k < 4; ++k) d[k] = d[k] + more[k];
    }
    for (std::size_t k = 0; k < 4; ++k) {
      d[k] = d[k] * (k == 2 ? tanh_slope(v[k]) : sigmoid_slope(v[k]));
    }
    of_gates[t] = cat(d, -1);
    h.put(matmul(of_gates[t], w));
    c.put(dc * v[1]);
  }
  return {joined(of_gates), h.at_start(), c.at_start(), joined(of_out)};
}

kernels::LstmWeights weights_of(const Tensor& w, const kernels::View* projection) {
  return {view_of(w), projection};
}

// The same by one kernel.  Inputs: gradients of states and cells, gates, cells, c0, weight,
// projection.  The fourth result is empty without a projection.
struct LstmGrad {
  static constexpr const char* kNode = "LstmBackwardBackward0";
  static constexpr int kInputs = 7;
  static constexpr int kOutputs = 4;
  static constexpr bool kNotDifferentiable = true;
  using Attrs = recurrent::Steps;
  static std::array<Spec, 4> spec(const Attrs& a, In in) {
    const Tensor &gates = in[2], &c0 = in[4];
    const std::int64_t sequences = c0.size(c0.ndim() - 2), state = last_size(in[5]);
    const DType dtype = gates.dtype();
    return {Spec{gates.shape(), dtype}, Spec{with_last(c0, sequences, state), dtype},
            Spec{c0.shape(), dtype},
            Spec{with_last(c0, in[6].defined() ? a.rows() : 0, state), dtype}};
  }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    for (int i = 0; i < 5; ++i) {
      if (in[i].defined()) w.need_dense(i, in[i]);
    }
  }
  static void fill(const Attrs& a, In in, const std::array<Tensor, 4>& out, const Workspace& w) {
    Tensor dense[5];
    kernels::View views[5]{}, projection{};
    for (int i = 0; i < 5; ++i) {
      if (!in[i].defined()) continue;
      dense[i] = w.dense(i, in[i]);
      views[i] = view_of(dense[i]);
    }
    const bool projects = in[6].defined();
    if (projects) projection = view_of(in[6]);
    const kernels::View of_out = view_of(out[3]);
    kernels::lstm_grad(view_of(out[0]), view_of(out[1]), view_of(out[2]),
                       projects ? &of_out : nullptr,
                       {in[0].defined() ? &views[0] : nullptr,
                        in[1].defined() ? &views[1] : nullptr, views[2], views[3], views[4]},
                       weights_of(in[5], projects ? &projection : nullptr), a.view());
  }
};

// Inputs: what comes from the input, h0, c0, weight of the state, projection (which may be
// missing).
struct Lstm {
  static constexpr const char* kNode = "LstmBackward0";
  static constexpr int kInputs = 5;
  static constexpr int kOutputs = 3;
  using Attrs = recurrent::Steps;
  static std::array<Spec, 3> spec(const Attrs& a, In in) {
    const Tensor& x = in[0];
    return {Spec{with_last(x, a.rows(), last_size(in[1])), x.dtype()},
            Spec{with_last(x, a.rows(), last_size(in[2])), x.dtype()}, Spec{x.shape(), x.dtype()}};
  }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    w.need_dense(1, in[1]);
    w.need_dense(2, in[2]);
  }
  static void fill(const Attrs& a, In in, const std::array<Tensor, 3>& out, const Workspace& w) {
    const Tensor h0 = w.dense(1, in[1]), c0 = w.dense(2, in[2]);
    kernels::View projection{};
    if (in[4].defined()) projection = view_of(in[4]);
    copy_values(out[2], in[0]);
    kernels::lstm(view_of(out[0]), view_of(out[1]), view_of(out[2]), view_of(h0), view_of(c0),
                  weights_of(in[3], in[4].defined() ? &projection : nullptr), a.view());
  }
  static constexpr Reads kReads = kReadsInputs | kReadsResults;

  static Tensor unprojected(const Tensor& gates, const Tensor& cells) {
    const std::int64_t hidden = last_size(cells);
    return narrow(gates, gates.ndim() - 1, 3 * hidden, hidden) * tanh(cells);
  }

  static void vjp(Vjp<Lstm>& v) {
    const Attrs& a = v.attrs();
    const Tensor h0 = v.in(1), c0 = v.in(2), w = v.in(3), projection = v.in(4);
    Tensor out = v.out(0);
    const Tensor cells = v.out(1), gates = v.out(2);
    const Given g{v.grad(0), v.grad(1), v.grad(2)};
    Backward d;
    if (g.gates.defined() ||
        is_followed({&g.out, &g.cells, &gates, &cells, &c0, &w, &projection})) {
      out = clone(out);
      d = recorded_backward(a, g, gates, cells, c0, w, projection);
    } else {
      d = apply<LstmGrad>(a, g.out, g.cells, gates, cells, c0, w, projection);
    }
    for (int i = 0; i < 3; ++i) {
      if (v.wants(i)) v.give(i, d[std::size_t(i)]);
    }
    if (v.wants(3)) v.give(3, of_weight(a, d[0], out, h0));
    if (v.wants(4)) v.give(4, matmul(matrix_transpose(d[3]), unprojected(gates, cells)));
  }

  static std::array<Tensor, 3> jvp(Jvp<Lstm>& j) {
    const Attrs& a = j.attrs();
    const Tensor &h0 = j.in(1), &c0 = j.in(2), &w = j.in(3), &projection = j.in(4);
    const Tensor t_w = j.tangent(3), t_projection = j.tangent(4);
    const Tensor t_h0 = tangent_or_zeros(j.tangent(1), h0);
    const Tensor t_c0 = tangent_or_zeros(j.tangent(2), c0);
    const List t_x = each_step(a, j.tangent(0));
    const List out = each_step(a, j.out(0)), cell = each_step(a, j.out(1));
    const List values = each_step(a, j.out(2));
    List t_out(a.steps()), t_cell(a.steps()), t_gates(a.steps());
    for (std::size_t s = 0; s < a.steps(); ++s) {
      const std::size_t t = a.step(s);
      Tensor sum = matmul(before(a, t_out, t_h0, s), matrix_transpose(w));
      if (!t_x.empty()) sum = sum + t_x[t];
      if (t_w.defined()) sum = sum + matmul(before(a, out, h0, s), matrix_transpose(t_w));
      const List v = gates_of(values[t], 4);
      List d = gates_of(sum, 4);
      for (std::size_t k = 0; k < 4; ++k) {
        d[k] = d[k] * (k == 2 ? tanh_slope(v[k]) : sigmoid_slope(v[k]));
      }
      t_gates[t] = cat(d, -1);
      t_cell[t] = d[1] * before(a, cell, c0, s) + v[1] * before(a, t_cell, t_c0, s) + d[0] * v[2] +
                  v[0] * d[2];
      const Tensor y = tanh(cell[t]);
      t_out[t] = d[3] * y + v[3] * tanh_slope(y) * t_cell[t];
      if (!projection.defined()) continue;
      t_out[t] = matmul(t_out[t], matrix_transpose(projection));
      if (t_projection.defined()) {
        t_out[t] = t_out[t] + matmul(v[3] * y, matrix_transpose(t_projection));
      }
    }
    return {joined(t_out), joined(t_cell), joined(t_gates)};
  }
};

}  // namespace

std::array<Tensor, 3> lstm_steps(const Tensor& gates, const Tensor& h0, const Tensor& c0,
                                 const Tensor& weight, const Tensor& projection, const Dims& counts,
                                 bool back) {
  recurrent::check_counts(counts);
  check(gates.ndim() == 2 && h0.ndim() == 2 && c0.ndim() == 2 && weight.ndim() == 2,
        "_lstm_steps: expected matrices");
  check_types("lstm", gates, {&h0, &c0, &weight, &projection});
  const recurrent::Steps a{counts, back};
  const std::int64_t hidden = c0.size(1), sequences = a.sequences();
  check(gates.size(0) == a.rows() && gates.size(1) == 4 * hidden && h0.size(0) == sequences &&
            c0.size(0) == sequences && weight.size(0) == 4 * hidden &&
            weight.size(1) == h0.size(1) &&
            (projection.defined() ? projection.size(0) == h0.size(1) && projection.size(1) == hidden
                                  : h0.size(1) == hidden),
        "_lstm_steps: sizes that do not fit: got gates ", gates.shape(), ", h0 ", h0.shape(),
        ", c0 ", c0.shape(), " and weight ", weight.shape(), " for steps of ", counts, " rows");
  return apply<Lstm>(a, gates, h0, c0, weight, projection);
}

}  // namespace pullback
