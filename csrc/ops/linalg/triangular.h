// Triangular systems, for the derivatives of factorisations.
#pragma once

#include "ops/op.h"

namespace pullback {

struct Triangular {
  bool upper = false;
  bool left = true;  // A X = B, else X A = B
  bool unit = false;
};

// The stacks of both broadcast.
Tensor solve_triangular(const Tensor& a, const Tensor& b, const Triangular& how);

// The workspace for a triangle: a copy where it has neither rows nor columns without gaps.
void need_triangle(Workspace& w, int k, const Tensor& a);
Tensor triangle(const Workspace& w, int k, const Tensor& a);

}  // namespace pullback
