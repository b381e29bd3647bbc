// Divisors of integers, and the parts of floating numbers: sign, exponent, neighbours.
//
// Start reading at frexp, whose mantissa is piecewise linear.
#include <array>

#include "core/error.h"
#include "ops/elementwise.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/compare.h"
#include "ops/pointwise/select.h"
#include "ops/table.h"

namespace pullback {

using kernels::binary;
using kernels::unary;

namespace {

// A neighbour goes along with the number, except where that is the other one, as in torch.
Tensor along(T t, S s) { return where(ne(s.a().tensor(), s.b()), t, 0); }

const Elementwise record_gcd("gcd", "", DTypeRule::Promote, binary<"gcd">, {}, {});
const Elementwise record_lcm("lcm", "", DTypeRule::Promote, binary<"lcm">, {}, {});
const Elementwise record_nextafter("nextafter", "NextafterBackward0", DTypeRule::Promote,
                                   binary<"nextafter">, {kReadsA | kReadsB, along}, kZeroSlope);
const Elementwise record_narrow_neighbour("nextafter", "NextafterBackward0", DTypeRule::Promote,
                                          binary<"narrow_neighbour">, {kReadsA | kReadsB, along},
                                          kZeroSlope);
const Elementwise record_signbit("signbit", "", DTypeRule::Bool, unary<"signbit">, {});

const Elementwise record_unit("frexp_unit", "FrexpUnitBackward0", DTypeRule::Promote,
                              unary<"frexp_unit">, kZeroSlope);
const Elementwise record_exponent("frexp", "", DTypeRule::Promote, unary<"frexp_exponent">, {});
const Elementwise record_mantissa("frexp", "FrexpBackward0", DTypeRule::Promote,
                                  unary<"frexp_mantissa">,
                                  {kReadsX,
                                   [](T t, S s) { return t * elementwise(record_unit, s.x()); }});

Tensor gcd(const Tensor& input, const Tensor& other) {
  return elementwise(record_gcd, input, other);
}
Tensor lcm(const Tensor& input, const Tensor& other) {
  return elementwise(record_lcm, input, other);
}
Tensor nextafter(const Tensor& input, const Tensor& other) {
  const DType type = result_type(input, other);
  if (type == DType::Float16 || type == DType::BFloat16) {
    // Digits of the mantissa, the least exponent of a normal number, the largest number.
    const bool half = type == DType::Float16;
    const double params[kMaxParams] = {half ? 10.0 : 7.0, half ? -14.0 : -126.0, largest(type)};
    return elementwise(record_narrow_neighbour, input, other, params);
  }
  return elementwise(record_nextafter, input, other);
}
Tensor signbit(const Tensor& input) {
  check(ErrorKind::NotImplemented, !is_complex(input.dtype()),
        "signbit is not implemented for complex tensors.");
  return elementwise(record_signbit, input);
}
std::array<Tensor, 2> frexp(const Tensor& input) {
  check(is_floating(input.dtype()), "torch.frexp() only supports floating-point dtypes");
  return {elementwise(record_mantissa, input), elementwise(record_exponent, input)};
}

}  // namespace

#define PB_DIVISORS \
  "i(3,4, low=-40, high=40), i(4, low=-30, high=30) | i(3, high=9), i(, high=9) | i(0), i(0)"
static const Entry entry_gcd("gcd(input, other)", direct<gcd>, kCastBoth | kInPlaceForm | kNoGrad,
                             "The greatest common divisor of integers.", PB_DIVISORS);
static const Entry entry_lcm("lcm(input, other)", direct<lcm>, kCastBoth | kInPlaceForm | kNoGrad,
                             "The least common multiple of integers.", PB_DIVISORS);
static const Entry entry_nextafter("nextafter(input, other)", direct<nextafter>,
                                   kCastBoth | kInPlaceForm,
                                   "The next number after input on the way to other.",
                                   "x(3,4), x(4) | x(), x() | xs(3,4), x(3,4) | x(0,3), c(3)");
static const Entry entry_signbit("signbit(input)", direct<signbit>, kBoth | kNoGrad,
                                 "Where the sign is minus, also of -0.0.",
                                 "c(3,4) | i(3, low=-3, high=3) | c()");
static const Entry entry_frexp("frexp(input)", function<frexp>, kBoth,
                               "mantissa and exponent with input = mantissa * 2**exponent, the "
                               "mantissa between 1/2 and 1.",
                               "x(3,4) | x() | xs(3,4) | x(0,3)", "mantissa, exponent");

}  // namespace pullback
