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
template <typename T>
struct Ne {
  bool operator()(T a, T b) const { return a != b; }
};
template <typename T>
struct Lt {
  bool operator()(T a, T b) const { return a < b; }
};
template <typename T>
struct Le {
  bool operator()(T a, T b) const { return a <= b; }
};
template <typename T>
struct Gt {
  bool operator()(T a, T b) const { return a > b; }
};
template <typename T>
struct Ge {
  bool operator()(T a, T b) const { return a >= b; }
};
template <typename T>
struct LogicalAnd {
  bool operator()(T a, T b) const { return (a != T{0}) & (b != T{0}); }
};
template <typename T>
struct LogicalOr {
  bool operator()(T a, T b) const { return (a != T{0}) | (b != T{0}); }
};
template <typename T>
struct LogicalXor {
  bool operator()(T a, T b) const { return (a != T{0}) != (b != T{0}); }
};
template <typename T>
struct LogicalNot {
  bool operator()(T x) const { return x == T{0}; }
};
template <typename T>
struct IsNan {
  bool operator()(T x) const { return x != x; }
};
template <typename T>
struct IsInf {
  bool operator()(T x) const {
    if constexpr (std::is_floating_point_v<T>) return absolute(x) == kInf<T>;
    return false;
  }
};
template <typename T>
struct IsFinite {
  bool operator()(T x) const {
    if constexpr (std::is_floating_point_v<T>) return absolute(x) < kInf<T>;
    return true;
  }
};

template <typename T>
struct BitwiseAnd {
  T operator()(T a, T b) const { return static_cast<T>(a & b); }
};
template <typename T>
struct BitwiseOr {
  T operator()(T a, T b) const { return static_cast<T>(a | b); }
};
template <typename T>
struct BitwiseXor {
  T operator()(T a, T b) const { return static_cast<T>(a ^ b); }
};
template <typename T>
struct BitwiseNot {
  T operator()(T x) const { return static_cast<T>(~x); }
};

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

template <template <typename> typename Op>
void set_all(ElementwiseTable& t, Binary op) {
  set<LightBinary, Op, uint8_t, int32_t, int64_t, float, double>(t, op);
  set_bool(t, op, op);
}
template <template <typename> typename Op>
void set_all(ElementwiseTable& t, Unary op) {
  set<LightUnary, Op, uint8_t, int32_t, int64_t, float, double>(t, op);
  set_bool(t, op, op);
}
template <template <typename> typename Op>
void set_integers(ElementwiseTable& t, Binary op) {
  set<LightBinary, Op, uint8_t, int32_t, int64_t>(t, op);
}

}  // namespace

void fill_compare(ElementwiseTable& t) {
  set_all<Eq>(t, Binary::Eq);
  set_all<Ne>(t, Binary::Ne);
  set_all<Lt>(t, Binary::Lt);
  set_all<Le>(t, Binary::Le);
  set_all<Gt>(t, Binary::Gt);
  set_all<Ge>(t, Binary::Ge);
  set_all<LogicalAnd>(t, Binary::LogicalAnd);
  set_all<LogicalOr>(t, Binary::LogicalOr);
  set_all<LogicalXor>(t, Binary::LogicalXor);
  set_all<LogicalNot>(t, Unary::LogicalNot);
  set_all<IsNan>(t, Unary::IsNan);
  set_all<IsInf>(t, Unary::IsInf);
  set_all<IsFinite>(t, Unary::IsFinite);

  set<LightUnary, BitwiseNot, uint8_t, int32_t, int64_t>(t, Unary::BitwiseNot);
  set_bool(t, Unary::BitwiseNot, Unary::LogicalNot);
  set_integers<BitwiseAnd>(t, Binary::BitwiseAnd);
  set_integers<BitwiseOr>(t, Binary::BitwiseOr);
  set_integers<BitwiseXor>(t, Binary::BitwiseXor);
  set_integers<LeftShift>(t, Binary::LeftShift);
  set_integers<RightShift>(t, Binary::RightShift);
  set_bool(t, Binary::BitwiseAnd, Binary::BitwiseAnd);
  set_bool(t, Binary::BitwiseOr, Binary::BitwiseOr);
  set_bool(t, Binary::BitwiseXor, Binary::BitwiseXor);
  set_bool(t, Binary::Add, Binary::BitwiseOr);
  set_bool(t, Binary::Mul, Binary::BitwiseAnd);
}

}  // namespace PULLBACK_ISA
}  // namespace pullback::kernels
