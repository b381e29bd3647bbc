// Convolutions of one to three dimensions as products of matrices.
//
// Images are [batch, channels, sizes...], weights [out, channels / groups, kernel...], all
// row-major and of one dtype.  The patches that the kernel sees become the columns of a matrix
// (im2col), tile by tile, so that the memory is bounded; tiles depend on the sizes alone, so the
// bits do not depend on the number of threads.
#pragma once

#include <array>
#include <cstdint>

#include "kernels/view.h"

namespace pullback::kernels {

// One to three spatial dimensions; missing ones come first and have size 1.
struct ConvShape {
  using Three = std::array<std::int64_t, 3>;
  std::int64_t batch, channels, out_channels, groups;
  Three in, kernel, out, stride, padding, dilation;

  std::int64_t positions() const { return out[0] * out[1] * out[2]; }
  std::int64_t pixels() const { return in[0] * in[1] * in[2]; }
  std::int64_t taps() const { return kernel[0] * kernel[1] * kernel[2]; }
};

// bias: [out], or data is null.
void conv(const View& out, const View& image, const View& weight, const View& bias,
          const ConvShape& shape);
// The transpose in the image; bias: [channels], or data is null.
void conv_input(const View& image, const View& out, const View& weight, const View& bias,
                const ConvShape& shape);
// The transpose in the weight.
void conv_weight(const View& weight, const View& image, const View& out, const ConvShape& shape);

// columns: [batch, channels * taps, positions].
void image_to_columns(const View& columns, const View& image, const ConvShape& shape);
// The transpose: overlapping patches are added up.
void columns_to_image(const View& image, const View& columns, const ConvShape& shape);

}  // namespace pullback::kernels
