// The three Fourier transforms that all others are made of.  Recorded.
//
// `dims` counts from the front, each dimension once; the last of them is the one that real numbers
// halve.  Results times `factor`.  Sizes have been made right before (`resized` in functions.cpp).
#pragma once

#include "ops/table.h"

namespace pullback {

inline constexpr Forms kFftForm{0, "fft"};

// Complex to complex, with exp(-2 pi i ...) if forward.
Tensor fft_c2c(const Tensor& x, const Dims& dims, double factor, bool forward);
// Real to complex, forward: the first half along the last of dims, or all of it (of one dimension).
Tensor fft_r2c(const Tensor& x, const Dims& dims, double factor, bool onesided);
// Half of a spectrum to `last` real numbers along the last of dims, backward.
Tensor fft_c2r(const Tensor& x, const Dims& dims, double factor, std::int64_t last);

// What the functions of this family share, in torch's words.
// Real floating numbers, or complex ones where a transform needs them: integers become the default
// dtype, narrow numbers are refused.
Tensor fft_operand(const Tensor& x, bool complex);

}  // namespace pullback
