// Reductions over one or several dimensions.
//
// Outputs have the keepdim layout: the same number of dimensions as the input, size 1 where a
// dimension is reduced.  Sums are made of fixed blocks combined in a fixed tree, so the bits never
// depend on the number of threads.  Integers are accumulated in the output's dtype, sums of float32
// in double after a tree of eight in float, everything else in its own dtype.  Complex numbers are
// added part by part, multiplied in complex128, and counted (All, Any, NormP of 0).  NaN behaves as
// in torch: Max, Min, arg_reduce and NormP propagate it.  Start reading at reduce().
#pragma once

#include "kernels/view.h"

namespace pullback::kernels {

enum class Reduce : std::uint8_t {
  Sum,    // out: float as in; int64 (or int32, uint8) from integers and bool
  Prod,   // as Sum
  Max,    // out.dtype == in.dtype; the reduced part must not be empty
  Min,    //
  All,    // out bool
  Any,    //
  NormP,  // (sum |x|^param)^(1/param), floating; param may be 0, 1, 2, +inf, -inf
  SumSq,  // sum of squares, floating
};

void reduce(Reduce op, const View& out, const View& in, double param = 0);

// The position (int64) of the extreme value along `dim`, first position on ties, NaN wins.
// `values` and `indices` have size 1 in `dim`; values.data may be null.
void arg_reduce(bool max, const View& values, const View& indices, const View& in, int dim);

// Variance with divisor max(0, n - correction), or its root, and mean, of a floating input, two
// passes over the data.  The root is taken in double: the variance of ordinary numbers may be none
// of float.  mean.data may be null.
void var_mean(const View& var, const View& mean, const View& in, double correction,
              bool root = false);

}  // namespace pullback::kernels
