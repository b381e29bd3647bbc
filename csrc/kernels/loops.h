// The shapes of loops: how a function of one element becomes a loop over raw memory, and how the
// loops of a kernel are registered (NOTE [Kernels] in elementwise.h).
//
// Included by *_isa.cpp and by files that no instruction set helps, which say `plain`.  Light loops
// (a few instructions per element) have a vectorised form for contiguous operands and for a scalar
// operand, and one that takes any stride.  Heavy loops (vector math) have the contiguous form
// for whole vectors alone; the rest is staged through a small buffer, so that the large code exists
// once.
// `#pragma GCC ivdep` is what allows the output to be an input: each element is read before its
// place is written; `unroll 1` keeps what is left over of a light loop from being written out,
// which was a third of its code.  Start reading at Register.
#pragma once

#include <cstdint>
#include <type_traits>

#include "kernels/dispatch.h"
#include "kernels/elementwise.h"

namespace pullback::kernels {
namespace PULLBACK_ISA {

// bool lives in a byte, and kernels work on the byte.
template <typename T>
using Stored = std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>;

template <typename T>
PULLBACK_INLINE T load(const char* p) {
  return *reinterpret_cast<const T*>(p);
}
template <typename T>
PULLBACK_INLINE void store(char* p, T value) {
  *reinterpret_cast<Stored<T>*>(p) = static_cast<Stored<T>>(value);
}

// Keeps the compiler from vectorising the loop over i: for the loops that take any stride its
// gathers would double the code and gain nothing.
template <typename I>
PULLBACK_INLINE void scalar_loop(I& i) {
  asm volatile("" : "+r"(i));
}

// A parameter in the dtype of the loop; an integral one is written with integral_param.
template <typename T>
PULLBACK_INLINE T parameter(double p) {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(p);
  } else {
    return static_cast<T>(__builtin_bit_cast(std::int64_t, p));
  }
}

// Operations with parameters are constructed from them.
template <typename Op>
PULLBACK_INLINE Op make(const double* params) {
  if constexpr (std::is_constructible_v<Op, const double*>) {
    return Op(params);
  } else {
    return Op{};
  }
}

// What Register reads of a class of loops besides its results.
template <Cost cost>
struct Traits {
  static constexpr Cost kCost = cost;
  static constexpr bool kChooses = false;
  static constexpr bool kDivides = false;
};

template <typename Op, typename T>
struct LightUnary : Traits<Cost::Light> {
  using Out = std::invoke_result_t<Op, T>;
  static void run(char* out, const char* in, std::int64_t so, std::int64_t si, std::int64_t n,
                  const double* params) {
    const Op op = make<Op>(params);
    if (so == sizeof(Stored<Out>) && si == sizeof(T)) {
      auto* o = reinterpret_cast<Stored<Out>*>(out);
      auto* x = reinterpret_cast<const T*>(in);
#pragma GCC ivdep
#pragma GCC unroll 1
      for (std::int64_t i = 0; i < n; ++i) o[i] = static_cast<Stored<Out>>(op(x[i]));
      return;
    }
    for (std::int64_t i = 0; i < n; ++i) {
      scalar_loop(i);
      store<Out>(out + i * so, op(load<T>(in + i * si)));
    }
  }
};

template <typename Op, typename T>
struct LightBinary : Traits<Cost::Light> {
  using Out = std::invoke_result_t<Op, T, T>;
  [[gnu::noinline]] static void run(char* out, const char* a, const char* b, std::int64_t so,
                                    std::int64_t sa, std::int64_t sb, std::int64_t n,
                                    const double* params) {
    const Op op = make<Op>(params);
    if (n == 1) return store<Out>(out, op(load<T>(a), load<T>(b)));
    constexpr std::int64_t kSize = sizeof(T);
    auto* o = reinterpret_cast<Stored<Out>*>(out);
    auto* x = reinterpret_cast<const T*>(a);
    auto* y = reinterpret_cast<const T*>(b);
    if (so == sizeof(Stored<Out>)) {
      if (sa == kSize && sb == kSize) {
#pragma GCC ivdep
#pragma GCC unroll 1
        for (std::int64_t i = 0; i < n; ++i) o[i] = static_cast<Stored<Out>>(op(x[i], y[i]));
        return;
      }
      if (sa == kSize && sb == 0) {
        const T scalar = *y;
#pragma GCC ivdep
#pragma GCC unroll 1
        for (std::int64_t i = 0; i < n; ++i) o[i] = static_cast<Stored<Out>>(op(x[i], scalar));
        return;
      }
      if (sa == 0 && sb == kSize) {
        const T scalar = *x;
#pragma GCC ivdep
#pragma GCC unroll 1
        for (std::int64_t i = 0; i < n; ++i) o[i] = static_cast<Stored<Out>>(op(scalar, y[i]));
        return;
      }
    }
    for (std::int64_t i = 0; i < n; ++i) {
      scalar_loop(i);
      store<Out>(out + i * so, op(load<T>(a + i * sa), load<T>(b + i * sb)));
    }
  }
};

// Scalar code that nothing vectorises: one loop for all strides.
template <typename Op, typename T>
struct PlainUnary : Traits<Cost::Slow> {
  using Out = std::invoke_result_t<Op, T>;
  static void run(char* out, const char* in, std::int64_t so, std::int64_t si, std::int64_t n,
                  const double* params) {
    const Op op = make<Op>(params);
    for (std::int64_t i = 0; i < n; ++i) {
      scalar_loop(i);
      store<Out>(out + i * so, op(load<T>(in + i * si)));
    }
  }
};
template <typename Op, typename T>
struct PlainBinary : Traits<Cost::Slow> {
  using Out = std::invoke_result_t<Op, T, T>;
  static void run(char* out, const char* a, const char* b, std::int64_t so, std::int64_t sa,
                  std::int64_t sb, std::int64_t n, const double* params) {
    const Op op = make<Op>(params);
    for (std::int64_t i = 0; i < n; ++i) {
      scalar_loop(i);
      store<Out>(out + i * so, op(load<T>(a + i * sa), load<T>(b + i * sb)));
    }
  }
};

template <typename Op, typename T>
struct PlainTernary : Traits<Cost::Slow> {
  using Out = T;
  static void run(char* out, const char* a, const char* b, const char* c, std::int64_t so,
                  std::int64_t sa, std::int64_t sb, std::int64_t sc, std::int64_t n,
                  const double* params) {
    const Op op = make<Op>(params);
    for (std::int64_t i = 0; i < n; ++i) {
      scalar_loop(i);
      store<T>(out + i * so, op(load<T>(a + i * sa), load<T>(b + i * sb), load<T>(c + i * sc)));
    }
  }
};

// Heavy loops take whole vectors only, so that neither a shorter vector nor a scalar form of their
// large code exists: what is left over goes through a buffer that is filled up with its last
// element.
inline constexpr std::int64_t kStage = 128;  // elements in a staging buffer
// 32-bit lanes of the widest vector, twice the 64-bit ones: a multiple of what a loop takes at
// once.
inline constexpr std::int64_t kLanes = kIsa == Isa::V4 ? 16 : kIsa == Isa::V3 ? 8 : 4;

PULLBACK_INLINE std::int64_t whole(std::int64_t n) { return n & -kLanes; }

template <typename T>
using Staged = T[kStage + kLanes];

// n elements, filled up to whole vectors.  The filling comes first and in one piece, since a vector
// is read quickly only if it was written at once: a single number is.
template <typename T>
PULLBACK_INLINE void stage(Staged<T>& buffer, const char* from, std::int64_t stride,
                           std::int64_t n) {
  const T last = load<T>(from + (n - 1) * stride);
  for (std::int64_t i = 0; i < kLanes; ++i) buffer[n - 1 + i] = last;
  for (std::int64_t i = 0; i < n - 1; ++i) {
    scalar_loop(i);
    buffer[i] = load<T>(from + i * stride);
  }
}
template <typename T>
PULLBACK_INLINE void unstage(char* to, std::int64_t stride, const T* buffer, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    scalar_loop(i);
    store<T>(to + i * stride, buffer[i]);
  }
}

