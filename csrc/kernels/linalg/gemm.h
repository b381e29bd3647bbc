// Matrix products.
//
// out = a @ b, or out += a @ b: 2-d [m, k] x [k, n] or 3-d with the same batch (its stride may be
// 0).  All three have one dtype; transposed operands are passed as strides and not copied.  Small
// products run in a kernel of our own; large floating and complex ones in OpenBLAS, one thread
// each, over output tiles with fixed boundaries, so the bits never depend on the number of threads.
#pragma once

#include "kernels/view.h"

namespace pullback::kernels {

void gemm(const View& out, const View& a, const View& b, bool accumulate = false);

// One product by this thread alone, for kernels that cut their work themselves.  Floating; of a and
// b the rows or the columns are contiguous, of c the rows, and no stride is negative.
struct SmallProduct;
void multiply_here(DType dtype, const SmallProduct& product);
// The same by our own loops whatever the size, for operands that fit the caches; any strides.
void multiply_small(DType dtype, const SmallProduct& product);

// The inner product of two one-dimensional views; out has one element.
void dot(const View& out, const View& a, const View& b);

}  // namespace pullback::kernels
