// Factors L D L^T (L D L^H) of stacks of symmetric (Hermitian) matrices, by Bunch and Kaufman's
// pivots.
//
// Matrices are column-major; pivots (int32) are LAPACK's, of the lower half.
#pragma once

#include "kernels/view.h"

namespace pullback::kernels {

// In the place of `a`, of which the lower half is read.  `info` (int32): the first zero of D,
// counted from 1, or 0.
void ldl(const View& a, const View& pivots, const View& info, bool hermitian);

// Solves A X = B in the place of `b`.
void solve_ldl(const View& factors, const View& pivots, const View& b, bool hermitian);

}  // namespace pullback::kernels
