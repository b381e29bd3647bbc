// What the kernels of recurrent layers share: steps, the state before them, weights in panels, and
// what is carried back.
//
// A step has `counts[t]` rows, those of the steps follow one another; the state before a step is
// that of as many sequences after the one before, further sequences start with h0.  Views have the
// same leading dimensions; all but the weights are row-major.  What belongs to a sequence is
// independent of the others, so a thread takes some sequences through all steps, and the bits are
// the same at any number of threads.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "kernels/linalg/gemm.h"
#include "kernels/linalg/gemm_kernels.h"
#include "kernels/nn/stacked.h"
#include "kernels/room.h"
#include "kernels/rows.h"

namespace pullback::kernels {

struct Steps {
  const std::int64_t* counts;
  std::int64_t steps;
  bool back;  // from the last step to the first
};

inline constexpr std::int64_t kSequences = 16;  // that a thread takes at least
// Multiplications that are worth a task of their own.
inline constexpr std::int64_t kStepTask = 1 << 18;

// How many sequences are a task.
inline std::int64_t grain_for(const View& gates, std::int64_t state, std::int64_t sequences) {
  const std::int64_t all = size_of(gates, 2) * size_of(gates, 1) * std::max<std::int64_t>(1, state);
  const std::int64_t each = std::max<std::int64_t>(1, all / std::max<std::int64_t>(1, sequences));
  return std::max(kSequences, kStepTask / each);
}

// A matrix in panels of kWidth columns, or of its transpose: copied once, and multiplied by our own
// loops with a handful of rows at the speed that others reach only with many.
template <typename T>
class Panels {
 public:
  // Of w [n, k] as [k, n].
  static Panels transposed(const View& w, std::int64_t number) {
    return {matrix<T>(w, number), size_of(w, 1), size_of(w, 2), w.strides[w.ndim - 1], row_of(w)};
  }
  // Of w [k, n].
  static Panels plain(const View& w, std::int64_t number) {
    return {matrix<T>(w, number), size_of(w, 2), size_of(w, 1), row_of(w), w.strides[w.ndim - 1]};
  }

  Panels(const T* from, std::int64_t k, std::int64_t n, std::int64_t row, std::int64_t column)
      : k_(k), n_(n), room_(k * n) {
    for (std::int64_t j = 0; j < n; j += kWidth) {
      T* to = room_.data() + j * k;
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
      multiply_small(kDTypeOf<T>, {a, room_.data() + j * k_, c + j, rows, width, k_, a_row, 1,
                                   width, 1, c_row, 1, add});
    }
  }

 private:
  static constexpr std::int64_t kWidth = 128 / sizeof(T);  // two vectors of 64 bytes

  std::int64_t k_, n_;
  Room<T> room_;
};

// The steps in the order in which they are made.
struct Step {
  std::int64_t first, count;
};
inline std::vector<Step> order_of(const Steps& s) {
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

// c += a @ panels for the rows of a step, whose state before lies in two places.
template <typename T>
void multiply_before(const Panels<T>& panels, T* c, std::int64_t c_row, const Before<T>& h,
                     std::int64_t width, std::int64_t count) {
  const std::int64_t of_last = std::min(count, h.of_last);
  panels.multiply(c, c_row, h.last, width, of_last, true);
  panels.multiply(c + of_last * c_row, c_row, h.start + of_last * width, width, count - of_last,
                  true);
}

// A gradient that goes back from step to step.
template <typename T>
class Carried {
 public:
  // `start` is where what arrives at the start of these sequences goes.
  Carried(T* start, std::int64_t width, std::int64_t sequences)
      : start_(start), width_(width), room_(width * sequences) {}
  T* row(std::int64_t r) const { return room_.data() + r * width_; }
  // Makes it that of `count` rows, plus `more` if it is not null.  Rows that a step does not have
  // start there; rows that only this one has are zero.
  void take(std::int64_t count, const T* more) {
    if (count < rows_) {
      std::memcpy(start_ + count * width_, row(count),
                  static_cast<std::size_t>((rows_ - count) * width_) * sizeof(T));
    }
    if (rows_ < count) std::fill(row(rows_), row(count), T(0));
    rows_ = count;
    if (more == nullptr) return;
    T* const to = room_.data();
    for (std::int64_t i = 0; i < count * width_; ++i) to[i] += more[i];
  }

 private:
  T* start_;
  std::int64_t width_, rows_ = 0;
  Room<T> room_;
};

}  // namespace pullback::kernels