// Loop::contiguous(out, in, n, params) does the work; n is a multiple of kLanes.
template <typename Loop, typename T>
PULLBACK_INLINE void staged_unary(char* out, const char* in, std::int64_t so, std::int64_t si,
                                  std::int64_t n, const double* params) {
  std::int64_t i = 0;
  if (so == sizeof(T) && si == sizeof(T) && n >= kLanes) {
    i = whole(n);
    Loop::contiguous(reinterpret_cast<T*>(out), reinterpret_cast<const T*>(in), i, params);
  }
  Staged<T> from, to;
  for (; i < n; i += kStage) {
    const std::int64_t m = n - i < kStage ? n - i : kStage;
    stage<T>(from, in + i * si, si, m);
    Loop::contiguous(to, from, whole(m + kLanes - 1), params);
    unstage(out + i * so, so, to, m);
  }
}

// Op is a function T -> T, or double -> double that serves float by way of double.
template <typename Op, typename T>
struct MathUnary : Traits<Cost::Math> {
  using Out = T;
  [[gnu::noinline, gnu::flatten]] static void contiguous(T* out, const T* in, std::int64_t n,
                                                         const double* params) {
    const Op op = make<Op>(params);
    n = whole(n);
#pragma GCC ivdep
    for (std::int64_t i = 0; i < n; ++i) out[i] = static_cast<T>(op(in[i]));
  }
  static void run(char* out, const char* in, std::int64_t so, std::int64_t si, std::int64_t n,
                  const double* params) {
    staged_unary<MathUnary, T>(out, in, so, si, n, params);
  }
};

