// Choosing between elements, for derivative formulas and C++ users.
#pragma once

#include <optional>

#include "ops/operand.h"

namespace pullback {

// Elements of `input` where the bool tensor `condition` holds, of `other` elsewhere.
Tensor where(const Tensor& condition, const Operand& input, const Operand& other);
Tensor clamp(const Tensor& input, const std::optional<Scalar>& min,
             const std::optional<Scalar>& max);
Tensor clamp_min(const Tensor& input, const Operand& min);
Tensor clamp_max(const Tensor& input, const Operand& max);
Tensor maximum(const Tensor& input, const Tensor& other);
Tensor minimum(const Tensor& input, const Tensor& other);
Tensor masked_fill(const Tensor& input, const Tensor& mask, const Operand& value);
// A value of one element in the dtype, which must hold it (that of a batch is not looked at).
Tensor cast_one(const Tensor& value, DType dtype);

}  // namespace pullback
