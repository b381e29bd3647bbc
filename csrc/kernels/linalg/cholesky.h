// Cholesky factors of stacks of positive definite matrices, and what is computed from them.
//
// All views have the same stack in front.  Results are column-major.
#pragma once

#include "kernels/view.h"

namespace pullback::kernels {

// In the place of `a`, of which one half is read; the other becomes zero.  `info` (int32) is the
// order of the first leading minor that is not positive, or 0.
void cholesky(const View& a, const View& info, bool upper);

// The inverse of the matrix in the place of its factor.  `info`: a zero on the diagonal.
void cholesky_inverse(const View& factor, const View& info, bool upper);

}  // namespace pullback::kernels