template <typename Op, typename T>
struct MathBinary : Traits<Cost::Math> {
  using Out = T;
  [[gnu::noinline, gnu::flatten]] static void contiguous(T* out, const T* a, const T* b,
                                                         std::int64_t n, const double* params) {
    const Op op = make<Op>(params);
    n = whole(n);
#pragma GCC ivdep
    for (std::int64_t i = 0; i < n; ++i) out[i] = static_cast<T>(op(a[i], b[i]));
  }
  static void run(char* out, const char* a, const char* b, std::int64_t so, std::int64_t sa,
                  std::int64_t sb, std::int64_t n, const double* params) {
    constexpr std::int64_t kSize = sizeof(T);
    std::int64_t i = 0;
    if (so == kSize && sa == kSize && sb == kSize && n >= kLanes) {
      i = whole(n);
      contiguous(reinterpret_cast<T*>(out), reinterpret_cast<const T*>(a),
                 reinterpret_cast<const T*>(b), i, params);
    }
    Staged<T> from_a, from_b, to;
    for (; i < n; i += kStage) {
      const std::int64_t m = n - i < kStage ? n - i : kStage;
      stage<T>(from_a, a + i * sa, sa, m);
      stage<T>(from_b, b + i * sb, sb, m);
      contiguous(to, from_a, from_b, whole(m + kLanes - 1), params);
      unstage(out + i * so, so, to, m);
    }
  }
};

