// Matrix products.
//
// out = a @ b, or out += a @ b: 2-d [m, k] x [k, n] or 3-d with the same batch (its stride may be
// 0).  All three have one dtype; transposed operands are passed as strides and not copied. Floating
// products run in kernels of our own where the instruction set has a fused multiplication; those
// with vectors, complex ones and those of other CPUs in OpenBLAS, one thread each.  Large ones are
// cut into output tiles with fixed boundaries, so the bits never depend on the number of threads.
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
