// Values minus their mean, divided by their standard deviation, times a weight plus a bias; and
// what goes back.
//
// Views are row-major [outer, groups, inner]; the mean of a group is over outer and inner.  moments
// is [3, groups]: mean, variance (of n, not n - 1) and 1 / sqrt(variance + eps).  Weight and bias
// have `kinds` rows of `channels` elements: group g takes row g % kinds, and each of its elements
// stands for inner / channels neighbours.
#pragma once

#include "kernels/view.h"

namespace pullback::kernels {

struct Affine {
  std::int64_t kinds, channels;
  const void* weight;  // null: ones
  const void* bias;    // null: zeros
};

void normalize(const View& out, const View& moments, const View& in, const Affine& affine,
               double eps);
// d_weight, d_bias: [kinds, channels].
void normalize_grad(const View& dx, const View& d_weight, const View& d_bias, const View& g,
                    const View& in, const View& moments, const Affine& affine);

// in times weight plus bias alone.
void scale_channels(const View& out, const View& in, const Affine& affine);
// The sums of g in and of g for each weight.
void channel_sums(const View& d_weight, const View& d_bias, const View& g, const View& in,
                  const Affine& affine);

}  // namespace pullback::kernels
