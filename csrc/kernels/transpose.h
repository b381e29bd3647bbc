// Copies of elements whose rows become columns, block by block in registers.
#pragma once

#include <cstdint>

namespace pullback::kernels {

// out(r, c) = in(r, c): the elements of a row lie side by side in `out`, whose rows are out_stride
// bytes apart, and those of a column in `in`, whose columns are in_stride bytes apart.
using TransposeLoop = void (*)(char* out, std::int64_t out_stride, const char* in,
                               std::int64_t in_stride, std::int64_t rows, std::int64_t columns);

// Elements of 4 and 8 bytes.
struct TransposeLoops {
  TransposeLoop of4, of8;
};

}  // namespace pullback::kernels
