// See lstm.h.
//
// Weights are copied once into panels of a few columns, in which our own loops multiply a handful
// of rows at the speed that a library reaches only with many: it would copy the weights anew in
// every step.
#include "kernels/nn/lstm.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "kernels/dispatch.h"
#include "kernels/linalg/gemm.h"
#include "kernels/linalg/gemm_kernels.h"
#include "kernels/nn/lstm_kernels.h"
#include "kernels/nn/stacked.h"
#include "kernels/rows.h"

namespace pullback::kernels {

PULLBACK_ISA_DECLARE(LstmKernels lstm_kernels();)

namespace {

constexpr std::int64_t kSequences = 16;  // that a thread takes at least
// Multiplications that are worth a task of their own.
constexpr std::int64_t kTask = 1 << 18;

// How many sequences are a task.
std::int64_t grain_for(const View& gates, std::int64_t state, std::int64_t sequences) {
  const std::int64_t all = size_of(gates, 2) * size_of(gates, 1) * std::max<std::int64_t>(1, state);
  const std::int64_t each = std::max<std::int64_t>(1, all / std::max<std::int64_t>(1, sequences));
  return std::max(kSequences, kTask / each);
}

template <typename T>
const LstmRows<T>& rows_of() {
  static const LstmKernels table = PULLBACK_ISA_SELECT(lstm_kernels)();
  if constexpr (std::is_same_v<T, float>)
    return table.float32;
  else
    return table.float64;
}

template <typename T>
std::unique_ptr<T[]> room_for(std::int64_t n) {
  return std::make_unique_for_overwrite<T[]>(
      static_cast<std::size_t>(std::max<std::int64_t>(1, n)));
}

// A matrix [k, n] in panels of kWidth columns.
template <typename T>
class Panels {
 public:
  static constexpr std::int64_t kWidth = 64 / sizeof(T);

  Panels(const T* from, std::int64_t k, std::int64_t n, std::int64_t row, std::int64_t column)
      : k_(k), n_(n), room_(room_for<T>(k * n)) {
    for (std::int64_t j = 0; j < n; j += kWidth) {
      T* to = room_.get() + j * k;
      const std::int64_t width = std::min(kWidth, n - j);
      for (std::int64_t i = 0; i < k; ++i) {
        for (std::int64_t l = 0; l < width; ++l)
          to[i * width + l] = from[i * row + (j + l) * column];
      }
    }
  }
  // c += a @ this, or c = a @ this, for `rows` rows.
  void multiply(T* c, std::int64_t c_row, const T* a, std::int64_t a_row, std::int64_t rows,
                bool add) const {
    if (rows == 0 || k_ == 0) return;
    for (std::int64_t j = 0; j < n_; j += kWidth) {
      const std::int64_t width = std::min(kWidth, n_ - j);
      multiply_small(kDTypeOf<T>, {a, room_.get() + j * k_, c + j, rows, width, k_, a_row, 1, width,
                                   1, c_row, 1, add});
    }
  }

