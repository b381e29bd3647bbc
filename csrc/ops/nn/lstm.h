// One direction of one layer of an LSTM over all steps as one operator.
#pragma once

#include <array>

#include "core/tensor.h"

namespace pullback {

// `gates` is what comes from the input, [rows, 4 hidden] in the order input, forget, cell, output:
// the rows of all steps behind one another, `counts` of each.  Counts fall, or rise with `back`,
// where the steps are made from the last to the first.  h0 [sequences, state], c0 [sequences,
// hidden], weight [4 hidden, state]; projection [state, hidden], or undefined where state = hidden.
// Gives the states and cells after each step, and the values of the gates.  Recorded.
std::array<Tensor, 3> lstm_steps(const Tensor& gates, const Tensor& h0, const Tensor& c0,
                                 const Tensor& weight, const Tensor& projection, const Dims& counts,
                                 bool back);

}  // namespace pullback
