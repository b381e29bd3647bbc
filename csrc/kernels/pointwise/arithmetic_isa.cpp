// Loops of arithmetic: sums, products, quotients, extrema, signs, rounding.
//
// Integers wrap: they are computed unsigned.  Start reading at fill_arithmetic.
#include <cmath>
#include <initializer_list>

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
template <typename T>
struct Sign {
  T operator()(T x) const { return static_cast<T>((T{0} < x) - (x < T{0})); }
};
template <typename T>
struct Square {
  T operator()(T x) const { return static_cast<T>(wide(x) * wide(x)); }
};
template <typename T>
struct Relu {
  T operator()(T x) const { return x < T{0} ? T{0} : x; }
};
template <typename T>
struct Identity {
  T operator()(T x) const { return x; }
};
template <typename T>
struct Reciprocal {
  T operator()(T x) const { return T{1} / x; }
};
template <typename T>
struct Sqrt {
  T operator()(T x) const { return square_root(x); }
};
template <typename T>
struct Rsqrt {
  T operator()(T x) const { return T{1} / square_root(x); }
};

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
template <typename T>
struct Ceil {
  T operator()(T x) const { return ceil(x); }
};
template <typename T>
struct Trunc {
  T operator()(T x) const { return trunc(x); }
};
template <typename T>
struct Round {
  T operator()(T x) const { return round(x); }
};
template <typename T>
struct RoundDecimals {
  explicit RoundDecimals(const double* p) : negative(p[0] < 0), ten(T{1}) {
    for (double d = negative ? -p[0] : p[0]; d > 0 && ten < kInf<T>; d -= 1) ten *= T{10};
  }
  T operator()(T x) const { return negative ? round(x / ten) * ten : round(x * ten) / ten; }
  bool negative;
  T ten;
};
template <typename T>
struct Frac {
  T operator()(T x) const { return x - trunc(x); }
};
template <typename T>
struct NanToNum {
  explicit NanToNum(const double* p)
      : nan(static_cast<T>(p[0])), inf(static_cast<T>(p[1])), minus_inf(static_cast<T>(p[2])) {}
  T operator()(T x) const {
    return x != x ? nan : x == kInf<T> ? inf : x == -kInf<T> ? minus_inf : x;
  }
  T nan, inf, minus_inf;
};

template <typename T>
struct Add {
  T operator()(T a, T b) const { return static_cast<T>(wide(a) + wide(b)); }
};
template <typename T>
struct Sub {
  T operator()(T a, T b) const { return static_cast<T>(wide(a) - wide(b)); }
};
template <typename T>
struct Mul {
  T operator()(T a, T b) const { return static_cast<T>(wide(a) * wide(b)); }
};
template <typename T>
struct Div {
  T operator()(T a, T b) const { return a / b; }
};

template <typename T>
struct AddScaled {
  explicit AddScaled(const double* p) : alpha(parameter<T>(p[0])) {}
  T operator()(T a, T b) const { return static_cast<T>(wide(a) + wide(alpha) * wide(b)); }
  T alpha;
};

// NaN of either operand wins; a comparison with NaN is false, so that NaN in b falls through to b.
template <typename T>
struct Maximum {
  T operator()(T a, T b) const { return ((a > b) | (a != a)) ? a : b; }
};
template <typename T>
struct Minimum {
  T operator()(T a, T b) const { return ((a < b) | (a != a)) ? a : b; }
};
template <typename T>
struct Fmax {
  T operator()(T a, T b) const { return ((a >= b) | (b != b)) ? a : b; }
};
template <typename T>
struct Fmin {
  T operator()(T a, T b) const { return ((a <= b) | (b != b)) ? a : b; }
};
template <typename T>
struct Heaviside {
  T operator()(T x, T at_zero) const {
    return x == T{0} ? at_zero : static_cast<T>(x > T{0} ? 1 : 0);
  }
};
template <typename T>
struct Copysign {
  T operator()(T a, T b) const { return with_sign(a, b); }
};

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
template <typename T>
struct Remainder {
  T operator()(T a, T b) const {
    const T r = fmod(a, b);
    return ((r != T{0}) & ((b < T{0}) != (r < T{0}))) ? r + b : r;
  }
};
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
template <typename T>
struct TruncDivide {
  T operator()(T a, T b) const { return trunc(a / b); }
};

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
template <typename T>
struct Lerp {
  T operator()(T a, T b, T w) const {
    const T d = b - a;
    return absolute(w) < T(0.5) ? a + w * d : b - d * (T{1} - w);
  }
};
template <typename T>
struct Addcmul {
  explicit Addcmul(const double* p) : value(parameter<T>(p[0])) {}
  T operator()(T a, T b, T c) const {
    return static_cast<T>(wide(a) + wide(value) * wide(b) * wide(c));
  }
  T value;
};
template <typename T>
struct Addcdiv {
  explicit Addcdiv(const double* p) : value(parameter<T>(p[0])) {}
  T operator()(T a, T b, T c) const { return a + value * b / c; }
  T value;
};
template <typename T>
struct Where {
  T operator()(uint8_t condition, T b, T c) const { return condition != 0 ? b : c; }
};

template <template <typename> typename Op, typename... Ts>
void set_ternary(ElementwiseTable& t, Ternary op) {
  ((t.ternary[static_cast<int>(op)][static_cast<int>(kDTypeOf<Ts>)] =
        &LightTernary<Op<Ts>, Ts, Ts>::run),
   ...);
}

