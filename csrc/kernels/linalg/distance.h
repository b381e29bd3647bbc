// Distances between the rows of two matrices.
//
// out[b][i][j] is the p-norm of x1[b][i] - x2[b][j]; all three are row-major, float32 or float64.
// p may be any number from 0 (how many differ) to infinity.
#pragma once

#include "kernels/view.h"

namespace pullback::kernels {

struct PairSizes {
  std::int64_t batch;
  std::int64_t rows1;
  std::int64_t rows2;
  std::int64_t width;
};

void pair_distances(DType dtype, char* out, const char* x1, const char* x2, const PairSizes& sizes,
                    double p);

}  // namespace pullback::kernels
