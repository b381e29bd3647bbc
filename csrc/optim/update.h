// One step of an optimiser on one parameter, in place and unrecorded.
//
// The kernels want flat memory: tensors of one dense layout are taken as they are, others through
// row-major copies.  Every tensor written counts a new version, so that a graph which saved it
// notices.
#pragma once

#include "core/tensor.h"
#include "kernels/optim/optim.h"

namespace pullback {

// The dtypes and sizes of all tensors must be equal.  `buffer` is undefined without momentum; when
// it is undefined with momentum, it is made.
void sgd_update(const Tensor& param, const Tensor& grad, Tensor& buffer,
                const kernels::SgdOptions& options);

// `max_exp_avg_sq` is undefined unless options.amsgrad.
void adam_update(const Tensor& param, const Tensor& grad, const Tensor& exp_avg,
                 const Tensor& exp_avg_sq, const Tensor& max_exp_avg_sq,
                 const kernels::AdamOptions& options);

// Sets .grad to nothing or, when it exists, to zeros; a recorded gradient loses its history.
void clear_grad(const Tensor& param, bool set_to_none);

}  // namespace pullback
