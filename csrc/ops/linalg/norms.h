// Norms of matrices for other operators of the family.
#pragma once

#include <optional>
#include <string_view>

#include "core/tensor.h"

namespace pullback {

Tensor matrix_norm(const Tensor& a, double ord, const Dims& dim, bool keepdim,
                   std::optional<DType> dtype);
Tensor matrix_norm_named(const Tensor& a, std::string_view ord, const Dims& dim, bool keepdim,
                         std::optional<DType> dtype);

}  // namespace pullback
