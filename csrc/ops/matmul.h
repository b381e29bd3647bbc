// Matrix products for derivative formulas, other operators and C++ users.
#pragma once

#include <optional>

#include "core/tensor.h"

namespace pullback {

// Any combination of vectors, matrices and stacks of matrices, as `@`.
Tensor matmul(const Tensor& input, const Tensor& other);
Tensor mm(const Tensor& input, const Tensor& mat2);
Tensor bmm(const Tensor& input, const Tensor& mat2);
Tensor mv(const Tensor& input, const Tensor& vec);
Tensor dot(const Tensor& input, const Tensor& tensor);
Tensor outer(const Tensor& input, const Tensor& vec2);
Tensor linear(const Tensor& input, const Tensor& weight, const std::optional<Tensor>& bias);

}  // namespace pullback
