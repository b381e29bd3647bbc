// The incomplete gamma functions, and what the derivatives of gamma and beta samplers are made of.
#pragma once

#include "core/tensor.h"

namespace pullback {

// The regularised lower and upper incomplete gamma functions of shape `input` at `other`.
Tensor igamma(const Tensor& input, const Tensor& other);
Tensor igammac(const Tensor& input, const Tensor& other);

// How a gamma number of that shape moves with the shape at a fixed quantile.
Tensor standard_gamma_grad(const Tensor& input, const Tensor& output);
// How the coordinate x of a Dirichlet point moves with its concentration, divided by 1 - x.
Tensor dirichlet_grad(const Tensor& x, const Tensor& alpha, const Tensor& total);

// The numbers `drawn`, as a function of the shape that they were drawn with.
Tensor gamma_of_shape(const Tensor& shape, const Tensor& drawn);

}  // namespace pullback
