// Tensors made from sizes and numbers.
#pragma once

#include <optional>

#include "core/tensor.h"

namespace pullback {

Tensor arange(Scalar start, Scalar end, Scalar step, std::optional<DType> dtype);

}  // namespace pullback
