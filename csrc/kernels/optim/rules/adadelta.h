// Adadelta: M. D. Zeiler, "ADADELTA: An Adaptive Learning Rate Method", arXiv:1212.5701.
#pragma once

#include "kernels/optim/describe.h"

namespace pullback::kernels::PULLBACK_ISA {

struct Adadelta : RuleDefaults {
  static constexpr const char* kName = "Adadelta";
  static constexpr const char* kSignature =
      "lr=1.0, rho=0.9, eps=1e-6, weight_decay=0, foreach=None, *, capturable=False, "
      "maximize=False, differentiable=False";
  static constexpr const char* kOrder =
      "lr rho eps weight_decay maximize capturable foreach differentiable";
  static constexpr Check kChecks[] = {
      kRateCheck, {"0.0 <= rho <= 1.0", "Invalid rho value: {rho}"}, kEpsCheck, kDecayCheck};
  static constexpr Slot kSlots[] = {
      {.name = "step", .number = true}, {.name = "square_avg"}, {.name = "acc_delta"}};
  static constexpr const char* kReads = "lr rho eps weight_decay maximize";
  static constexpr const char* kDoc =
      R"(Steps in units of the steps before (Zeiler, arXiv:1212.5701).

With ``v = rho * v + (1 - rho) * g**2`` and ``d = sqrt(u + eps) / sqrt(v + eps) * g``, the step is
``-lr * d``; then ``u = rho * u + (1 - rho) * d**2``.)";
  static constexpr const char* kExample = "lr=100.0";
  static constexpr const char* kExampleResult = "[0.6838, 1.6838]";

  struct Options {
    double lr, rho, eps, weight_decay, maximize;
  };
  using Constants = Options;
  static Constants prepare(const Options& o, Numbers numbers, bool) {
    numbers[0] += 1;
    return o;
  }
  template <unsigned, typename T>
  static PULLBACK_INLINE void step(T& p, T grad, T* s, const Constants& c) {
    const T g = descent(p, grad, c);
    s[0] = mean_square(s[0], g, c.rho);
    const T delta = square_root(s[1] + T(c.eps)) / square_root(s[0] + T(c.eps)) * g;
    s[1] = mean_square(s[1], delta, c.rho);
    p = muladd(delta, T(-c.lr), p);
  }
};

}  // namespace pullback::kernels::PULLBACK_ISA
