// The geometry of what moves a kernel over images: convolutions, patches, pooling.
//
// Images are [batch, channels, sizes...], or without the batch; there are one to three sizes.
#pragma once

#include "core/tensor.h"

namespace pullback {

// One number for each of `count` dimensions from one or as many; throws in the words of torch.
Dims spread(const char* what, const Dims& given, int count);

// How far a kernel of `size` positions reaches.
inline std::int64_t reach(std::int64_t size, std::int64_t dilation) {
  return dilation * (size - 1) + 1;
}

}  // namespace pullback
