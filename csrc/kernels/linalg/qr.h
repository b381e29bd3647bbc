// Orthogonal factors of stacks of matrices by Householder reflectors.
//
// Matrices are column-major, vectors without gaps.  All views have the same stack in front.
#pragma once

#include "kernels/view.h"

namespace pullback::kernels {

// In the place of `a`: R, and below the diagonal the vectors of the reflectors; `tau` has their
// factors.
void householder(const View& a, const View& tau);

// In the place of `a`, of m rows and n columns, whose first columns are such vectors: the first n
// columns of the product of the reflectors.
void householder_product(const View& a, const View& tau);

}  // namespace pullback::kernels
