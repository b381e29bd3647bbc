// Elementwise operations: one output element from the elements at the same place of 1 to 3 inputs.
//
// Two levels.  A Loop walks one dimension, strides in bytes; the tables below hold one for every
// (operation, compute dtype), made for the CPU's instruction set, nullptr where the dtype is not
// supported.  The drivers unary/binary/ternary take strided views of equal sizes (broadcast is
// stride 0), merge and reorder dimensions and run loops, on several threads when it pays; the
// result never depends on the number of threads.  Start reading at the enums.
//
// The inputs have the compute dtype and so has the output, except that predicates and comparisons
// store bool (bytes 0 and 1), and that the drivers convert narrow operands (NOTE [Narrow types] in
// narrow.h), each of which may also be in the wide dtype itself.  The output may be exactly one of
// the inputs, never overlap partially.
#pragma once

#include <bit>
#include <cstdint>

#include "core/dtype.h"
#include "kernels/view.h"

namespace pullback::kernels {

enum class Unary : std::uint16_t {
  // All numbers.
  Neg,
  Abs,
  Sign,
  Square,
  Relu,
  BitwiseNot,
  // Bool results.
  LogicalNot,
  IsNan,
  IsInf,
  IsFinite,
  // Rounding.  Integers are copied, except that Frac and NanToNum need floats.
  Floor,
  Ceil,
  Round,          // half to even
  RoundDecimals,  // p0: decimals
  Trunc,
  Frac,
  NanToNum,  // p0, p1, p2: for nan, inf, -inf
  // From here on floats only.
  Reciprocal,
  Sqrt,
  Rsqrt,
  Exp,
  Exp2,
  Expm1,
  Log,
  Log2,
  Log10,
  Log1p,
  Sin,
  Cos,
  Tan,
  Asin,
  Acos,
  Atan,
  Sinh,
  Cosh,
  Tanh,
  Asinh,
  Acosh,
  Atanh,
  Sigmoid,
  LogSigmoid,
  Erf,
  Erfc,
  Erfinv,
  Lgamma,
  Digamma,
  Silu,
  Gelu,
  GeluTanh,
  Softplus,   // p0: beta, p1: threshold
  LeakyRelu,  // p0: slope
  Elu,        // p0: alpha, p1: scale, p2: input scale
  Mish,
  Hardswish,
  Hardsigmoid,
  Logit,       // p0: eps, negative for none
  Sinc,        // sin(pi x) / (pi x)
  Polygamma,   // p0: order, at least 1
  Hardshrink,  // p0: lambda
  Softshrink,  // p0: lambda
  // All numbers again.
  Threshold,  // p0: threshold, p1: what values not above it become
};
inline constexpr int kNumUnary = static_cast<int>(Unary::Threshold) + 1;

enum class Binary : std::uint16_t {
  Add,        // bool: or
  Sub,        // not bool
  Mul,        // bool: and
  AddScaled,  // a + p0 * b; an integral dtype reads p0 with integral_param
  Div,        // floats only
  FloorDivide,
  TruncDivide,
  Remainder,  // sign of the divisor
  Fmod,       // sign of the dividend
  Pow,        // an integral exponent must not be negative: the caller checks
  Maximum,    // NaN wins
  Minimum,
  Fmax,  // NaN loses
  Fmin,
  Atan2,
  Hypot,
  Copysign,
  Xlogy,
  Logaddexp,
  // Bool results.
  Eq,
  Ne,
  Lt,
  Le,
  Gt,
  Ge,
  LogicalAnd,
  LogicalOr,
  LogicalXor,
  // Bool and integers.
  BitwiseAnd,
  BitwiseOr,
  BitwiseXor,
  LeftShift,
  RightShift,
  // Derivatives in one go, floats only: gradient g first, then the input x or the output y.
  ReluGrad,       // 0 where x <= 0, else g
  TanhGrad,       // g * (1 - y * y)
  SigmoidGrad,    // g * y * (1 - y)
  SiluGrad,       // (g, x)
  GeluGrad,       // (g, x)
  GeluTanhGrad,   // (g, x)
  SoftplusGrad,   // (g, x), p0: beta, p1: threshold
  LeakyReluGrad,  // (g, x), p0: slope
  EluGrad,        // (g, x), p0: alpha, p1: scale, p2: input scale
  // Floats only.
  Logaddexp2,
  Prelu,     // (x, slope)
  SmoothL1,  // (input, target), p0: beta
  Huber,     // (input, target), p0: delta
  // Of (a, x): the incomplete gamma functions, and how x moves with a at a fixed quantile.
  LowerGamma,
  UpperGamma,
  GammaSlope,
  // b, of any a.
  Second,
  // Bool and all numbers.
  Heaviside,
};
inline constexpr int kNumBinary = static_cast<int>(Binary::Heaviside) + 1;

enum class Ternary : std::uint16_t {
  Where,    // the first operand is bool
  Clamp,    // x, lo, hi; NaN of any operand wins, hi wins over lo
  Lerp,     // start, end, weight; floats only
  Addcmul,  // a + p0 * b * c; an integral dtype reads p0 with integral_param
  Addcdiv,  // a + p0 * b / c; floats only
  // Of (x, a, total): how x moves with a at a fixed quantile, divided by 1 - x; floats only.
  BetaSlope,
};
inline constexpr int kNumTernary = static_cast<int>(Ternary::BetaSlope) + 1;

// How an exact int64 travels in the array of double parameters.
inline double integral_param(std::int64_t value) { return std::bit_cast<double>(value); }

// n elements; strides in bytes, of any sign, zero for a scalar operand.  Params may be nullptr if
// the operation takes none.
using UnaryLoop = void (*)(char* out, const char* in, std::int64_t out_stride,
                           std::int64_t in_stride, std::int64_t n, const double* params);
using BinaryLoop = void (*)(char* out, const char* a, const char* b, std::int64_t out_stride,
                            std::int64_t a_stride, std::int64_t b_stride, std::int64_t n,
                            const double* params);
using TernaryLoop = void (*)(char* out, const char* a, const char* b, const char* c,
                             std::int64_t out_stride, std::int64_t a_stride, std::int64_t b_stride,
                             std::int64_t c_stride, std::int64_t n, const double* params);

struct ElementwiseTable {
  UnaryLoop unary[kNumUnary][kNumDTypes];
  BinaryLoop binary[kNumBinary][kNumDTypes];
  TernaryLoop ternary[kNumTernary][kNumDTypes];
};
// Filled before any ordinary static initialiser runs.
extern ElementwiseTable elementwise_table;

inline UnaryLoop unary_loop(Unary op, DType compute) {
  return elementwise_table.unary[static_cast<int>(op)][static_cast<int>(compute)];
}
inline BinaryLoop binary_loop(Binary op, DType compute) {
  return elementwise_table.binary[static_cast<int>(op)][static_cast<int>(compute)];
}
inline TernaryLoop ternary_loop(Ternary op, DType compute) {
  return elementwise_table.ternary[static_cast<int>(op)][static_cast<int>(compute)];
}

// Whether there is a loop for the dtype or, if it is narrow, for its wide one.
inline bool computes(Unary op, DType dtype) {
  return unary_loop(op, dtype) || unary_loop(op, wide_of(dtype));
}
inline bool computes(Binary op, DType dtype) {
  return binary_loop(op, dtype) || binary_loop(op, wide_of(dtype));
}
inline bool computes(Ternary op, DType dtype) {
  return ternary_loop(op, dtype) || ternary_loop(op, wide_of(dtype));
}

// Throws PyTorch's "ZeroDivisionError" if op is an integral division and b holds a zero.  The
// drivers check by themselves; whoever calls a loop directly calls this first.
inline bool divides(Binary op) { return op >= Binary::FloorDivide && op <= Binary::Fmod; }
void check_divisor(const View& b);

// The compute dtype is that of the inputs (of c for Ternary), widened; the loop for it must exist.
void unary(Unary op, View out, View in, const double* params = nullptr);
void binary(Binary op, View out, View a, View b, const double* params = nullptr);
void ternary(Ternary op, View out, View a, View b, View c, const double* params = nullptr);

}  // namespace pullback::kernels
