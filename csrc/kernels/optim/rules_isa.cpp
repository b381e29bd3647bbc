// The loops of all optimizers. NOTE [Optimizers] in rule.h.
#include "kernels/optim/rules/all.h"

namespace pullback::kernels::PULLBACK_ISA {

std::span<const Rule> optimizer_rules() { return kRules<AllOptimizers>; }

}  // namespace pullback::kernels::PULLBACK_ISA
