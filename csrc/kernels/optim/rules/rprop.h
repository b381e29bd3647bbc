// Rprop: M. Riedmiller, H. Braun, "A direct adaptive method for faster backpropagation learning:
// the RPROP algorithm", ICNN 1993; a step is not taken back when the sign changes (iRprop-, C.
// Igel, M. Huesken, "Improving the Rprop Learning Algorithm", NC 2000).
#pragma once

#include "kernels/optim/describe.h"

namespace pullback::kernels::PULLBACK_ISA {

struct Rprop : RuleDefaults {
  static constexpr const char* kName = "Rprop";
  static constexpr const char* kSignature =
      "lr=1e-2, etas=(0.5, 1.2), step_sizes=(1e-6, 50), *, capturable=False, foreach=None, "
      "maximize=False, differentiable=False";
  static constexpr const char* kOrder =
      "lr etas step_sizes foreach maximize differentiable capturable";
  static constexpr Check kChecks[] = {
      kRateCheck, {"0.0 < etas[0] < 1.0 < etas[1]", "Invalid eta values: {etas[0]}, {etas[1]}"}};
  static constexpr Slot kSlots[] = {
      {.name = "step", .number = true}, {.name = "prev"}, {.name = "step_size", .initial = "lr"}};
  static constexpr const char* kReads = "lr etas[2] step_sizes[2] maximize";
  static constexpr const char* kDoc =
      R"(Steps by the sign of the gradient alone (Riedmiller and Braun, ICNN 1993; Igel and Huesken,
NC 2000).

The size of an element's step, ``lr`` at first, is multiplied by ``etas[1]`` when the gradient has the
sign that it had before and by ``etas[0]`` when it has not, in which case the element rests for this
step, and stays within ``step_sizes``.)";

  struct Options {
    double lr, less, more, smallest, largest, maximize;
  };
  using Constants = Options;
  static Constants prepare(const Options& o, Numbers numbers, bool) {
    numbers[0] += 1;
    return o;
  }
  template <unsigned, typename T>
  static PULLBACK_INLINE void step(T& p, T grad, T* s, const Constants& c) {
    T g = grad * T(1 - 2 * c.maximize);
    const T agreement = g * s[0], zero = T(0);
    const T size =
        s[1] * select(agreement > zero, T(c.more), select(agreement < zero, T(c.less), T(1)));
    const T bounded = select(size < T(c.smallest), T(c.smallest), size);
    s[1] = select(bounded > T(c.largest), T(c.largest), bounded);
    g = select(agreement < zero, zero, g);
    p = p - select(g > zero, s[1], select(g < zero, s[1] * T(-1), zero));
    s[0] = g;
  }
};

}  // namespace pullback::kernels::PULLBACK_ISA
