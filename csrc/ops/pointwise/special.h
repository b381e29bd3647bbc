// What the special functions of several files have in common: who takes which dtypes, how an
// operator of one tensor that only torch.special has is written down, and those that others use.
#pragma once

#include "ops/elementwise.h"
#include "ops/table.h"

namespace pullback {

Tensor ndtr(const Tensor& input);
Tensor erfcx(const Tensor& input);
Tensor entr(const Tensor& input);
Tensor zeta(const Operand& input, const Operand& other);
Tensor i0(const Tensor& input);
Tensor i0e(const Tensor& input);  // exp(-|x|) i0(x)

// As in torch there is no kernel for half and bfloat16, nor for complex numbers.
void check_not_narrow(const Operand& input, const char* name);

// The samples of functions of the whole line, and of positive numbers; not beside a zero of one.
#define PB_LINE "x(3,4) | x() | x(0,3) | xs(3,4) | x(5, low=-9.9, high=-9.2)"
#define PB_RIGHT \
  "x(3,4, low=1.1, high=2) | x(low=0.2, high=0.7) | xs(3,4, low=9, high=9.8) | x(0,2)"

// A function of torch.special whose kernel has its name.  ARG is what torch calls the argument.
#define PB_SPECIAL(NAME, ARG, NODE, READS, SLOPE, DOC, SAMPLES)                                 \
  static const Elementwise record_##NAME(                                                       \
      #NAME, NODE, DTypeRule::Float, kernels::unary<#NAME>,                                     \
      {READS, [](T t, [[maybe_unused]] S s) -> Tensor { return SLOPE; }});                      \
  Tensor NAME(const Tensor& input) {                                                            \
    check_not_narrow(input, #NAME);                                                             \
    return elementwise(record_##NAME, input);                                                   \
  }                                                                                             \
  static const Entry entry_##NAME(#NAME "(" ARG ")", direct<NAME>, kSpecialForm | kCastOutForm, \
                                  DOC, SAMPLES);

}  // namespace pullback
