// Discrete Fourier transforms of lines of a tensor.
//
// The transforms come from a library that the program gives with set_fft_library; pullback._core
// gives NumPy's compiled loops (bind/numpy_fft.cpp). Without one a transform is an error: the core
// has none of its own. Its loops are reentrant, take strided lines of float64 and multiply by a
// factor. Of float32 they get copies: NumPy's own loops of float32 are slower, and round more
// often.
#pragma once

#include <cstdint>

#include "kernels/view.h"

namespace pullback::kernels {

enum class Fft : std::uint8_t {
  Forward,   // complex to complex, exp(-2 pi i j k / n)
  Backward,  // exp(+2 pi i j k / n)
  Half,      // n real numbers to the first n / 2 + 1 of Forward
  Whole,  // these to the n real numbers of Backward; imaginary parts that must vanish are not read
};

// One transform of `lines` lines, in the calling convention of NumPy's generalised ufuncs.
struct FftLoop {
  // arrays: input, factor, output; sizes: lines, elements of an input line, of an output line;
  // strides in bytes: from line to line of the three, then within an input and an output line.
  void (*function)(char** arrays, const std::int64_t* sizes, const std::int64_t* strides,
                   void* data) = nullptr;
  void* data = nullptr;
};

struct FftLibrary {
  enum Loops : std::uint8_t { Forward, Backward, EvenHalf, OddHalf, Whole };
  FftLoop loops[5];
  bool one_thread;  // its loops must run on the thread that asks
};

// Called when the first transform is asked for, and only then.
void set_fft_library(const FftLibrary& (*load)());

// Along dimension `dim`, times `factor`; the other sizes are equal. Both views may be the same
// memory, element for element, if the transform is from complex to complex.
void fft(Fft kind, const View& out, const View& in, int dim, double factor);

}  // namespace pullback::kernels
