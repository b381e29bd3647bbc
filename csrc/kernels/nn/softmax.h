// Softmax, log-softmax, their gradients, and log-sum-exp, each one kernel.
//
// Floating dtypes, any strides; rows along `dim` are independent, so threads never change bits.
#pragma once

#include "kernels/view.h"

namespace pullback::kernels {

void softmax(const View& out, const View& in, int dim);
void log_softmax(const View& out, const View& in, int dim);
// out = y * (g - sum(g * y)), y the softmax.
void softmax_grad(const View& out, const View& g, const View& y, int dim);
// out = g - exp(y) * sum(g), y the log-softmax.
void log_softmax_grad(const View& out, const View& g, const View& y, int dim);
// Over every dimension in which out has size 1 (keepdim layout); rows of -inf give -inf.
void logsumexp(const View& out, const View& in);

}  // namespace pullback::kernels
