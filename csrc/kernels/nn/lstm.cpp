// The kernels of an LSTM (see recurrent.h).
#include <memory>

#include "kernels/nn/recurrent.h"
#include "kernels/nn/recurrent_rows.h"

namespace pullback::kernels {
namespace {

template <typename T>
using MaybePanels = std::unique_ptr<const Panels<T>>;

template <typename T>
void forward_one(const View& out, const View& cells, const View& gates, const View& h0,
                 const View& c0, const LstmWeights& weights, const std::vector<Step>& order,
                 std::int64_t number) {
  const std::int64_t hidden = size_of(c0, 1), state = size_of(h0, 1), sequences = size_of(h0, 2);
  T* const y = matrix<T>(out, number);
  T* const c = matrix<T>(cells, number);
  T* const a = matrix<T>(gates, number);
  const T* const h_start = matrix<T>(h0, number);
  const T* const c_start = matrix<T>(c0, number);
  const View* const v = weights.of_output;
  const auto of_state = Panels<T>::transposed(weights.of_state, number);
  MaybePanels<T> of_output;
  if (v) of_output = std::make_unique<const Panels<T>>(Panels<T>::transposed(*v, number));
  const std::int64_t grain = grain_for(gates, state, sequences);
  parallel_for(sequences, grain, [&](std::int64_t begin, std::int64_t end) {
    const Sequences some{begin, end};
    const Room<T> unprojected(v ? (end - begin) * hidden : 0);
    for (std::size_t s = 0; s < order.size(); ++s) {
      const std::int64_t count = some.in(order[s]), first = order[s].first + begin;
      if (count == 0) continue;
      const Before<T> h = before<T>(order, s, some, y, h_start, state);
      const Before<T> old = before<T>(order, s, some, c, c_start, hidden);
      T* const x = a + first * 4 * hidden;
      multiply_before(of_state, x, 4 * hidden, h, state, count);
      for (std::int64_t r = 0; r < count; ++r) {
        T* const to = v ? unprojected.data() + r * hidden : y + (first + r) * state;
        recurrent_rows<T>().lstm(x + r * 4 * hidden, old.row(r, hidden), c + (first + r) * hidden,
                                 to, hidden);
      }
      if (v)
        of_output->multiply(y + first * state, state, unprojected.data(), hidden, count, false);
    }
  });
}

template <typename T>
void backward_one(const View& d_gates, const View& d_h0, const View& d_c0, const View* d_out,
                  const LstmBackward& b, const LstmWeights& weights, const std::vector<Step>& order,
                  std::int64_t number) {
  const std::int64_t hidden = size_of(b.c0, 1), state = size_of(d_h0, 1);
  const std::int64_t sequences = size_of(d_h0, 2);
  T* const d = matrix<T>(d_gates, number);
  T* const h_start = matrix<T>(d_h0, number);
  T* const c_start = matrix<T>(d_c0, number);
  const T* const a = matrix<T>(b.gates, number);
  const T* const c = matrix<T>(b.cells, number);
  const T* const g_out = b.g_out ? matrix<T>(*b.g_out, number) : nullptr;
  const T* const g_cells = b.g_cells ? matrix<T>(*b.g_cells, number) : nullptr;
  T* const whole = d_out ? matrix<T>(*d_out, number) : nullptr;
  const View* const v = weights.of_output;
  const auto of_gates = Panels<T>::plain(weights.of_state, number);
  MaybePanels<T> of_output;
  if (v) of_output = std::make_unique<const Panels<T>>(Panels<T>::plain(*v, number));
  const std::int64_t grain = grain_for(d_gates, state, sequences);
  parallel_for(sequences, grain, [&](std::int64_t begin, std::int64_t end) {
    const Sequences some{begin, end};
    Carried<T> dh(h_start + begin * state, state, end - begin);
    Carried<T> dc(c_start + begin * hidden, hidden, end - begin);
    const Room<T> unprojected(v ? (end - begin) * hidden : 0);
    for (std::size_t s = order.size(); s-- > 0;) {
      const std::int64_t count = some.in(order[s]), first = order[s].first + begin;
      dh.take(count, g_out ? g_out + first * state : nullptr);
      dc.take(count, g_cells ? g_cells + first * hidden : nullptr);
      if (count == 0) continue;
      if (whole) {
        std::memcpy(whole + first * state, dh.row(0),
                    static_cast<std::size_t>(count * state) * sizeof(T));
      }
      if (v) of_output->multiply(unprojected.data(), hidden, dh.row(0), state, count, false);
      const Before<T> old = before<T>(order, s, some, c, matrix<T>(b.c0, number), hidden);
      for (std::int64_t r = 0; r < count; ++r) {
        const std::int64_t row = first + r;
        recurrent_rows<T>().lstm_grad(
            d + row * 4 * hidden, a + row * 4 * hidden, old.row(r, hidden), c + row * hidden,
            v ? unprojected.data() + r * hidden : dh.row(r), dc.row(r), hidden);
      }
      of_gates.multiply(dh.row(0), state, d + first * 4 * hidden, 4 * hidden, count, false);
    }
    dh.take(0, nullptr);
    dc.take(0, nullptr);
  });
}

}  // namespace

void lstm(const View& out, const View& cells, const View& gates, const View& h0, const View& c0,
          const LstmWeights& weights, const Steps& steps) {
  const std::vector<Step> order = order_of(steps);
  visit_floating(out.dtype, "lstm", [&]<typename T>() {
    parallel_for(count_matrices(out), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n) {
        forward_one<T>(out, cells, gates, h0, c0, weights, order, n);
      }
    });
  });
}

void lstm_grad(const View& d_gates, const View& d_h0, const View& d_c0, const View* d_out,
               const LstmBackward& b, const LstmWeights& weights, const Steps& steps) {
  const std::vector<Step> order = order_of(steps);
  visit_floating(d_gates.dtype, "lstm", [&]<typename T>() {
    parallel_for(count_matrices(d_gates), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n) {
        backward_one<T>(d_gates, d_h0, d_c0, d_out, b, weights, order, n);
      }
    });
  });
}

}  // namespace pullback::kernels
