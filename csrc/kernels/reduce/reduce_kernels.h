// The inner loops of the reductions, one set per instruction set (reduce_isa.cpp).
//
// `rows` reduces each of several contiguous rows to one accumulator; with n = 0 it gives the
// identity.  `columns` folds rows into a row of accumulators.  The lanes and their tree are the
// same in every instruction set, so the bits are too.  Accumulators: double for Sum and SumSq of
// floats, int64 for Sum and Prod of integers, the element type otherwise.  bool is read as uint8.
#pragma once

#include "kernels/view.h"

namespace pullback::kernels {

enum class RowOp : std::uint8_t { Sum, SumSq, Prod, Max, Min };

struct RowKernel {
  using Function = void (*)(const void* in, std::int64_t row_stride, std::int64_t rows,
                            std::int64_t n, void* accumulators);
  Function rows = nullptr;
  Function columns = nullptr;
};

}  // namespace pullback::kernels
