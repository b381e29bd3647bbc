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

// Which quotients of couplings by gaps are dropped.
struct Dropped {
  const Tensor& values;     // whose differences or sums the gaps are
  const Tensor& couplings;  // whose size the numerators are measured by
  bool at_gaps;             // where both are nothing but rounding; if not, there is no number
  bool on_diagonal = true;  // where there is no coupling: not those of sums of complex vectors
  double rounding = 1;      // of the values, as a multiple of that of symmetric matrices
};

// Complex vectors are given up to a phase, of which no loss may depend: the imaginary part of
// `turns`, the couplings of each vector with its own gradient, is nothing.  `vectors`: the
// beginning of the refusal.
void check_phases(const char* vectors, const Tensor& turns);

// numerator / denominator, zero where it is dropped; infinity or NaN at other gaps that are nothing
// but rounding.
Tensor quotient(const Tensor& numerator, const Tensor& denominator, const Dropped& dropped);

}  // namespace pullback
