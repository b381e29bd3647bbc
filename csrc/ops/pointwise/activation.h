// Activations, for derivative formulas, losses and C++ users.
#pragma once

#include "core/tensor.h"

namespace pullback {

Tensor relu(const Tensor& input);
// `gradient` where the result of relu is above zero, zero elsewhere.
Tensor relu_grad(const Tensor& gradient, const Tensor& result);
// log(sigmoid(input)) without overflow.
Tensor logsigmoid(const Tensor& input);
Tensor softplus(const Tensor& input, double beta = 1, double threshold = 20);
Tensor silu(const Tensor& input);

}  // namespace pullback
