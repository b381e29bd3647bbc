// Norms of vectors for those of matrices.
#pragma once

#include <optional>

#include "core/tensor.h"

namespace pullback {

// The dtype of a norm; throws torch's refusals.
DType norm_dtype(const Tensor& input, std::optional<DType> dtype);

}  // namespace pullback
