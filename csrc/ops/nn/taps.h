// Sparse linear maps along dimensions (kernels/nn/taps.h) as a recorded operator.
//
// A map and its transpose are one operator each other's derivative, so whatever is made of them has
// derivatives of every order.
#pragma once

#include <memory>

#include "core/tensor.h"
#include "kernels/nn/taps.h"
#include "ops/basic.h"

namespace pullback {

// A map with its transpose.
struct TapsPair {
  kernels::Taps forward;
  kernels::Taps backward;
};
using SharedTaps = std::shared_ptr<const TapsPair>;
SharedTaps share(kernels::Taps taps);

// In float32 where the elements are half as wide, and rounded once, at the end.
template <typename Compute>
Tensor rounded_once(const Tensor& input, Compute&& compute) {
  if (!is_floating(input.dtype()) || item_size(input.dtype()) >= 4) return compute(input);
  return cast(compute(cast(input, DType::Float32)), input.dtype());
}

// Recorded; `node` is the name in the graph.  Where `constant` is given the gradient, which does
// not depend on the input, stays a function of it under this name, with the derivative zero: of the
// map that the input comes to first.
Tensor apply_taps(const Tensor& input, int dim, const SharedTaps& taps, const char* node,
                  const char* constant = nullptr);

}  // namespace pullback
