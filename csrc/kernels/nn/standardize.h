// Values minus their mean, divided by their standard deviation, and what goes back.
//
// Views are row-major [outer, groups, inner]; the mean of a group is over outer and inner.  moments
// is [3, groups]: mean, variance (of n, not n - 1) and 1 / sqrt(variance + eps).
#pragma once

#include "kernels/view.h"

namespace pullback::kernels {

void standardize(const View& out, const View& moments, const View& in, double eps);
// out = s (g - mean(g) - y mean(g y)) with the scale s, moments[2].
void standardize_grad(const View& out, const View& g, const View& y, const View& moments);

}  // namespace pullback::kernels
