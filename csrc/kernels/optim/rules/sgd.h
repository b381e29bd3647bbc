// SGD: gradient descent with momentum. I. Sutskever, J. Martens, G. Dahl, G. Hinton, "On the
// importance of initialization and momentum in deep learning", ICML 2013.
#pragma once

#include "kernels/optim/describe.h"

namespace pullback::kernels::PULLBACK_ISA {

struct SGD : RuleDefaults {
  static constexpr const char* kName = "SGD";
  static constexpr const char* kSignature =
      "lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False, *, maximize=False, "
      "foreach=None, differentiable=False, fused=None";
  static constexpr Check kChecks[] = {
      {"not lr < 0.0", "Invalid learning rate: {lr}"},
      {"not momentum < 0.0", "Invalid momentum value: {momentum}"},
      {"not weight_decay < 0.0", "Invalid weight_decay value: {weight_decay}"},
      {"not nesterov or momentum > 0 and dampening == 0",
       "Nesterov momentum requires a momentum and zero dampening"}};
  static constexpr Slot kSlots[] = {{.name = "momentum_buffer", .when = "momentum", .late = true}};
  static constexpr const char* kReads = "lr momentum dampening weight_decay nesterov maximize";
  static constexpr const char* kDoc =
      R"(Gradient descent, with momentum (Sutskever et al., ICML 2013).

With ``g = grad + weight_decay * p`` (``-grad`` to maximize), the buffer starts as ``g`` and then
is ``momentum * buffer + (1 - dampening) * g``; the step is ``-lr`` times the buffer, with
``nesterov`` times ``g + momentum * buffer``, without momentum times ``g``.)";
  static constexpr const char* kExample = "lr=0.1, momentum=0.9";

  struct Options {
    double lr, momentum, dampening, weight_decay, nesterov, maximize;
  };
  struct Constants : Options {
    bool first;
  };
  static Constants prepare(const Options& o, Numbers, bool made) { return {o, made}; }
  template <unsigned has, typename T>
  static PULLBACK_INLINE void step(T& p, T grad, T* s, const Constants& c) {
    T g = decayed(p, c.maximize != 0 ? grad * T(-1) : grad, c);
    if constexpr (has != 0) {
      s[0] = c.first ? g : muladd(g, T(1 - c.dampening), s[0] * T(c.momentum));
      g = c.nesterov != 0 ? muladd(s[0], T(c.momentum), g) : s[0];
    }
    p = muladd(g, T(-c.lr), p);
  }
};

}  // namespace pullback::kernels::PULLBACK_ISA
