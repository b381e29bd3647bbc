// Products with matrices of which few elements are known: by values, rows and columns.
//
// Elements may be in any order, and a place may have several, which count as their sum.  All
// memory is row-major; `stack` products lie behind one another, each with its own numbers.
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace pullback::kernels {

struct SparseSizes {
  std::int64_t stack, elements, rows, columns, width;
};

// Both throw IndexError for a row or a column outside of the matrix.
// out[row[e]] += values[e] * x[column[e]], in the order of e.  out: [stack, rows, width], x:
// [stack, columns, width].
void sparse_product(DType dtype, void* out, const void* values, const std::int64_t* row,
                    const std::int64_t* column, const void* x, const SparseSizes& sizes);
// out[e] = sum over j of a[row[e], j] * b[column[e], j].  a: [stack, rows, width], b: [stack,
// columns, width].
void sampled_product(DType dtype, void* out, const void* a, const void* b, const std::int64_t* row,
                     const std::int64_t* column, const SparseSizes& sizes);

}  // namespace pullback::kernels
