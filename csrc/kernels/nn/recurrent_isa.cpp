// One row of one step of a recurrent network (see recurrent_kernels.h).
#include "kernels/nn/recurrent_kernels.h"

#include "kernels/dispatch.h"
#include "kernels/vecmath.h"

namespace pullback::kernels::PULLBACK_ISA {
namespace {

template <typename T>
void lstm(T* gates, const T* c_before, T* c, T* h, std::int64_t n) {
  T* const i = gates;
  T* const f = gates + n;
  T* const g = gates + 2 * n;
  T* const o = gates + 3 * n;
#pragma GCC ivdep
  for (std::int64_t k = 0; k < n; ++k) {
    const T in = sigmoid(i[k]), keep = sigmoid(f[k]), cell = tanh(g[k]), out = sigmoid(o[k]);
    const T value = keep * c_before[k] + in * cell;
    i[k] = in;
    f[k] = keep;
    g[k] = cell;
    o[k] = out;
    c[k] = value;
    h[k] = out * tanh(value);
  }
}

template <typename T>
void lstm_grad(T* d, const T* gates, const T* c_before, const T* c, const T* dh, T* dc,
               std::int64_t n) {
#pragma GCC ivdep
  for (std::int64_t k = 0; k < n; ++k) {
    const T in = gates[k], keep = gates[n + k], cell = gates[2 * n + k], out = gates[3 * n + k];
    const T value = tanh(c[k]);
    const T slope = dc[k] + dh[k] * out * (T(1) - value * value);
    d[k] = slope * cell * in * (T(1) - in);
    d[n + k] = slope * c_before[k] * keep * (T(1) - keep);
    d[2 * n + k] = slope * in * (T(1) - cell * cell);
    d[3 * n + k] = dh[k] * value * out * (T(1) - out);
    dc[k] = slope * keep;
  }
}

template <typename T>
void gru(const T* of_input, const T* of_state, const T* bias, const T* h_before, T* values, T* h,
         std::int64_t n) {
#pragma GCC ivdep
  for (std::int64_t k = 0; k < n; ++k) {
    const T reset = sigmoid(of_input[k] + of_state[k]);
    const T update = sigmoid(of_input[n + k] + of_state[n + k]);
    const T part = of_state[2 * n + k] + bias[k];
    const T made = tanh(of_input[2 * n + k] + reset * part);
    values[k] = reset;
    values[n + k] = update;
    values[2 * n + k] = made;
    values[3 * n + k] = part;
    h[k] = made + update * (h_before[k] - made);
  }
}

template <typename T>
void gru_grad(T* d_input, T* d_state, const T* values, const T* h_before, T* dh, std::int64_t n) {
#pragma GCC ivdep
  for (std::int64_t k = 0; k < n; ++k) {
    const T reset = values[k], update = values[n + k], made = values[2 * n + k];
    const T of_new = dh[k] * (T(1) - update) * (T(1) - made * made);
    const T of_reset = of_new * values[3 * n + k] * reset * (T(1) - reset);
    const T of_update = dh[k] * (h_before[k] - made) * update * (T(1) - update);
    d_input[k] = of_reset;
    d_input[n + k] = of_update;
    d_input[2 * n + k] = of_new;
    d_state[k] = of_reset;
    d_state[n + k] = of_update;
    d_state[2 * n + k] = of_new * reset;
    dh[k] *= update;
  }
}

template <typename T>
void tanh_of(T* h, std::int64_t n) {
  for (std::int64_t k = 0; k < n; ++k) h[k] = tanh(h[k]);
}
template <typename T>
void tanh_grad(T* d, const T* h, const T* dh, std::int64_t n) {
#pragma GCC ivdep
  for (std::int64_t k = 0; k < n; ++k) d[k] = dh[k] * (T(1) - h[k] * h[k]);
}
// NaN stays, and its slope is one.
template <typename T>
void relu_of(T* h, std::int64_t n) {
  for (std::int64_t k = 0; k < n; ++k) h[k] = h[k] < T(0) ? T(0) : h[k];
}
template <typename T>
void relu_grad(T* d, const T* h, const T* dh, std::int64_t n) {
#pragma GCC ivdep
  for (std::int64_t k = 0; k < n; ++k) d[k] = h[k] <= T(0) ? T(0) : dh[k];
}

template <typename T>
RecurrentRows<T> rows_of() {
  return {&lstm<T>,    &lstm_grad<T>, &gru<T>,     &gru_grad<T>,
          &tanh_of<T>, &tanh_grad<T>, &relu_of<T>, &relu_grad<T>};
}

}  // namespace

RecurrentKernels recurrent_kernels() { return {rows_of<float>(), rows_of<double>()}; }

}  // namespace pullback::kernels::PULLBACK_ISA
