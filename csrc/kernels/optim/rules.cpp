// The choice among the instruction sets, and the threads. See rule.h.
#include "kernels/dispatch.h"
#include "kernels/optim/rule.h"
#include "kernels/parallel.h"
#include "kernels/rows.h"

namespace pullback::kernels {

PULLBACK_ISA_DECLARE(std::span<const Rule> optimizer_rules();)

std::span<const Rule> optimizer_rules() {
  static const std::span<const Rule> rules = PULLBACK_ISA_SELECT(optimizer_rules)();
  return rules;
}

void run(const Rule& rule, bool is_double, const Flat& flat, const void* constants) {
  const auto update = is_double ? rule.update64 : rule.update32;
  const std::int64_t item = is_double ? sizeof(double) : sizeof(float);
  parallel_for(flat.count, kBlockElements, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t at = begin * item;
    Flat part{end - begin,
              static_cast<char*>(flat.param) + at,
              static_cast<const char*>(flat.grad) + at,
              {}};
    for (int i = 0; i < kMaxTensors; ++i) {
      if (flat.state[i] != nullptr) part.state[i] = static_cast<char*>(flat.state[i]) + at;
    }
    update(part, constants);
  });
}

}  // namespace pullback::kernels
