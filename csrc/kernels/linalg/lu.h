// LU factors of stacks of matrices with partial pivoting, and what is computed from them.
//
// Matrices are column-major, pivots (int32) count from 1 as in LAPACK.  `info` (int32) is the
// number of the first zero on the diagonal of U, counted from 1, or 0.  All views have the same
// stack in front, whose strides may be zero in what is only read.
#pragma once

#include "kernels/view.h"

namespace pullback::kernels {

// In the place of `a`: U, and below the diagonal L.
void lu(const View& a, const View& pivots, const View& info);

// Solves A X = B, or A^T X = B, in the place of `b`; `conjugated`: of the conjugate of A.
void solve_lu(const View& factors, const View& pivots, const View& b, bool transposed,
              bool conjugated = false);

// In the place of `a`; NaN where there is no inverse.
void invert(const View& a, const View& info);

// The permutation matrices P of A = P L U, of any strides, and their transposes.
void permutations(const View& out, const View& pivots);

// Determinants, or their signs (of absolute value 1) and the logarithms of their absolute values.
void determinants(const View& out, const View& factors, const View& pivots);
void log_determinants(const View& sign, const View& log, const View& factors, const View& pivots);

// Some matrix has on the diagonal of U what is nothing beside the greatest element there.
bool any_singular(const View& factors);

}  // namespace pullback::kernels