 private:
  std::int64_t k_, n_;
  std::unique_ptr<T[]> room_;
};

// The steps in the order in which they are made.
struct Step {
  std::int64_t first, count;
};
std::vector<Step> order_of(const LstmSteps& s) {
  std::vector<Step> order;
  std::int64_t first = 0;
  for (std::int64_t t = 0; t < s.steps; ++t) {
    order.push_back({first, s.counts[t]});
    first += s.counts[t];
  }
  if (s.back) std::reverse(order.begin(), order.end());
  return order;
}

// Some sequences: those from `begin` on, of which a step may have less.
struct Sequences {
  std::int64_t begin, end;
  std::int64_t in(const Step& step) const {
    return std::clamp<std::int64_t>(step.count - begin, 0, end - begin);
  }
};

// The state before a step: rows of the last step, then rows of the start.
template <typename T>
struct Before {
  const T* last;
  const T* start;
  std::int64_t of_last;
  const T* row(std::int64_t r, std::int64_t width) const {
    return (r < of_last ? last : start) + r * width;
  }
};
template <typename T>
Before<T> before(const std::vector<Step>& order, std::size_t s, const Sequences& some, const T* all,
                 const T* start, std::int64_t width) {
  start += some.begin * width;
  if (s == 0) return {start, start, 0};
  const Step& last = order[s - 1];
  return {all + (last.first + some.begin) * width, start, some.in(last)};
}

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
  const View& w = weights.of_state;
  const View* const v = weights.of_output;
  const Panels<T> of_state(matrix<T>(w, number), state, 4 * hidden, w.strides[w.ndim - 1],
                           row_of(w));
  std::unique_ptr<const Panels<T>> of_output;
  if (v) {
    of_output = std::make_unique<const Panels<T>>(matrix<T>(*v, number), hidden, state,
                                                  v->strides[v->ndim - 1], row_of(*v));
  }
  const std::int64_t grain = grain_for(gates, state, sequences);
  parallel_for(sequences, grain, [&](std::int64_t begin, std::int64_t end) {
    const Sequences some{begin, end};
    const auto unprojected = room_for<T>(v ? (end - begin) * hidden : 0);
    for (std::size_t s = 0; s < order.size(); ++s) {
      const std::int64_t count = some.in(order[s]), first = order[s].first + begin;
      if (count == 0) continue;
      const Before<T> h = before<T>(order, s, some, y, h_start, state);
      const Before<T> old = before<T>(order, s, some, c, c_start, hidden);
      const std::int64_t of_last = std::min(count, h.of_last);
      T* const x = a + first * 4 * hidden;
      of_state.multiply(x, 4 * hidden, h.last, state, of_last, true);
      of_state.multiply(x + of_last * 4 * hidden, 4 * hidden, h.start + of_last * state, state,
                        count - of_last, true);
      for (std::int64_t r = 0; r < count; ++r) {
        T* const to = v ? unprojected.get() + r * hidden : y + (first + r) * state;
        rows_of<T>().forward(x + r * 4 * hidden, old.row(r, hidden), c + (first + r) * hidden, to,
                             hidden);
      }
      if (v) of_output->multiply(y + first * state, state, unprojected.get(), hidden, count, false);
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
  const View& w = weights.of_state;
  const View* const v = weights.of_output;
  const Panels<T> of_gates(matrix<T>(w, number), 4 * hidden, state, row_of(w),
                           w.strides[w.ndim - 1]);
  std::unique_ptr<const Panels<T>> of_output;
  if (v) {
    of_output = std::make_unique<const Panels<T>>(matrix<T>(*v, number), state, hidden, row_of(*v),
                                                  v->strides[v->ndim - 1]);
  }
  const std::int64_t grain = grain_for(d_gates, state, sequences);
  parallel_for(sequences, grain, [&](std::int64_t begin, std::int64_t end) {
    const Sequences some{begin, end};
    const auto room = room_for<T>((end - begin) * (state + 2 * hidden));
    T* const dh = room.get();
    T* const dc = dh + (end - begin) * state;
    T* const unprojected = dc + (end - begin) * hidden;
    std::int64_t carried = 0;  // rows of dh and dc
    // Rows that the step before does not have start there.
    const auto end_rows = [&](std::int64_t from) {
      if (from >= carried) return;
      const auto n = static_cast<std::size_t>(carried - from) * sizeof(T);
      std::memcpy(h_start + (begin + from) * state, dh + from * state,
                  n * static_cast<std::size_t>(state));
      std::memcpy(c_start + (begin + from) * hidden, dc + from * hidden,
                  n * static_cast<std::size_t>(hidden));
    };
    for (std::size_t s = order.size(); s-- > 0;) {
      const std::int64_t count = some.in(order[s]), first = order[s].first + begin;
      end_rows(count);
      std::fill(dh + std::min(carried, count) * state, dh + count * state, T(0));
      std::fill(dc + std::min(carried, count) * hidden, dc + count * hidden, T(0));
      carried = count;
      if (count == 0) continue;
      for (std::int64_t k = 0; k < count * state && g_out; ++k) dh[k] += g_out[first * state + k];
      for (std::int64_t k = 0; k < count * hidden && g_cells; ++k) {
        dc[k] += g_cells[first * hidden + k];
      }
      if (whole) {
        std::memcpy(whole + first * state, dh, static_cast<std::size_t>(count * state) * sizeof(T));
      }
      if (v) of_output->multiply(unprojected, hidden, dh, state, count, false);
      const Before<T> old = before<T>(order, s, some, c, matrix<T>(b.c0, number), hidden);
      for (std::int64_t r = 0; r < count; ++r) {
        const std::int64_t row = first + r;
        rows_of<T>().backward(d + row * 4 * hidden, a + row * 4 * hidden, old.row(r, hidden),
                              c + row * hidden, v ? unprojected + r * hidden : dh + r * state,
                              dc + r * hidden, hidden);
      }
      of_gates.multiply(dh, state, d + first * 4 * hidden, 4 * hidden, count, false);
    }
    end_rows(0);
  });
}

}  // namespace

void lstm(const View& out, const View& cells, const View& gates, const View& h0, const View& c0,
          const LstmWeights& weights, const LstmSteps& steps) {
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
               const LstmBackward& b, const LstmWeights& weights, const LstmSteps& steps) {
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
