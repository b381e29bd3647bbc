// Convolutions without columns: weighted sums of an image that slides along itself.
//
// The pixels of some images are laid out once, with the zeros of their padding between them, so
// that what a tap sees of all positions is one stretch of memory: the positions' own, further on by
// the tap's offset.  Sums over taps and channels then run over plain memory, many positions and a
// few outputs at a time, and what lies between the positions is computed and not read.  A stride
// takes every stride-th pixel to a layout of its own (a phase).  The transpose in the image is one
// such sum for each phase of the image.  How it is cut depends on the shape alone.
#pragma once

#include "kernels/nn/conv.h"
#include "kernels/nn/slide_kernels.h"

namespace pullback::kernels {

// The loops of this CPU.
template <typename T>
const SlideKernels<T>& slide_kernels();
extern template const SlideKernels<float>& slide_kernels();
extern template const SlideKernels<double>& slide_kernels();

// Whether there are enough positions, close enough to each other, for this to be the better way.
bool slides(const ConvShape& shape);
bool slides_back(const ConvShape& shape);
bool slides_for_weight(const ConvShape& shape);

// As conv, conv_input and conv_weight, for float and double.  In the last two what is between the
// positions counts as a product with zero, so for them weights and image must be finite.
template <typename T>
void slide(T* out, const T* image, const T* weight, const T* bias, const ConvShape& shape);
template <typename T>
void slide_back(T* image, const T* out, const T* weight, const T* bias, const ConvShape& shape);
template <typename T>
void slide_for_weight(T* weight, const T* image, const T* out, const ConvShape& shape);

extern template void slide(float*, const float*, const float*, const float*, const ConvShape&);
extern template void slide(double*, const double*, const double*, const double*, const ConvShape&);
extern template void slide_back(float*, const float*, const float*, const float*, const ConvShape&);
extern template void slide_back(double*, const double*, const double*, const double*,
                                const ConvShape&);
extern template void slide_for_weight(float*, const float*, const float*, const ConvShape&);
extern template void slide_for_weight(double*, const double*, const double*, const ConvShape&);

}  // namespace pullback::kernels
