// The linear recurrence along one dimension: out[k] = b[k] + a[k] * out[k - 1], out[-1] = 0.
//
// The derivative of running products and of running log-sum-exps, without a division.  Floating
// and complex dtypes, equal sizes, strides of any sign (a negative one runs backwards); a[0] is not
// read.
#pragma once

#include "kernels/view.h"

namespace pullback::kernels {

void recurrence(const View& out, const View& a, const View& b, int dim);

}  // namespace pullback::kernels
