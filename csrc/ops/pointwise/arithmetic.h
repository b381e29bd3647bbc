// Arithmetic on tensors and numbers, for derivative formulas and C++ users; add is in ops/basic.h.
#pragma once

#include <optional>
#include <string_view>

#include "ops/basic.h"

namespace pullback {

// Throws for a factor that a result of the dtype does not take; `name` is its own.
void check_factor(DType dtype, const Scalar& factor, const char* name = "alpha");
Tensor sub(const Operand& input, const Operand& other, Scalar alpha = Scalar(1));
// other - alpha * input.
Tensor rsub(const Tensor& input, const Operand& other, Scalar alpha = Scalar(1));
Tensor mul(const Operand& input, const Operand& other);
// By a number, under the name that torch gives where its own compositions do so.
Tensor mul_number(const Tensor& input, const Scalar& number);
Tensor div_number(const Tensor& input, const Scalar& number);
Tensor true_divide(const Operand& input, const Operand& other);
// Rounding mode: none, "trunc" or "floor".
Tensor div(const Operand& input, const Operand& other,
           const std::optional<std::string_view>& rounding_mode);
Tensor floor_divide(const Operand& input, const Operand& other);
Tensor remainder(const Operand& input, const Operand& other);
Tensor fmod(const Tensor& input, const Operand& other);
Tensor pow(const Operand& input, const Operand& exponent);
Tensor neg(const Tensor& input);
// The tensor itself.
Tensor positive(const Tensor& input);
Tensor abs(const Tensor& input);
Tensor sign(const Tensor& input);
Tensor sgn(const Tensor& input);
Tensor square(const Tensor& input);
Tensor reciprocal(const Tensor& input);
Tensor floor(const Tensor& input);
Tensor ceil(const Tensor& input);
Tensor trunc(const Tensor& input);
Tensor frac(const Tensor& input);
Tensor round(const Tensor& input, std::int64_t decimals = 0);
// input + value * tensor1 * tensor2, and with a quotient.
Tensor addcmul(const Tensor& input, const Tensor& tensor1, const Tensor& tensor2,
               Scalar value = Scalar(1));
Tensor addcdiv(const Tensor& input, const Tensor& tensor1, const Tensor& tensor2,
               Scalar value = Scalar(1));
Tensor lerp(const Tensor& input, const Tensor& end, const Operand& weight);
Tensor nan_to_num(const Tensor& input, std::optional<double> nan = {},
                  std::optional<double> posinf = {}, std::optional<double> neginf = {});
Tensor copysign(const Tensor& input, const Operand& other);

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
