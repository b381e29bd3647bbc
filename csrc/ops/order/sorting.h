// Order and sets, for C++ users.
#pragma once

#include <array>

#include "core/tensor.h"

namespace pullback {

// Values and int64 positions along one dimension.
std::array<Tensor, 2> sort(const Tensor& input, std::int64_t dim = -1, bool descending = false);
std::array<Tensor, 2> topk(const Tensor& input, std::int64_t k, std::int64_t dim = -1,
                           bool largest = true, bool sorted = true);
Tensor argsort(const Tensor& input, std::int64_t dim = -1, bool descending = false);
// Where `values` go into the sorted last dimension of `sorted`; int64, no derivative.
Tensor searchsorted(const Tensor& sorted, const Tensor& values, bool right = false);
// The distinct values in rising order; no derivative.
Tensor unique(const Tensor& input);

}  // namespace pullback
