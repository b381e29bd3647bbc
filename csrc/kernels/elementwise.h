// Elementwise operations: one output element from the elements at the same place of 1 to 3 inputs.
//
// NOTE [Kernels]
// A kernel is an entry with loops for those dtypes that it supports; a loop walks one dimension,
// strides in bytes.  It is found by its name: `unary<"exp">` is the address of its entry, a
// constant that needs no declaration.  The loops come from lines beside their functions (Register
// in loops.h), which fill the entries when the program is loaded, each with those for the CPU's
// instruction set.  A name that nobody registers is an entry without loops.
//
// `apply` takes strided views of equal sizes (broadcast is stride 0), merges and reorders
// dimensions and runs loops, on several threads when it pays; the result never depends on their
// number.
//
// The inputs have the compute dtype; what the output has, a kernel tells.  The drivers convert
// narrow operands (NOTE [Narrow types] in narrow.h), each of which may also be in the wide dtype
// itself.  The output may be exactly one of the inputs, never overlap partially.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <type_traits>

#include "core/dtype.h"
#include "kernels/dispatch.h"
#include "kernels/view.h"

namespace pullback::kernels {

// n elements; strides in bytes, of any sign, zero for a scalar operand.  Params may be nullptr if
// the operation takes none; an integral dtype reads them with integral_param.
using UnaryLoop = void (*)(char* out, const char* in, std::int64_t out_stride,
                           std::int64_t in_stride, std::int64_t n, const double* params);
using BinaryLoop = void (*)(char* out, const char* a, const char* b, std::int64_t out_stride,
                            std::int64_t a_stride, std::int64_t b_stride, std::int64_t n,
                            const double* params);
using TernaryLoop = void (*)(char* out, const char* a, const char* b, const char* c,
                             std::int64_t out_stride, std::int64_t a_stride, std::int64_t b_stride,
                             std::int64_t c_stride, std::int64_t n, const double* params);
template <int N>
using Loop =
    std::conditional_t<N == 1, UnaryLoop, std::conditional_t<N == 2, BinaryLoop, TernaryLoop>>;

// How an exact int64 travels in the array of double parameters.
inline double integral_param(std::int64_t value) { return std::bit_cast<double>(value); }

// What an element costs, which decides when threads pay.
enum class Cost : std::uint8_t {
  Light,  // a few instructions
  Math,   // vector math
  Slow,   // scalar calls
};

struct KernelInfo {
  const char* name;  // nullptr: nobody registered it
  DType results[kNumDTypes];
  Cost costs[kNumDTypes];
  bool chooses;  // the first operand is bool, whatever the compute dtype
  bool divides;  // integers, so that b must be checked: check_divisor

  DType result(DType compute) const { return results[static_cast<int>(compute)]; }
};

template <int N>
struct Kernel : KernelInfo {
  Loop<N> loops[kNumDTypes];  // nullptr where the dtype is not supported

  Loop<N> loop(DType compute) const { return loops[static_cast<int>(compute)]; }
  // Whether there is a loop for the dtype or, if it is narrow, for its wide one.
  bool computes(DType dtype) const { return loop(dtype) || loop(wide_of(dtype)); }
};
using Unary = const Kernel<1>*;
using Binary = const Kernel<2>*;
using Ternary = const Kernel<3>*;

template <std::size_t N>
struct KernelName {
  char text[N];
  // NOLINTNEXTLINE(google-explicit-constructor)
  consteval KernelName(const char (&name)[N]) { std::copy_n(name, N, text); }
};

// Zero until loops are registered, so that static initialisers may take its address.
template <int N, KernelName kName>
inline constinit Kernel<N> kernel{};
template <KernelName kName>
inline constexpr Unary unary = &kernel<1, kName>;
template <KernelName kName>
inline constexpr Binary binary = &kernel<2, kName>;
template <KernelName kName>
inline constexpr Ternary ternary = &kernel<3, kName>;

// Some loops of a kernel, as Register has them.
template <int N>
struct Offer {
  struct One {
    DType compute, result;
    Loop<N> loop;
  };
  const char* name;
  Isa isa;  // that they were compiled for
  bool chooses, divides;
  std::span<const One> loops;
};
// Puts them into the entry if they are for the instruction set of this CPU.
template <int N>
void enter(Kernel<N>& kernel, const Offer<N>& offer, Cost cost);

// Throws PyTorch's "ZeroDivisionError" if b holds an integral zero.  apply checks by itself;
// whoever calls a loop of a kernel that divides calls this first.
void check_divisor(const View& b);

// The loop for the compute dtype, which is that of the last input, widened, must exist.
template <int N>
void apply(const Kernel<N>* kernel, const View& out,
           const std::type_identity_t<std::array<View, N>>& in, const double* params = nullptr);

// The output comes first in both arrays.
template <int N, typename Pointers, typename Strides>
[[gnu::always_inline]] inline void call(Loop<N> loop, const Pointers& at, const Strides& strides,
                                        std::int64_t n, const double* params) {
  if constexpr (N == 1) loop(at[0], at[1], strides[0], strides[1], n, params);
  if constexpr (N == 2) loop(at[0], at[1], at[2], strides[0], strides[1], strides[2], n, params);
  if constexpr (N == 3)
    loop(at[0], at[1], at[2], at[3], strides[0], strides[1], strides[2], strides[3], n, params);
}

}  // namespace pullback::kernels
