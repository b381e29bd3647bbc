// One direction of one layer of a recurrent network over all steps as one operator.
//
// `gates` is what comes from the input, [rows, gates * hidden]: the rows of all steps behind one
// another, `counts` of each.  Counts fall, or rise with `back`, where the steps are made from the
// last to the first.  States before the first step are [sequences, size].  Recorded.
#pragma once

#include <array>

#include "core/tensor.h"

namespace pullback {

// gates in the order input, forget, cell, output; h0 of `state` elements and c0 of `hidden`; weight
// [4 hidden, state]; projection [state, hidden], or undefined where state = hidden.  Gives the
// states and cells after each step, and the values of the gates.
std::array<Tensor, 3> lstm_steps(const Tensor& gates, const Tensor& h0, const Tensor& c0,
                                 const Tensor& weight, const Tensor& projection, const Dims& counts,
                                 bool back);

// gates in the order reset, update, new; weight [3 hidden, hidden]; bias [1, hidden] of the product
// that is reset, or undefined.  Gives the states after each step.
Tensor gru_steps(const Tensor& gates, const Tensor& h0, const Tensor& weight, const Tensor& bias,
                 const Dims& counts, bool back);

// One gate; weight [hidden, hidden]; tanh, or relu.  Gives the states after each step.
Tensor rnn_steps(const Tensor& gates, const Tensor& h0, const Tensor& weight, bool relu,
                 const Dims& counts, bool back);

}  // namespace pullback
