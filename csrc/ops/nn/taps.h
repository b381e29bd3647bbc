// Sparse linear maps along dimensions (kernels/nn/taps.h) as a recorded operator.
//
// A map and its transpose are one operator each other's derivative, so whatever is made of them has
// derivatives of every order.
#pragma once

#include <memory>

#include "core/tensor.h"
#include "kernels/nn/taps.h"

namespace pullback {

// A map with its transpose.
struct TapsPair {
  kernels::Taps forward;
  kernels::Taps backward;
};
using SharedTaps = std::shared_ptr<const TapsPair>;
SharedTaps share(kernels::Taps taps);

// Recorded; `node` is the name in the graph.
Tensor apply_taps(const Tensor& input, int dim, const SharedTaps& taps, const char* node);

}  // namespace pullback
