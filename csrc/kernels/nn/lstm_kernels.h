// One row of one step of an LSTM, one copy per instruction set (lstm_isa.cpp).
//
// Gates are four vectors of n elements behind one another: input, forget, cell, output.
#pragma once

#include <cstdint>

namespace pullback::kernels {

template <typename T>
struct LstmRows {
  // Gates in place; c = f c_before + i g, h = o tanh(c).
  void (*forward)(T* gates, const T* c_before, T* c, T* h, std::int64_t n);
  // d: of the gates before their nonlinearities; dc: in, of c; out, of c_before.
  void (*backward)(T* d, const T* gates, const T* c_before, const T* c, const T* dh, T* dc,
                   std::int64_t n);
};

struct LstmKernels {
  LstmRows<float> float32;
  LstmRows<double> float64;
};

}  // namespace pullback::kernels
