// Tensors made from sizes and numbers.
#pragma once

#include <optional>

#include "core/tensor.h"

namespace pullback {

// The sizes of a tensor that is to be made: throws for negative ones.
const Dims& checked(const Dims& size);
// Throws for a format that is none of its own.
void check_row_major(const char* op, std::optional<MemoryFormat> format);
Tensor arange(Scalar start, Scalar end, Scalar step, std::optional<DType> dtype);

}  // namespace pullback
