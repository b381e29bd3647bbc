// Softmax and its logarithm, for losses and C++ users.
#pragma once

#include <optional>

#include "core/tensor.h"

namespace pullback {

Tensor softmax(const Tensor& input, std::int64_t dim, std::optional<DType> dtype = {});
Tensor log_softmax(const Tensor& input, std::int64_t dim, std::optional<DType> dtype = {});

}  // namespace pullback