// A ternary loop with vectorised forms for a contiguous first operand and the other two contiguous
// or scalar, each by itself.
template <typename Op, typename First, typename T>
struct TernaryOf : Traits<Cost::Light> {
  using Out = T;
  template <typename B, typename C>
  PULLBACK_INLINE static void flat(const Op& op, T* o, const First* a, B b, C c, std::int64_t n) {
#pragma GCC ivdep
#pragma GCC unroll 1
    for (std::int64_t i = 0; i < n; ++i) o[i] = op(a[i], b(i), c(i));
  }
  static void run(char* out, const char* a, const char* b, const char* c, std::int64_t so,
                  std::int64_t sa, std::int64_t sb, std::int64_t sc, std::int64_t n,
                  const double* params) {
    const Op op = make<Op>(params);
    if (n == 0) return;  // the scalar forms below read their operand before the loop
    if (n == 1) return store<T>(out, op(load<First>(a), load<T>(b), load<T>(c)));
    constexpr std::int64_t kSize = sizeof(T);
    if (so == kSize && sa == sizeof(First)) {
      auto* o = reinterpret_cast<T*>(out);
      auto* x = reinterpret_cast<const First*>(a);
      auto* y = reinterpret_cast<const T*>(b);
      auto* z = reinterpret_cast<const T*>(c);
      const auto b_flat = [=](std::int64_t i) { return y[i]; };
      const auto c_flat = [=](std::int64_t i) { return z[i]; };
      const auto b_one = [value = *y](std::int64_t) { return value; };
      const auto c_one = [value = *z](std::int64_t) { return value; };
      if (sb == kSize && sc == kSize) return flat(op, o, x, b_flat, c_flat, n);
      if (sb == 0 && sc == kSize) return flat(op, o, x, b_one, c_flat, n);
      if (sb == kSize && sc == 0) return flat(op, o, x, b_flat, c_one, n);
      if (sb == 0 && sc == 0) return flat(op, o, x, b_one, c_one, n);
    }
    for (std::int64_t i = 0; i < n; ++i) {
      scalar_loop(i);
      store<T>(out + i * so, op(load<First>(a + i * sa), load<T>(b + i * sb), load<T>(c + i * sc)));
    }
  }
};

template <typename Op, typename T>
struct LightTernary : TernaryOf<Op, T, T> {};

// The dtypes of a kernel; bool shares the loop of uint8.
template <typename... Ts>
struct DTypes {};
using Integers = DTypes<std::uint8_t, std::int32_t, std::int64_t>;
using Floats = DTypes<float, double>;
using Numbers = DTypes<std::uint8_t, std::int32_t, std::int64_t, float, double>;
using BoolAndIntegers = DTypes<bool, std::uint8_t, std::int32_t, std::int64_t>;
using BoolAndNumbers = DTypes<bool, std::uint8_t, std::int32_t, std::int64_t, float, double>;

constexpr int arity(UnaryLoop) { return 1; }
constexpr int arity(BinaryLoop) { return 2; }
constexpr int arity(TernaryLoop) { return 3; }

// The loops of a kernel, in the line beside its function:
//
//   const Register<"exp", MathUnary, Exp, Floats> kExp;
//
// Its constructor runs on every CPU, so it does nothing but pass the address of a constant.
template <KernelName kName, template <typename, typename> typename Loop,
          template <typename> typename Op, typename Dtypes>
class Register;
template <KernelName kName, template <typename, typename> typename Loop,
          template <typename> typename Op, typename First, typename... Rest>
class Register<kName, Loop, Op, DTypes<First, Rest...>> {
 public:
  explicit Register(Cost cost = Of<First>::kCost) { enter(kernel<kArity, kName>, kOffer, cost); }

 private:
  template <typename T>
  using Of = Loop<Op<Stored<T>>, Stored<T>>;
  static constexpr int kArity = arity(&Of<First>::run);
  template <typename T>
  static constexpr typename Offer<kArity>::One one() {
    using Out = typename Of<T>::Out;
    return {kDTypeOf<T>, kDTypeOf<std::conditional_t<std::is_same_v<Out, Stored<T>>, T, Out>>,
            &Of<T>::run};
  }
  static constexpr typename Offer<kArity>::One kLoops[] = {one<First>(), one<Rest>()...};
  static constexpr Offer<kArity> kOffer = {kName.text, kIsa, Of<First>::kChooses,
                                           Of<First>::kDivides, kLoops};
};

using std::int32_t;
using std::int64_t;
using std::uint8_t;

}  // namespace PULLBACK_ISA
}  // namespace pullback::kernels
