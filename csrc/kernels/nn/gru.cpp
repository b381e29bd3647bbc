// The kernels of a GRU (see recurrent.h).
#include "kernels/nn/recurrent.h"
#include "kernels/nn/recurrent_rows.h"

namespace pullback::kernels {
namespace {

template <typename T>
void forward_one(const View& out, const View& values, const View& gates, const View& h0,
                 const View& weight, const View* bias, const std::vector<Step>& order,
                 std::int64_t number) {
  const std::int64_t hidden = size_of(h0, 1), sequences = size_of(h0, 2);
  T* const y = matrix<T>(out, number);
  const auto of_state = Panels<T>::transposed(weight, number);
  const Room<T> none(bias ? 0 : hidden);
  if (!bias) std::fill_n(none.data(), hidden, T(0));
  const T* const added = bias ? matrix<T>(*bias, number) : none.data();
  parallel_for(
      sequences, grain_for(gates, hidden, sequences), [&](std::int64_t begin, std::int64_t end) {
        const Sequences some{begin, end};
        const Room<T> products((end - begin) * 3 * hidden);
        for (std::size_t s = 0; s < order.size(); ++s) {
          const std::int64_t count = some.in(order[s]), first = order[s].first + begin;
          if (count == 0) continue;
          const Before<T> h = before<T>(order, s, some, y, matrix<T>(h0, number), hidden);
          std::fill_n(products.data(), count * 3 * hidden, T(0));
          multiply_before(of_state, products.data(), 3 * hidden, h, hidden, count);
          for (std::int64_t r = 0; r < count; ++r) {
            const std::int64_t row = first + r;
            recurrent_rows<T>().gru(matrix<T>(gates, number) + row * 3 * hidden,
                                    products.data() + r * 3 * hidden, added, h.row(r, hidden),
                                    matrix<T>(values, number) + row * 4 * hidden, y + row * hidden,
                                    hidden);
          }
        }
      });
}

template <typename T>
void backward_one(const View& d_gates, const View& d_state, const View& d_h0, const View& g_out,
                  const View& out, const View& values, const View& h0, const View& weight,
                  const std::vector<Step>& order, std::int64_t number) {
  const std::int64_t hidden = size_of(h0, 1), sequences = size_of(h0, 2);
  T* const d = matrix<T>(d_gates, number);
  T* const d_products = matrix<T>(d_state, number);
  const auto of_gates = Panels<T>::plain(weight, number);
  parallel_for(
      sequences, grain_for(d_gates, hidden, sequences), [&](std::int64_t begin, std::int64_t end) {
        const Sequences some{begin, end};
        Carried<T> dh(matrix<T>(d_h0, number) + begin * hidden, hidden, end - begin);
        for (std::size_t s = order.size(); s-- > 0;) {
          const std::int64_t count = some.in(order[s]), first = order[s].first + begin;
          dh.take(count, matrix<T>(g_out, number) + first * hidden);
          if (count == 0) continue;
          const Before<T> h =
              before<T>(order, s, some, matrix<T>(out, number), matrix<T>(h0, number), hidden);
          for (std::int64_t r = 0; r < count; ++r) {
            const std::int64_t row = first + r;
            recurrent_rows<T>().gru_grad(d + row * 3 * hidden, d_products + row * 3 * hidden,
                                         matrix<T>(values, number) + row * 4 * hidden,
                                         h.row(r, hidden), dh.row(r), hidden);
          }
          of_gates.multiply(dh.row(0), hidden, d_products + first * 3 * hidden, 3 * hidden, count,
                            true);
        }
        dh.take(0, nullptr);
      });
}

}  // namespace

void gru(const View& out, const View& values, const View& gates, const View& h0, const View& weight,
         const View* bias, const Steps& steps) {
  const std::vector<Step> order = order_of(steps);
  visit_floating(out.dtype, "gru", [&]<typename T>() {
    parallel_for(count_matrices(out), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n) {
        forward_one<T>(out, values, gates, h0, weight, bias, order, n);
      }
    });
  });
}

void gru_grad(const View& d_gates, const View& d_state, const View& d_h0, const View& g_out,
              const View& out, const View& values, const View& h0, const View& weight,
              const Steps& steps) {
  const std::vector<Step> order = order_of(steps);
  visit_floating(d_gates.dtype, "gru", [&]<typename T>() {
    parallel_for(count_matrices(d_gates), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n) {
        backward_one<T>(d_gates, d_state, d_h0, g_out, out, values, h0, weight, order, n);
      }
    });
  });
}

}  // namespace pullback::kernels
