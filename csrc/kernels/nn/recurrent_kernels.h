// One row of one step of a recurrent network, one copy per instruction set (recurrent_isa.cpp).
//
// Gates are vectors of n elements behind one another: of an LSTM input, forget, cell, output, of a
// GRU reset, update, new.
#pragma once

#include <cstdint>

namespace pullback::kernels {

template <typename T>
struct RecurrentRows {
  // Gates in place; c = f c_before + i g, h = o tanh(c).
  void (*lstm)(T* gates, const T* c_before, T* c, T* h, std::int64_t n);
  // d: of the gates before their nonlinearities; dc: in, of c; out, of c_before.
  void (*lstm_grad)(T* d, const T* gates, const T* c_before, const T* c, const T* dh, T* dc,
                    std::int64_t n);
  // Of the gates' parts from the input and from the state: values of the gates, and the last part
  // of the state's with its bias; h = new + update (h_before - new).
  void (*gru)(const T* of_input, const T* of_state, const T* bias, const T* h_before, T* values,
              T* h, std::int64_t n);
  // d_input, d_state: of these parts; dh: in, of h; out, of h_before but for the product.
  void (*gru_grad)(T* d_input, T* d_state, const T* values, const T* h_before, T* dh,
                   std::int64_t n);
  // h in place, and d = dh times the slope where h is the value.
  void (*tanh)(T* h, std::int64_t n);
  void (*tanh_grad)(T* d, const T* h, const T* dh, std::int64_t n);
  void (*relu)(T* h, std::int64_t n);
  void (*relu_grad)(T* d, const T* h, const T* dh, std::int64_t n);
};

struct RecurrentKernels {
  RecurrentRows<float> float32;
  RecurrentRows<double> float64;
};

}  // namespace pullback::kernels
