// Gives the core NumPy's Fourier transforms; NumPy is loaded by the first of them.
#pragma once

namespace pullback::bind {

void init_numpy_fft();

}  // namespace pullback::bind
