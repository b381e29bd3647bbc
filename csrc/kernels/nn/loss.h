// The negative log-likelihood's gather and scatter, and what goes with them.
//
// Views: x has its classes in dimension `dim`; `target` (int64), `loss` and `grad` have x's shape
// without that dimension.  An element whose target is `ignore` counts nothing.  Weights are
// contiguous, one for each class, of x's dtype, or null.
#pragma once

#include <cstdint>

#include "kernels/view.h"

namespace pullback::kernels {

struct Classes {
  int dim;
  std::int64_t ignore;
  const void* weight;
};

// Throws IndexError for a target that is neither a class nor ignored.
void check_targets(const View& target, std::int64_t num_classes, std::int64_t ignore);
// loss = -weight[target] * x[target]; the targets have been checked.
void nll(const View& loss, const View& x, const View& target, const Classes& classes);
// out[target] = -weight[target] * grad * scale, in a zeroed out; `grad` may have stride 0.
void nll_grad(const View& out, const View& grad, const View& target, const Classes& classes,
              double scale);
// The sum of the weights of the targets.
double nll_weight(const View& target, DType dtype, const Classes& classes);

}  // namespace pullback::kernels
