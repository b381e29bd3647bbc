// Eigenvalues and eigenvectors, singular values and vectors of stacks of matrices.
//
// Matrices are column-major, vectors without gaps.  `info` (int32) is above zero where there is no
// result: elements that are not finite, or no convergence.
#pragma once

#include "kernels/view.h"

namespace pullback::kernels {

// Of symmetric or Hermitian matrices, of which one half is read: values in rising order, and in the
// place of `a` the vectors if they are wanted.
void eigh(const View& a, const View& values, const View& info, bool upper, bool vectors);

// Of any square matrices of complex elements: values, and vectors of length 1 whose greatest
// element is real if they are wanted.  `a` is destroyed; `is_real`: its imaginary parts are zero.
// Values of a matrix that is not finite are NaN, and `info` is -1.
void eig(const View& a, const View& values, const View& vectors, const View& info, bool is_real,
         bool wants_vectors);

// Singular values in falling order; `a` is destroyed.  `u` and `vh` are squares, or have as many
// columns and rows as there are values; without vectors both are `a`.
void svd(const View& a, const View& values, const View& u, const View& vh, const View& info,
         bool vectors);

}  // namespace pullback::kernels
