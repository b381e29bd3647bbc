// Elementary and special functions, element by element, for derivative formulas and C++ users.
#pragma once

#include <optional>

#include "ops/operand.h"

namespace pullback {

class Saved;

Tensor exp(const Tensor& input);
Tensor exp2(const Tensor& input);
Tensor expm1(const Tensor& input);
Tensor log(const Tensor& input);
Tensor log2(const Tensor& input);
Tensor log10(const Tensor& input);
Tensor log1p(const Tensor& input);
Tensor sqrt(const Tensor& input);
Tensor rsqrt(const Tensor& input);
Tensor sin(const Tensor& input);
Tensor cos(const Tensor& input);
Tensor tan(const Tensor& input);
Tensor asin(const Tensor& input);
Tensor acos(const Tensor& input);
Tensor atan(const Tensor& input);
Tensor sinh(const Tensor& input);
Tensor cosh(const Tensor& input);
Tensor tanh(const Tensor& input);
Tensor asinh(const Tensor& input);
Tensor acosh(const Tensor& input);
Tensor atanh(const Tensor& input);
Tensor sigmoid(const Tensor& input);
Tensor logit(const Tensor& input, std::optional<double> eps);
Tensor erf(const Tensor& input);
Tensor erfc(const Tensor& input);
Tensor erfinv(const Tensor& input);
Tensor lgamma(const Tensor& input);
Tensor digamma(const Tensor& input);
// The n-th derivative of digamma.
Tensor polygamma(std::int64_t n, const Tensor& input);
Tensor sinc(const Tensor& input);
Tensor atan2(const Tensor& input, const Tensor& other);
Tensor hypot(const Tensor& input, const Tensor& other);
Tensor xlogy(const Operand& input, const Operand& other);
// A gradient of s.a() times a logarithm of s.b(), but 0 where s.a() is 0 and s.b() at most `pole`.
Tensor zero_at_pole(const Tensor& gradient, const Saved& s, double pole);
// With the lowest finite number in the place of minus infinity: the exponential of -inf minus that
// is zero, not NaN.  So a logarithm of a sum of zeros has derivatives of zero in its terms.
Tensor finite_below(const Tensor& input);
// The same with the largest number in place of +inf.
Tensor finite_above(const Tensor& input);
Tensor logaddexp(const Tensor& input, const Tensor& other);
Tensor logaddexp2(const Tensor& input, const Tensor& other);

}  // namespace pullback
