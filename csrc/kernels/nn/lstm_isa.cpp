// One row of one step of an LSTM (see lstm_kernels.h).
#include "kernels/nn/lstm_kernels.h"

#include "kernels/dispatch.h"
#include "kernels/vecmath.h"

namespace pullback::kernels::PULLBACK_ISA {
namespace {

template <typename T>
void forward(T* gates, const T* c_before, T* c, T* h, std::int64_t n) {
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
void backward(T* d, const T* gates, const T* c_before, const T* c, const T* dh, T* dc,
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

}  // namespace

LstmKernels lstm_kernels() {
  return {{&forward<float>, &backward<float>}, {&forward<double>, &backward<double>}};
}

}  // namespace pullback::kernels::PULLBACK_ISA
