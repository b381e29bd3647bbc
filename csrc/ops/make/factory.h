// Tensors made from sizes and numbers.
#pragma once

#include <optional>

#include "core/tensor.h"

namespace pullback {

// The sizes of a tensor that is to be made: throws for negative ones.
const Dims& checked(const Dims& size);
Tensor arange(Scalar start, Scalar end, Scalar step, std::optional<DType> dtype);

}  // namespace pullback
