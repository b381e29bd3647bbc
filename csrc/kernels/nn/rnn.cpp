// The kernels of a plain recurrent network (see recurrent.h).
#include "kernels/nn/recurrent.h"
#include "kernels/nn/recurrent_rows.h"

namespace pullback::kernels {
namespace {

template <typename T>
void forward_one(const View& out, const View& h0, const View& weight, Squash squash,
                 const std::vector<Step>& order, std::int64_t number) {
  const std::int64_t hidden = size_of(h0, 1), sequences = size_of(h0, 2);
  T* const y = matrix<T>(out, number);
  const auto of_state = Panels<T>::transposed(weight, number);
  const auto& rows = recurrent_rows<T>();
  const auto apply = squash == Squash::Tanh ? rows.tanh : rows.relu;
  parallel_for(sequences, grain_for(out, hidden, sequences),
               [&](std::int64_t begin, std::int64_t end) {
                 const Sequences some{begin, end};
                 for (std::size_t s = 0; s < order.size(); ++s) {
                   const std::int64_t count = some.in(order[s]), first = order[s].first + begin;
                   if (count == 0) continue;
                   const Before<T> h = before<T>(order, s, some, y, matrix<T>(h0, number), hidden);
                   multiply_before(of_state, y + first * hidden, hidden, h, hidden, count);
                   apply(y + first * hidden, count * hidden);
                 }
               });
}

template <typename T>
void backward_one(const View& d_rows, const View& d_h0, const View& g_out, const View& out,
                  const View& weight, Squash squash, const std::vector<Step>& order,
                  std::int64_t number) {
  const std::int64_t hidden = size_of(d_h0, 1), sequences = size_of(d_h0, 2);
  T* const d = matrix<T>(d_rows, number);
  const auto of_state = Panels<T>::plain(weight, number);
  const auto& rows = recurrent_rows<T>();
  const auto apply = squash == Squash::Tanh ? rows.tanh_grad : rows.relu_grad;
  parallel_for(
      sequences, grain_for(d_rows, hidden, sequences), [&](std::int64_t begin, std::int64_t end) {
        const Sequences some{begin, end};
        Carried<T> dh(matrix<T>(d_h0, number) + begin * hidden, hidden, end - begin);
        for (std::size_t s = order.size(); s-- > 0;) {
          const std::int64_t count = some.in(order[s]), at = (order[s].first + begin) * hidden;
          dh.take(count, matrix<T>(g_out, number) + at);
          if (count == 0) continue;
          apply(d + at, matrix<T>(out, number) + at, dh.row(0), count * hidden);
          of_state.multiply(dh.row(0), hidden, d + at, hidden, count, false);
        }
        dh.take(0, nullptr);
      });
}

}  // namespace

void rnn(const View& out, const View& h0, const View& weight, Squash squash, const Steps& steps) {
  const std::vector<Step> order = order_of(steps);
  visit_floating(out.dtype, "rnn", [&]<typename T>() {
    parallel_for(count_matrices(out), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n) {
        forward_one<T>(out, h0, weight, squash, order, n);
      }
    });
  });
}

void rnn_grad(const View& d, const View& d_h0, const View& g_out, const View& out,
              const View& weight, Squash squash, const Steps& steps) {
  const std::vector<Step> order = order_of(steps);
  visit_floating(d.dtype, "rnn", [&]<typename T>() {
    parallel_for(count_matrices(d), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n) {
        backward_one<T>(d, d_h0, g_out, out, weight, squash, order, n);
      }
    });
  });
}

}  // namespace pullback::kernels
