// LU factors for other operators of the family.
#pragma once

#include <array>

#include "core/tensor.h"

namespace pullback {

struct LuFactors {
  Tensor lu;
  Tensor pivots;
  Tensor info;
};
LuFactors lu_factors(const Tensor& a);

// X with A X = B (left) or X A = B; of the adjoint of A where it is said.
Tensor solve_by_lu(const Tensor& lu, const Tensor& pivots, const Tensor& b, bool left,
                   bool adjoint);

// Stacks of matrices; the solution is that of the whole stack.  No refusals: where A is singular
// there are infinities and NaN.
Tensor solve_system(const Tensor& a, const Tensor& b, bool left = true);
Tensor inverse_of(const Tensor& a);

// With torch's refusals of what is singular.
Tensor checked_inverse(const Tensor& a);
Tensor checked_solution(const Tensor& a, const Tensor& b);

struct InverseAndInfo {
  Tensor inverse;
  Tensor info;
};
InverseAndInfo inverse_with_info(const Tensor& a);

}  // namespace pullback
