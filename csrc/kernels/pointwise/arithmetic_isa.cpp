// Loops of arithmetic: sums, products, quotients, extrema, signs, rounding.
//
// Integers wrap: they are computed unsigned.  A kernel stands in the line after its function.
#include <cmath>
#include <complex>

#include "kernels/loops.h"
#include "kernels/vecmath.h"

namespace pullback::kernels {
namespace PULLBACK_ISA {
namespace {

// The type in which T wraps: itself if floating, else unsigned and at least as wide as int.
template <typename T>
struct WrapOf {
  using type = std::make_unsigned_t<decltype(T{} + T{})>;
};
template <>
struct WrapOf<float> {
  using type = float;
};
template <>
struct WrapOf<double> {
  using type = double;
};
template <typename T>
using Wrap = typename WrapOf<T>::type;
template <typename T>
PULLBACK_INLINE Wrap<T> wide(T x) {
  return static_cast<Wrap<T>>(x);
}

template <typename T>
struct Neg {
  T operator()(T x) const {
    if constexpr (std::is_floating_point_v<T>) {
      return -x;
    } else {
      return static_cast<T>(0 - wide(x));
    }
  }
};
const Register<"neg", LightUnary, Neg, Numbers> kNeg;
template <typename T>
struct Abs {
  T operator()(T x) const {
    if constexpr (std::is_floating_point_v<T>) {
      return absolute(x);
    } else if constexpr (std::is_unsigned_v<T>) {
      return x;
    } else {
      return x < 0 ? static_cast<T>(0 - wide(x)) : x;
    }
  }
};
const Register<"abs", LightUnary, Abs, Numbers> kAbs;
template <typename T>
struct Sign {
  T operator()(T x) const { return static_cast<T>((T{0} < x) - (x < T{0})); }
};
const Register<"sign", LightUnary, Sign, Numbers> kSign;
const Register<"sgn", LightUnary, Sign, Numbers> kSgn;
template <typename T>
struct Square {
  T operator()(T x) const { return static_cast<T>(wide(x) * wide(x)); }
};
const Register<"square", LightUnary, Square, Numbers> kSquare;
template <typename T>
struct Relu {
  T operator()(T x) const { return x < T{0} ? T{0} : x; }
};
const Register<"relu", LightUnary, Relu, Numbers> kRelu;
template <typename T>
struct Identity {
  T operator()(T x) const { return x; }
};
const Register<"sign", LightUnary, Identity, DTypes<bool>> kSignOfBool;
const Register<"sgn", LightUnary, Identity, DTypes<bool>> kSgnOfBool;
template <typename T>
struct Reciprocal {
  T operator()(T x) const { return T{1} / x; }
};
const Register<"reciprocal", LightUnary, Reciprocal, Floats> kReciprocal;
template <typename T>
struct Sqrt {
  T operator()(T x) const { return square_root(x); }
};
const Register<"sqrt", LightUnary, Sqrt, Floats> kSqrt;
template <typename T>
struct Rsqrt {
  T operator()(T x) const { return T{1} / square_root(x); }
};
const Register<"rsqrt", LightUnary, Rsqrt, Floats> kRsqrt;

PULLBACK_INLINE float floor(float x) { return __builtin_floorf(x); }
PULLBACK_INLINE double floor(double x) { return __builtin_floor(x); }
PULLBACK_INLINE float ceil(float x) { return __builtin_ceilf(x); }
PULLBACK_INLINE double ceil(double x) { return __builtin_ceil(x); }
PULLBACK_INLINE float trunc(float x) { return __builtin_truncf(x); }
PULLBACK_INLINE double trunc(double x) { return __builtin_trunc(x); }
PULLBACK_INLINE float round(float x) { return __builtin_rintf(x); }
PULLBACK_INLINE double round(double x) { return __builtin_rint(x); }

template <typename T>
struct Floor {
  T operator()(T x) const { return floor(x); }
};
const Register<"floor", LightUnary, Floor, Floats> kFloor;
const Register<"floor", LightUnary, Identity, Integers> kFloorOfIntegers;
template <typename T>
struct Ceil {
  T operator()(T x) const { return ceil(x); }
};
const Register<"ceil", LightUnary, Ceil, Floats> kCeil;
const Register<"ceil", LightUnary, Identity, Integers> kCeilOfIntegers;
template <typename T>
struct Trunc {
  T operator()(T x) const { return trunc(x); }
};
const Register<"trunc", LightUnary, Trunc, Floats> kTrunc;
const Register<"trunc", LightUnary, Identity, Integers> kTruncOfIntegers;
template <typename T>
struct Round {
  T operator()(T x) const { return round(x); }
};
const Register<"round", LightUnary, Round, Floats> kRound;
const Register<"round", LightUnary, Identity, Integers> kRoundOfIntegers;
template <typename T>
struct RoundDecimals {
  explicit RoundDecimals(const double* p) : negative(p[0] < 0), ten(T{1}) {
    for (double d = negative ? -p[0] : p[0]; d > 0 && ten < kInf<T>; d -= 1) ten *= T{10};
  }
  T operator()(T x) const { return negative ? round(x / ten) * ten : round(x * ten) / ten; }
  bool negative;
  T ten;
};
const Register<"round_decimals", LightUnary, RoundDecimals, Floats> kRoundDecimals;
template <typename T>
struct Frac {
  T operator()(T x) const { return x - trunc(x); }
};
const Register<"frac", LightUnary, Frac, Floats> kFrac;
template <typename T>
struct NanToNum {
  explicit NanToNum(const double* p)
      : nan(static_cast<T>(p[0])), inf(static_cast<T>(p[1])), minus_inf(static_cast<T>(p[2])) {}
  T operator()(T x) const {
    return x != x ? nan : x == kInf<T> ? inf : x == -kInf<T> ? minus_inf : x;
  }
  T nan, inf, minus_inf;
};
const Register<"nan_to_num", LightUnary, NanToNum, Floats> kNanToNum;
const Register<"nan_to_num", LightUnary, Identity, BoolAndIntegers> kNanToNumOfIntegers;

template <typename T>
struct Add {
  T operator()(T a, T b) const { return static_cast<T>(wide(a) + wide(b)); }
};
const Register<"add", LightBinary, Add, Numbers> kAdd;
template <typename T>
struct Sub {
  T operator()(T a, T b) const { return static_cast<T>(wide(a) - wide(b)); }
};
const Register<"sub", LightBinary, Sub, Numbers> kSub;
template <typename T>
struct Mul {
  T operator()(T a, T b) const { return static_cast<T>(wide(a) * wide(b)); }
};
const Register<"mul", LightBinary, Mul, Numbers> kMul;
template <typename T>
struct Div {
  T operator()(T a, T b) const { return a / b; }
};
const Register<"div", LightBinary, Div, Floats> kDiv;

template <typename T>
struct AddScaled {
  explicit AddScaled(const double* p) : alpha(parameter<T>(p[0])) {}
  T operator()(T a, T b) const { return static_cast<T>(wide(a) + wide(alpha) * wide(b)); }
  T alpha;
};
const Register<"add_scaled", LightBinary, AddScaled, Numbers> kAddScaled;

// NaN of either operand wins; a comparison with NaN is false, so that NaN in b falls through to b.
template <typename T>
struct Maximum {
  T operator()(T a, T b) const { return ((a > b) | (a != a)) ? a : b; }
};
const Register<"maximum", LightBinary, Maximum, BoolAndNumbers> kMaximum;
template <typename T>
struct Minimum {
  T operator()(T a, T b) const { return ((a < b) | (a != a)) ? a : b; }
};
const Register<"minimum", LightBinary, Minimum, BoolAndNumbers> kMinimum;
template <typename T>
struct Fmax {
  T operator()(T a, T b) const { return ((a >= b) | (b != b)) ? a : b; }
};
const Register<"fmax", LightBinary, Fmax, Floats> kFmax;
const Register<"fmax", LightBinary, Maximum, BoolAndIntegers> kFmaxOfIntegers;
template <typename T>
struct Fmin {
  T operator()(T a, T b) const { return ((a <= b) | (b != b)) ? a : b; }
};
const Register<"fmin", LightBinary, Fmin, Floats> kFmin;
const Register<"fmin", LightBinary, Minimum, BoolAndIntegers> kFminOfIntegers;
template <typename T>
struct Heaviside {
  T operator()(T x, T at_zero) const {
    return x == T{0} ? at_zero : static_cast<T>(x > T{0} ? 1 : 0);
  }
};
const Register<"heaviside", LightBinary, Heaviside, BoolAndNumbers> kHeaviside;
template <typename T>
struct Copysign {
  T operator()(T a, T b) const { return with_sign(a, b); }
};
const Register<"copysign", LightBinary, Copysign, Floats> kCopysign;

// a - trunc(a / b) b is exact when it is fused: the quotient, rounded, is off by at most one.
template <typename T>
PULLBACK_INLINE T fmod(T a, T b) {
#if defined(__FMA__) || defined(__aarch64__)
  const T x = absolute(a);
  const T y = absolute(b);
  if (x < y) return a;
  const T quotient = x / y;
  if (quotient < static_cast<T>(typename Fp<T>::Bits{1} << (Fp<T>::kMantissa - 1)) &&
      y >= std::numeric_limits<T>::min()) {
    T r = muladd(-trunc(quotient), y, x);
    r = r < T{0} ? r + y : r;
    return with_sign(r, a);
  }
#endif
  return std::fmod(a, b);
}
template <typename T>
struct Fmod {
  T operator()(T a, T b) const { return fmod(a, b); }
};
const Register<"fmod", PlainBinary, Fmod, Floats> kFmod;
template <typename T>
struct Remainder {
  T operator()(T a, T b) const {
    const T r = fmod(a, b);
    return ((r != T{0}) & ((b < T{0}) != (r < T{0}))) ? r + b : r;
  }
};
const Register<"remainder", PlainBinary, Remainder, Floats> kRemainder;
template <typename T>
struct FloorDivide {
  T operator()(T a, T b) const {
    if (b == T{0}) return a / b;
    const T r = fmod(a, b);
    T quotient = (a - r) / b;
    if (r != T{0} && (b < T{0}) != (r < T{0})) quotient -= T{1};
    if (quotient == T{0}) return with_sign(T{0}, a / b);
    const T whole = floor(quotient);
    return quotient - whole > T(0.5) ? whole + T{1} : whole;
  }
};
const Register<"floor_divide", PlainBinary, FloorDivide, Floats> kFloorDivide;
template <typename T>
struct TruncDivide {
  T operator()(T a, T b) const { return trunc(a / b); }
};
const Register<"trunc_divide", LightBinary, TruncDivide, Floats> kTruncDivide;

template <typename T>
struct Clamp {
  T operator()(T x, T lo, T hi) const {
    T r = x < lo ? lo : x;
    r = r > hi ? hi : r;
    if constexpr (std::is_floating_point_v<T>) {
      r = lo != lo ? lo : r;
      r = hi != hi ? hi : r;
    }
    return r;
  }
};
const Register<"clamp", LightTernary, Clamp, Numbers> kClamp;
template <typename T>
struct Lerp {
  T operator()(T a, T b, T w) const {
    const T d = b - a;
    return absolute(w) < T(0.5) ? a + w * d : b - d * (T{1} - w);
  }
};
const Register<"lerp", LightTernary, Lerp, Floats> kLerp;
template <typename T>
struct Addcmul {
  explicit Addcmul(const double* p) : value(parameter<T>(p[0])) {}
  T operator()(T a, T b, T c) const {
    return static_cast<T>(wide(a) + wide(value) * wide(b) * wide(c));
  }
  T value;
};
const Register<"addcmul", LightTernary, Addcmul, Numbers> kAddcmul;
template <typename T>
struct Addcdiv {
  explicit Addcdiv(const double* p) : value(parameter<T>(p[0])) {}
  T operator()(T a, T b, T c) const { return a + value * b / c; }
  T value;
};
const Register<"addcdiv", LightTernary, Addcdiv, Floats> kAddcdiv;
template <typename T>
struct Where {
  T operator()(uint8_t condition, T b, T c) const { return condition != 0 ? b : c; }
};
template <typename T>
struct BitsOf {
  using type = std::conditional_t<
      sizeof(T) == 1, uint8_t,
      std::conditional_t<sizeof(T) == 2, std::uint16_t,
                         std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>>;
};
template <>
struct BitsOf<std::complex<double>> {
  using type = std::complex<double>;
};
// Only bits are moved, so that dtypes of one size share a loop.
template <typename, typename T>
struct Choice : TernaryOf<Where<typename BitsOf<T>::type>, uint8_t, typename BitsOf<T>::type> {
  using Out = T;
  static constexpr bool kChooses = true;
};
using AllDTypes = DTypes<bool, uint8_t, std::int8_t, std::int16_t, int32_t, int64_t, Half, BFloat16,
                         float, double, std::complex<float>, std::complex<double>>;
const Register<"where", Choice, Where, AllDTypes> kWhere;

}  // namespace
}  // namespace PULLBACK_ISA
}  // namespace pullback::kernels
