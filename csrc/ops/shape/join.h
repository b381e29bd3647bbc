// Putting tensors together.  All functions are recorded and promote dtypes as torch does.
#pragma once

#include <vector>

#include "core/tensor.h"

namespace pullback {

Tensor cat(const std::vector<Tensor>& tensors, std::int64_t dim = 0);
Tensor stack(const std::vector<Tensor>& tensors, std::int64_t dim = 0);

}  // namespace pullback
