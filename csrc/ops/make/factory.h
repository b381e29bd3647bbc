// Tensors made from sizes and numbers, and of random numbers.
#pragma once

#include <optional>

#include "core/tensor.h"

namespace pullback {

// The sizes of a tensor that is to be made: throws for negative ones.
const Dims& checked(const Dims& size);
// What dropout multiplies with: in the layout of `input`, and for each example inside vmap.
Tensor dropout_mask(const Tensor& input, double p);
Tensor arange(Scalar start, Scalar end, Scalar step, std::optional<DType> dtype);

}  // namespace pullback
