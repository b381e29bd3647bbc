// Activations, for derivative formulas, losses and C++ users.
#pragma once

#include <optional>

#include "core/tensor.h"

namespace pullback {

Tensor relu(const Tensor& input);
// log(sigmoid(input)) without overflow.
Tensor logsigmoid(const Tensor& input);
Tensor softplus(const Tensor& input, double beta = 1, double threshold = 20);
Tensor silu(const Tensor& input);
Tensor softmax(const Tensor& input, std::int64_t dim, std::optional<DType> dtype = {});
Tensor log_softmax(const Tensor& input, std::int64_t dim, std::optional<DType> dtype = {});

}  // namespace pullback
