// The formulas of kernels/optim/rules in recorded operators.
#pragma once

#include "core/tensor.h"
#include "kernels/optim/rule.h"

namespace pullback {

// The new value of the parameter, and those of the tensors of the state in place of the old ones;
// the numbers of the state are in `constants`.
Tensor recorded_step(const kernels::Rule& rule, const Tensor& param, const Tensor& grad,
                     Tensor (&state)[kernels::kMaxTensors], const void* constants);

}  // namespace pullback
