// Arithmetic on tensors and numbers, for derivative formulas and C++ users.
#pragma once

#include "ops/operand.h"

namespace pullback {

Tensor add(const Operand& input, const Operand& other, Scalar alpha = Scalar(1));
Tensor sub(const Operand& input, const Operand& other, Scalar alpha = Scalar(1));
Tensor mul(const Operand& input, const Operand& other);
Tensor true_divide(const Operand& input, const Operand& other);
Tensor pow(const Operand& input, const Operand& exponent);
Tensor neg(const Tensor& input);
Tensor reciprocal(const Tensor& input);
Tensor square(const Tensor& input);

// At least one side is a tensor.
template <typename A, typename B>
concept TensorPair =
    (std::is_same_v<A, Tensor> || std::is_same_v<B, Tensor> || std::is_same_v<A, Operand> ||
     std::is_same_v<B, Operand>) &&
    std::is_convertible_v<const A&, Operand> && std::is_convertible_v<const B&, Operand>;

template <typename A, typename B>
  requires TensorPair<A, B>
Tensor operator+(const A& a, const B& b) {
  return add(a, b);
}
template <typename A, typename B>
  requires TensorPair<A, B>
Tensor operator-(const A& a, const B& b) {
  return sub(a, b);
}
template <typename A, typename B>
  requires TensorPair<A, B>
Tensor operator*(const A& a, const B& b) {
  return mul(a, b);
}
template <typename A, typename B>
  requires TensorPair<A, B>
Tensor operator/(const A& a, const B& b) {
  return true_divide(a, b);
}
inline Tensor operator-(const Tensor& a) { return neg(a); }

}  // namespace pullback
