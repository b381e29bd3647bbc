// Solutions of triangular systems.
#pragma once

#include "kernels/view.h"

namespace pullback::kernels {

struct TriangularSystem {
  bool upper;
  bool left;                // A X = B, else X A = B
  bool unit;                // ones on the diagonal of A, which is not read
  bool conjugated = false;  // of the conjugate of A
};

// In the place of `b`, which is column-major.  `a` may have any strides that step by one along its
// rows or its columns; its stack is that of `b`.
void solve_triangular(const View& a, const View& b, const TriangularSystem& system);

}  // namespace pullback::kernels
