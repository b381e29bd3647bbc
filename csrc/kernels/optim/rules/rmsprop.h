// RMSprop: T. Tieleman, G. Hinton, lecture 6.5 of "Neural Networks for Machine Learning", 2012; the
// centered form is that of A. Graves, "Generating Sequences With Recurrent Neural Networks",
// arXiv:1308.0850.
#pragma once

#include "kernels/optim/describe.h"

namespace pullback::kernels::PULLBACK_ISA {

struct RMSprop : RuleDefaults {
  static constexpr const char* kName = "RMSprop";
  static constexpr const char* kSignature =
      "lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=False, "
      "capturable=False, foreach=None, maximize=False, differentiable=False";
  static constexpr const char* kOrder =
      "lr momentum alpha eps centered weight_decay capturable foreach maximize "
      "differentiable";
  static constexpr Check kChecks[] = {kRateCheck,
                                      kEpsCheck,
                                      {"0.0 <= momentum", "Invalid momentum value: {momentum}"},
                                      kDecayCheck,
                                      {"0.0 <= alpha", "Invalid alpha value: {alpha}"}};
  static constexpr Slot kSlots[] = {{.name = "step", .number = true},
                                    {.name = "square_avg"},
                                    {.name = "momentum_buffer", .when = "momentum"},
                                    {.name = "grad_avg", .when = "centered"}};
  static constexpr const char* kReads = "lr alpha eps weight_decay momentum centered maximize";
  static constexpr const char* kDoc =
      R"(The gradient divided by the root of its mean square (Tieleman and Hinton, 2012).

With ``v = alpha * v + (1 - alpha) * g**2``, the step is ``-lr * g / (sqrt(v) + eps)``; ``centered``
takes the square of the mean gradient off ``v`` (Graves, arXiv:1308.0850), and with ``momentum`` the
quotients are summed up as ``buffer = momentum * buffer + g / (sqrt(v) + eps)``.)";
  static constexpr const char* kExample = "lr=0.01";

  struct Options {
    double lr, alpha, eps, weight_decay, momentum, centered, maximize;
  };
  using Constants = Options;
  static Constants prepare(const Options& o, Numbers numbers, bool) {
    numbers[0] += 1;
    return o;
  }
  template <unsigned has, typename T>
  static PULLBACK_INLINE void step(T& p, T grad, T* s, const Constants& c) {
    const T g = descent(p, grad, c);
    s[0] = mean_square(s[0], g, c.alpha);
    T variance = s[0];
    if constexpr (has & 4) {
      s[2] = lerp(s[2], g, 1 - c.alpha);
      variance = muladd(s[2] * T(-1), s[2], s[0]);
    }
    const T root = square_root(variance) + T(c.eps);
    if constexpr (has & 2) {
      s[1] = s[1] * T(c.momentum) + g / root;
      p = muladd(s[1], T(-c.lr), p);
    } else {
      p = p + T(-c.lr) * g / root;
    }
  }
};

}  // namespace pullback::kernels::PULLBACK_ISA
