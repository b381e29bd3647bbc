// Loops with bool results (comparisons, predicates, logic) and loops on bits.
//
// A bool is the byte 0 or 1, so that bool operands share the loops of uint8.
#include "kernels/loops.h"
#include "kernels/vecmath.h"

namespace pullback::kernels {
namespace PULLBACK_ISA {
namespace {

template <typename T>
struct Eq {
  bool operator()(T a, T b) const { return a == b; }
};
const Register<"eq", LightBinary, Eq, BoolAndNumbers> kEq;
template <typename T>
struct Ne {
  bool operator()(T a, T b) const { return a != b; }
};
const Register<"ne", LightBinary, Ne, BoolAndNumbers> kNe;
template <typename T>
struct Lt {
  bool operator()(T a, T b) const { return a < b; }
};
const Register<"lt", LightBinary, Lt, BoolAndNumbers> kLt;
template <typename T>
struct Le {
  bool operator()(T a, T b) const { return a <= b; }
};
const Register<"le", LightBinary, Le, BoolAndNumbers> kLe;
// a > b is b < a, so that the loops of the one are those of the other.
template <typename Op, typename T>
struct Swapped : Traits<Cost::Light> {
  using Out = bool;
  static void run(char* out, const char* a, const char* b, int64_t so, int64_t sa, int64_t sb,
                  int64_t n, const double* params) {
    LightBinary<Op, T>::run(out, b, a, so, sb, sa, n, params);
  }
};
const Register<"gt", Swapped, Lt, BoolAndNumbers> kGt;
const Register<"ge", Swapped, Le, BoolAndNumbers> kGe;
template <typename T>
struct LogicalAnd {
  bool operator()(T a, T b) const { return (a != T{0}) & (b != T{0}); }
};
const Register<"logical_and", LightBinary, LogicalAnd, BoolAndNumbers> kLogicalAnd;
template <typename T>
struct LogicalOr {
  bool operator()(T a, T b) const { return (a != T{0}) | (b != T{0}); }
};
const Register<"logical_or", LightBinary, LogicalOr, BoolAndNumbers> kLogicalOr;
template <typename T>
struct LogicalXor {
  bool operator()(T a, T b) const { return (a != T{0}) != (b != T{0}); }
};
const Register<"logical_xor", LightBinary, LogicalXor, BoolAndNumbers> kLogicalXor;
template <typename T>
struct LogicalNot {
  bool operator()(T x) const { return x == T{0}; }
};
const Register<"logical_not", LightUnary, LogicalNot, BoolAndNumbers> kLogicalNot;
template <typename T>
struct IsNan {
  bool operator()(T x) const { return x != x; }
};
const Register<"isnan", LightUnary, IsNan, BoolAndNumbers> kIsNan;
template <typename T>
struct IsInf {
  bool operator()(T x) const {
    if constexpr (std::is_floating_point_v<T>) return absolute(x) == kInf<T>;
    return false;
  }
};
const Register<"isinf", LightUnary, IsInf, BoolAndNumbers> kIsInf;
template <typename T>
struct IsFinite {
  bool operator()(T x) const {
    if constexpr (std::is_floating_point_v<T>) return absolute(x) < kInf<T>;
    return true;
  }
};
const Register<"isfinite", LightUnary, IsFinite, BoolAndNumbers> kIsFinite;

template <typename T>
struct BitwiseAnd {
  T operator()(T a, T b) const { return static_cast<T>(a & b); }
};
const Register<"bitwise_and", LightBinary, BitwiseAnd, BoolAndIntegers> kBitwiseAnd;
const Register<"mul", LightBinary, BitwiseAnd, DTypes<bool>> kMulBool;
template <typename T>
struct BitwiseOr {
  T operator()(T a, T b) const { return static_cast<T>(a | b); }
};
const Register<"bitwise_or", LightBinary, BitwiseOr, BoolAndIntegers> kBitwiseOr;
const Register<"add", LightBinary, BitwiseOr, DTypes<bool>> kAddBool;
template <typename T>
struct BitwiseXor {
  T operator()(T a, T b) const { return static_cast<T>(a ^ b); }
};
const Register<"bitwise_xor", LightBinary, BitwiseXor, BoolAndIntegers> kBitwiseXor;
template <typename T>
struct BitwiseNot {
  T operator()(T x) const { return static_cast<T>(~x); }
};
const Register<"bitwise_not", LightUnary, BitwiseNot, Integers> kBitwiseNot;
const Register<"bitwise_not", LightUnary, LogicalNot, DTypes<bool>> kBitwiseNotOfBool;

// A shift by a negative count or by all bits and more leaves nothing but the sign.
template <typename T>
PULLBACK_INLINE bool shifts_out(T count) {
  return static_cast<std::make_unsigned_t<T>>(count) >= sizeof(T) * 8;
}
template <typename T>
struct LeftShift {
  T operator()(T a, T b) const {
    using U = std::make_unsigned_t<T>;
    const U count = shifts_out(b) ? U{0} : static_cast<U>(b);
    return shifts_out(b) ? T{0} : static_cast<T>(static_cast<U>(a) << count);
  }
};
const Register<"bitwise_left_shift", LightBinary, LeftShift, Integers> kLeftShift;
template <typename T>
struct RightShift {
  T operator()(T a, T b) const {
    constexpr T kMost = sizeof(T) * 8 - 1;
    if constexpr (std::is_unsigned_v<T>) {
      return shifts_out(b) ? T{0} : static_cast<T>(a >> (b & kMost));
    }
    return static_cast<T>(a >> (shifts_out(b) ? kMost : b));
  }
};
const Register<"bitwise_right_shift", LightBinary, RightShift, Integers> kRightShift;

}  // namespace

}  // namespace PULLBACK_ISA
}  // namespace pullback::kernels
