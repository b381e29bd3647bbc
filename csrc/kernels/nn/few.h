// Convolutions with few positions and many weights, as the deep layers of a network on small
// images.
//
// Bringing the weights into another order would cost more than the sums, so they are read as they
// are, once: as rows of inner products with the patches, or as rows that are weighted by gradients.
#pragma once

#include "kernels/nn/conv.h"

namespace pullback::kernels {

// Whether the positions are so few, and the rows of weights whole numbers of vectors; the second is
// asked for the gradient of the weight, which is better off with more of them.
bool has_few_positions(const ConvShape& shape);
bool has_few_products(const ConvShape& shape);

// As conv, conv_input and conv_weight, for float and double.
template <typename T>
void conv_few(T* out, const T* image, const T* weight, const T* bias, const ConvShape& shape);
template <typename T>
void conv_input_few(T* image, const T* out, const T* weight, const T* bias, const ConvShape& shape);
template <typename T>
void conv_weight_few(T* weight, const T* image, const T* out, const ConvShape& shape);

extern template void conv_few(float*, const float*, const float*, const float*, const ConvShape&);
extern template void conv_few(double*, const double*, const double*, const double*,
                              const ConvShape&);
extern template void conv_input_few(float*, const float*, const float*, const float*,
                                    const ConvShape&);
extern template void conv_input_few(double*, const double*, const double*, const double*,
                                    const ConvShape&);
extern template void conv_weight_few(float*, const float*, const float*, const ConvShape&);
extern template void conv_weight_few(double*, const double*, const double*, const ConvShape&);

}  // namespace pullback::kernels
