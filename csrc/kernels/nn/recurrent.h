// One direction of one layer of a recurrent network over all steps: an LSTM (Hochreiter and
// Schmidhuber 1997, with the forget gate of Gers et al. 2000), a GRU (Cho et al. 2014, with the
// reset gate behind the product with the state) and the plain network.
//
// For the layout of steps see steps.h.  What comes from the input is given for all rows.
#pragma once

#include <cstdint>

#include "kernels/nn/steps.h"
#include "kernels/view.h"

namespace pullback::kernels {

struct LstmWeights {
  View of_state;          // [4 hidden, state]
  const View* of_output;  // the projection [state, hidden], or null: state = hidden
};

// gates: in, what comes from the input [rows, 4 hidden] (input, forget, cell, output); out, the
// gates' values.  out: [rows, state], cells: [rows, hidden].
void lstm(const View& out, const View& cells, const View& gates, const View& h0, const View& c0,
          const LstmWeights& weights, const Steps& steps);

// What the backward pass reads; gradients that are null are zero.
struct LstmBackward {
  const View* g_out;
  const View* g_cells;
  View gates, cells, c0;
};
// d_gates: of what came from the input and the state, before the nonlinearities.  d_out: [rows,
// state], of the projected states with what came back from later steps, or null.
void lstm_grad(const View& d_gates, const View& d_h0, const View& d_c0, const View* d_out,
               const LstmBackward& b, const LstmWeights& weights, const Steps& steps);

// gates: what comes from the input [rows, 3 hidden] (reset, update, new); weight [3 hidden,
// hidden]; bias [1, hidden] of the product that is reset, or null.  values: [rows, 4 hidden], those
// of the gates, and the product that was reset, with its bias.
void gru(const View& out, const View& values, const View& gates, const View& h0, const View& weight,
         const View* bias, const Steps& steps);
// d_gates and d_state: [rows, 3 hidden], of what came from the input, and from the state.
void gru_grad(const View& d_gates, const View& d_state, const View& d_h0, const View& g_out,
              const View& out, const View& values, const View& h0, const View& weight,
              const Steps& steps);

enum class Squash : std::uint8_t { Tanh, Relu };
// out: in, what comes from the input [rows, hidden]; out, the states.  weight [hidden, hidden].
void rnn(const View& out, const View& h0, const View& weight, Squash squash, const Steps& steps);
// d: [rows, hidden], of what came from the input and the state.
void rnn_grad(const View& d, const View& d_h0, const View& g_out, const View& out,
              const View& weight, Squash squash, const Steps& steps);

}  // namespace pullback::kernels