// Where only moves bits, so that dtypes of one size share a loop.
template <typename T>
void set_where(ElementwiseTable& t, DType dtype) {
  t.ternary[static_cast<int>(Ternary::Where)][static_cast<int>(dtype)] =
      &LightTernary<Where<T>, uint8_t, T>::run;
}

template <template <typename> typename Op>
void set_all(ElementwiseTable& t, Binary op) {
  set<LightBinary, Op, uint8_t, int32_t, int64_t, float, double>(t, op);
}
template <template <typename> typename Op>
void set_all(ElementwiseTable& t, Unary op) {
  set<LightUnary, Op, uint8_t, int32_t, int64_t, float, double>(t, op);
}
template <template <typename> typename Op>
void set_floats(ElementwiseTable& t, Unary op) {
  set<LightUnary, Op, float, double>(t, op);
}

}  // namespace

void fill_arithmetic(ElementwiseTable& t) {
  set_all<Neg>(t, Unary::Neg);
  set_all<Abs>(t, Unary::Abs);
  set_all<Sign>(t, Unary::Sign);
  set_all<Square>(t, Unary::Square);
  set_all<Relu>(t, Unary::Relu);
  set_floats<Floor>(t, Unary::Floor);
  set_floats<Ceil>(t, Unary::Ceil);
  set_floats<Round>(t, Unary::Round);
  set_floats<RoundDecimals>(t, Unary::RoundDecimals);
  set_floats<Trunc>(t, Unary::Trunc);
  set_floats<Frac>(t, Unary::Frac);
  set_floats<NanToNum>(t, Unary::NanToNum);
  set_floats<Reciprocal>(t, Unary::Reciprocal);
  set_floats<Sqrt>(t, Unary::Sqrt);
  set_floats<Rsqrt>(t, Unary::Rsqrt);
  set<LightUnary, Identity, uint8_t, int32_t, int64_t>(t, Unary::Floor);
  for (const Unary op : {Unary::Ceil, Unary::Round, Unary::Trunc, Unary::NanToNum}) {
    for (const DType dtype : {DType::UInt8, DType::Int32, DType::Int64}) {
      t.unary[static_cast<int>(op)][static_cast<int>(dtype)] =
          t.unary[static_cast<int>(Unary::Floor)][static_cast<int>(dtype)];
    }
  }
  set_bool(t, Unary::Sign, Unary::Floor);
  set_bool(t, Unary::NanToNum, Unary::Floor);

  set_all<Add>(t, Binary::Add);
  set_all<Sub>(t, Binary::Sub);
  set_all<Mul>(t, Binary::Mul);
  set_all<AddScaled>(t, Binary::AddScaled);
  set_all<Maximum>(t, Binary::Maximum);
  set_all<Minimum>(t, Binary::Minimum);
  set_all<Heaviside>(t, Binary::Heaviside);
  set_bool(t, Binary::Heaviside, Binary::Heaviside);
  set<LightBinary, Fmax, float, double>(t, Binary::Fmax);
  set<LightBinary, Fmin, float, double>(t, Binary::Fmin);
  for (const DType dtype : {DType::UInt8, DType::Int32, DType::Int64}) {
    const int d = static_cast<int>(dtype);
    t.binary[static_cast<int>(Binary::Fmax)][d] = t.binary[static_cast<int>(Binary::Maximum)][d];
    t.binary[static_cast<int>(Binary::Fmin)][d] = t.binary[static_cast<int>(Binary::Minimum)][d];
  }
  for (const Binary op : {Binary::Maximum, Binary::Minimum, Binary::Fmax, Binary::Fmin}) {
    set_bool(t, op, op);
  }
  set<LightBinary, Div, float, double>(t, Binary::Div);
  set<LightBinary, Copysign, float, double>(t, Binary::Copysign);
  set<LightBinary, TruncDivide, float, double>(t, Binary::TruncDivide);
  set<PlainBinary, Fmod, float, double>(t, Binary::Fmod);
  set<PlainBinary, Remainder, float, double>(t, Binary::Remainder);
  set<PlainBinary, FloorDivide, float, double>(t, Binary::FloorDivide);

  set_ternary<Clamp, uint8_t, int32_t, int64_t, float, double>(t, Ternary::Clamp);
  set_ternary<Lerp, float, double>(t, Ternary::Lerp);
  set_ternary<Addcmul, uint8_t, int32_t, int64_t, float, double>(t, Ternary::Addcmul);
  set_ternary<Addcdiv, float, double>(t, Ternary::Addcdiv);
  set_where<uint8_t>(t, DType::Bool);
  set_where<uint8_t>(t, DType::UInt8);
  set_where<uint8_t>(t, DType::Int8);
  for (const DType dtype : {DType::Int16, DType::Float16, DType::BFloat16}) {
    set_where<std::uint16_t>(t, dtype);
  }
  set_where<std::uint32_t>(t, DType::Int32);
  set_where<std::uint32_t>(t, DType::Float32);
  set_where<std::uint64_t>(t, DType::Int64);
  set_where<std::uint64_t>(t, DType::Float64);
}

}  // namespace PULLBACK_ISA
}  // namespace pullback::kernels
