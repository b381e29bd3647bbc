// Tensors made from sizes and numbers.
#pragma once

#include <optional>

#include "core/tensor.h"

namespace pullback {

// Throws for a format that is none of its own.
void check_row_major(const char* op, std::optional<MemoryFormat> format);
Tensor arange(Scalar start, Scalar end, Scalar step, std::optional<DType> dtype);

}  // namespace pullback
