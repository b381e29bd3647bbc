// The gradients that a pass starts with.
#pragma once

#include "graph/node.h"

namespace pullback {

// What arrives at root number `k`: `given`, or one where that is undefined.
Tensor make_seed(const Tensor& root, const Tensor& given, std::size_t k);
Tensor make_seed(const Edge& root, const Tensor& given, std::size_t k);

}  // namespace pullback
