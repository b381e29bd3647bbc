// Views: what other operators need beyond ops/basic.h.
#pragma once

#include "core/tensor.h"

namespace pullback {

// Finds strides that show x in new sizes without a copy; false when there are none.
bool view_strides(const Tensor& x, Sizes sizes, Dims& strides);
// Replaces a size of -1 by what is left of numel; throws torch's errors.
Dims infer_sizes(Sizes wanted, std::int64_t numel);

Tensor view(const Tensor& input, const Dims& shape);
Tensor t(const Tensor& input);

}  // namespace pullback
