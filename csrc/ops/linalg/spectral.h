// Eigenvalues and singular values for other operators of the family.
#pragma once

#include <array>

#include "core/tensor.h"

namespace pullback {

Tensor eigvalsh(const Tensor& a, bool upper = false);
std::array<Tensor, 2> eigh(const Tensor& a);  // values, vectors

struct Singular {
  Tensor u;
  Tensor s;
  Tensor vh;
};
Singular svd(const Tensor& a, bool full_matrices = false);
Tensor svdvals(const Tensor& a);

// Which quotients of couplings by gaps are dropped besides those on the diagonal.
struct Dropped {
  const Tensor& values;     // whose differences or sums the gaps are
  const Tensor& couplings;  // whose size the numerators are measured by
  bool at_gaps;             // where both are nothing but rounding
};
// numerator / denominator, zero where it is dropped.
Tensor quotient(const Tensor& numerator, const Tensor& denominator, const Dropped& dropped);

}  // namespace pullback
