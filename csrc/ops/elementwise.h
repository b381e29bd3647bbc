// The elementwise operators: one record each, everything else from the class.
//
// NOTE [Elementwise]
// A record names the kernel (NOTE [Kernels] in kernels/elementwise.h), the rule for the result's
// dtype and for each operand the partial derivative as a function that is linear in its first
// argument t: `t times the slope`.  The vjp multiplies the arriving gradient, the jvp sums over the
// operands' tangents; both by the same functions, written in recorded operators.  What a node saves
// follows from what the partials of the operands that need a gradient read.  Undoing a broadcast or
// a cast happens here, once. Operands may be numbers.
//
// NOTE [Complex derivatives]
// A tangent t of an operand gives `t times the slope` to the result, or the real part of that if
// the result is real.  The gradient is PyTorch's, the adjoint of this map for the product
// Re(conj(a) b): the arriving gradient times the conjugate of the slope, or the real part of that
// if the operand is real.  So the vjp is conj(times(conj(g))), made in one place, and slopes know
// nothing of it.  A partial that is no product, with parts or conjugates of t, is kSelfAdjoint or
// wrong; one whose slope is real may say so too, which spares the two conjugates.
#pragma once

#include <complex>
#include <cstdint>

#include "kernels/elementwise.h"
#include "ops/operand.h"
#include "ops/reads.h"

namespace pullback {

enum class DTypeRule : std::uint8_t {
  Promote,  // the promoted dtype of the operands
  Float,    // the same, integers become the default dtype
  Bool,     // computed in the promoted dtype, result bool
};

struct Elementwise;

// The operands and the result, as far as the record says that the partial at hand reads them.
class Saved {
 public:
  explicit Saved(const Elementwise& op) : op_(op) {}

  Operand operands[3];
  Tensor result;
  const double* params = nullptr;
  Reads reads = kReadsNothing;

  const Tensor& x() const { return a().tensor(); }
  const Operand& a() const { return named(kReadsA), operands[0]; }
  const Operand& b() const { return named(kReadsB), operands[1]; }
  const Operand& c() const { return named(kReadsC), operands[2]; }
  const Tensor& y() const { return named(kReadsY), result; }
  double p(int i) const { return params[i]; }
  // The number that scale_params stored.
  Scalar factor() const {
    return params[2] == 0 ? Scalar(params[1]) : Scalar(std::complex<double>(params[1], params[2]));
  }
  // The same in float32; of an operator of one tensor, whose result is computed anew.
  Saved in_float32() const;

 private:
  void named(Reads what) const {
    if (!(reads & what)) [[unlikely]]
      report_unnamed(what);
  }
  [[noreturn, gnu::cold]] void report_unnamed(Reads what) const;

  const Elementwise& op_;
};

struct Elementwise {
  using Function = Tensor (*)(const Tensor& t, const Saved& s);
  struct Partial {
    Reads reads = kReadsNothing;
    Function times = nullptr;  // nullptr: this operand has no derivative (bool, or refused)
    // Of complex numbers: `times` is its own adjoint, see NOTE [Complex derivatives].
    bool self_adjoint = false;
  };

  const char* name;
  const char* node;
  DTypeRule rule;
  const kernels::KernelInfo* kernel;
  Partial partial[3];

  // Either every operand has a partial, a condition kCondition, or none has.
  template <int N>
  constexpr Elementwise(const char* name, const char* node, DTypeRule rule,
                        const kernels::Kernel<N>* kernel, Partial a, Partial b = {}, Partial c = {})
      : name(name), node(node), rule(rule), kernel(kernel), partial{a, b, c} {
    for (int i = 0; i < 3; ++i) {
      if ((partial[i].times != nullptr) != (i < N && a.times != nullptr)) report_partials();
    }
  }

 private:
  [[noreturn, gnu::cold]] void report_partials() const;
};

inline constexpr int kMaxParams = 3;
// The parameters of a kernel with a factor: p0 as the kernel reads it, p1 for the slopes, and p2,
// the imaginary part, for both.
void scale_params(double* params, DType dtype, const Scalar& factor);

// A slope of several steps, each of which would be rounded to half or bfloat16: taken in float32 it
// is rounded once.  Of an operator of one tensor, which it reads.
Tensor in_float32(Elementwise::Function times, const Tensor& t, const Saved& s);
#define PB_WIDE(SLOPE) \
  in_float32([]([[maybe_unused]] T t, [[maybe_unused]] S s) -> Tensor { return SLOPE; }, t, s)

// A partial that is zero everywhere (sign, floor, comparisons with a float result).
Tensor zero_slope(const Tensor& t, const Saved& s);
inline constexpr bool kSelfAdjoint = true;
inline constexpr Elementwise::Partial kZeroSlope{
    kReadsNothing, [](const Tensor& t, const Saved& s) { return zero_slope(t, s); }, kSelfAdjoint};
// Of an operand that is bool and has no gradient, where the others have partials.
inline constexpr Elementwise::Partial kCondition = kZeroSlope;

// `params` has kMaxParams entries where it is given.
Tensor elementwise(const Elementwise& op, const Operand& x, const double* params = nullptr);
Tensor elementwise(const Elementwise& op, const Operand& a, const Operand& b,
                   const double* params = nullptr);
Tensor elementwise(const Elementwise& op, const Operand& a, const Operand& b, const Operand& c,
                   const double* params = nullptr);

using T = const Tensor&;
using S = const Saved&;

// An elementwise operator of one tensor and the kernel of its name: its record, its C++ function,
// its row in the table.  One that promotes nothing casts nothing into out= either.
#define PB_UNARY(NAME, NODE, RULE, READS, SLOPE, DOC, SAMPLES)                   \
  static const Elementwise record_##NAME(                                        \
      #NAME, NODE, DTypeRule::RULE, kernels::unary<#NAME>,                       \
      {READS, [](T t, [[maybe_unused]] S s) -> Tensor { return SLOPE; }});       \
  Tensor NAME(const Tensor& input) { return elementwise(record_##NAME, input); } \
  static const Entry entry_##NAME(                                               \
      #NAME "(input)", direct<NAME>,                                             \
      DTypeRule::RULE == DTypeRule::Promote ? kBoth | kInPlaceForm : kPointwise, DOC, SAMPLES);

}  // namespace pullback
