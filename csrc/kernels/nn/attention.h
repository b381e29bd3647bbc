// Attention in blocks: softmax(q k^T scale + mask) v without the matrix of weights in memory.
//
// Views have the same leading dimensions, perhaps with strides of 0; the rows of q, k, v and g are
// readable by BLAS (`attention_reads`), results are row-major.  Forward keeps the logarithm of each
// row's sum of exponentials (-inf of a row that may look nowhere, whose result is 0); backward
// makes the weights of a block anew from it.  Softmax over blocks: Milakov and Gimelshein 2018,
// arXiv:1805.02867; in attention: Rabe and Staats 2021, arXiv:2112.05682; with the backward pass:
// Dao et al. 2022, arXiv:2205.14135.
#pragma once

#include <cstdint>

#include "kernels/view.h"

namespace pullback::kernels {

struct Attention {
  View q;             // [..., targets, features]
  View k;             // [..., sources, features]
  View v;             // [..., sources, width]
  const View* mask;   // [..., targets, sources]: bools that say where to look, or what is added
  const View* drawn;  // uint8 [..., targets, (sources + 7) / 8]: a bit for each weight that is kept
  double scale;
  double share;  // what a kept weight is multiplied with
  bool causal;   // target i sees sources up to i
};

// Whether the last two dimensions are as the kernels read them.
bool attention_reads(const View& matrices);
// How many sums of the gradient of q are made side by side, so that there is work for all threads.
std::int64_t attention_parts(std::int64_t matrices, std::int64_t sources);

// out: [..., targets, width]; logs: [..., targets].
void attention(const View& out, const View& logs, const Attention& a);
// partial: [parts - 1, ... as dq], not looked at for one part.
void attention_grad(const View& dq, const View& dk, const View& dv, const View& g, const View& out,
                    const View& logs, const View& partial, const Attention& a);
// The kept weights as numbers [..., targets, sources]: `share` or 0.
void kept_weights(const View& out, const View& drawn, double share);

}  // namespace pullback::kernels
