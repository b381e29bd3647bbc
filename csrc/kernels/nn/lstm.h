// One direction of one layer of an LSTM over all steps (Hochreiter and Schmidhuber 1997, with the
// forget gate of Gers et al. 2000).
//
// A step has `counts[t]` rows, those of the steps follow one another; the state before a step is
// that of as many sequences after the one before, further sequences start with h0 and c0.  Views
// have the same leading dimensions; all but the weights are row-major.  What belongs to a sequence
// is independent of the others, so a thread takes some sequences through all steps, and the bits
// are the same at any number of threads.
#pragma once

#include <cstdint>

#include "kernels/view.h"

namespace pullback::kernels {

struct LstmSteps {
  const std::int64_t* counts;
  std::int64_t steps;
  bool back;  // from the last step to the first
};

struct LstmWeights {
  View of_state;          // [4 hidden, state]
  const View* of_output;  // the projection [state, hidden], or null: state = hidden
};

// gates: in, what comes from the input [rows, 4 hidden] (input, forget, cell, output); out, the
// gates' values.  out: [rows, state], cells: [rows, hidden].
void lstm(const View& out, const View& cells, const View& gates, const View& h0, const View& c0,
          const LstmWeights& weights, const LstmSteps& steps);

// What the backward pass reads; gradients that are null are zero.
struct LstmBackward {
  const View* g_out;
  const View* g_cells;
  View gates, cells, c0;
};
// d_gates: of what came from the input and the state, before the nonlinearities.  d_out: [rows,
// state], of the projected states with what came back from later steps, or null.
void lstm_grad(const View& d_gates, const View& d_h0, const View& d_c0, const View* d_out,
               const LstmBackward& b, const LstmWeights& weights, const LstmSteps& steps);

}  // namespace pullback::kernels
