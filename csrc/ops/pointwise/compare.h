// Comparison and logic, for derivative formulas and C++ users.  Results are bool tensors.
#pragma once

#include "ops/operand.h"

namespace pullback {

Tensor eq(const Tensor& input, const Operand& other);
Tensor ne(const Tensor& input, const Operand& other);
Tensor lt(const Tensor& input, const Operand& other);
Tensor le(const Tensor& input, const Operand& other);
Tensor gt(const Tensor& input, const Operand& other);
Tensor ge(const Tensor& input, const Operand& other);

Tensor isnan(const Tensor& input);
Tensor isinf(const Tensor& input);
Tensor isfinite(const Tensor& input);

Tensor logical_and(const Tensor& input, const Tensor& other);
Tensor logical_or(const Tensor& input, const Tensor& other);
Tensor logical_xor(const Tensor& input, const Tensor& other);
Tensor logical_not(const Tensor& input);

Tensor bitwise_and(const Operand& input, const Operand& other);
Tensor bitwise_or(const Operand& input, const Operand& other);
Tensor bitwise_xor(const Operand& input, const Operand& other);
Tensor bitwise_not(const Tensor& input);
// The operator ~: bitwise_not with a refusal of its own.
Tensor invert(const Tensor& input);
Tensor bitwise_left_shift(const Operand& input, const Operand& other);
Tensor bitwise_right_shift(const Operand& input, const Operand& other);

// The value of a tensor with one element as a condition.
Scalar is_nonzero(const Tensor& input);
Scalar equal(const Tensor& input, const Tensor& other);
Scalar allclose(const Tensor& input, const Tensor& other, double rtol, double atol, bool equal_nan);

}  // namespace pullback
