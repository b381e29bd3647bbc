// See attention.h.
//
// A block is a tile of the matrix of scores; its products go to the matrix products of one thread.
// Forward: a thread takes a block of rows and walks over the sources.  Backward: a thread takes
// some blocks of sources and walks over the targets; the gradient of q is summed in parts, whose
// number depends on the shape only, and these are added in order.  So the bits are the same at any
// number of threads.
#include "kernels/nn/attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>

#include "kernels/dispatch.h"
#include "kernels/linalg/gemm.h"
#include "kernels/linalg/gemm_kernels.h"
#include "kernels/nn/attention_kernels.h"
#include "kernels/nn/stacked.h"
#include "kernels/rows.h"

namespace pullback::kernels {

PULLBACK_ISA_DECLARE(AttentionKernels attention_kernels();)

namespace {

constexpr std::int64_t kTargets = 128;  // of a block
constexpr std::int64_t kSources = 512;
constexpr std::int64_t kSourcesBack = 256;
constexpr std::int64_t kParts = 16;
// Multiplications that are worth a task of their own.
constexpr std::int64_t kTask = 1 << 20;

template <typename T>
const AttentionRows<T>& rows_of() {
  static const AttentionKernels table = PULLBACK_ISA_SELECT(attention_kernels)();
  if constexpr (std::is_same_v<T, float>)
    return table.float32;
  else
    return table.float64;
}

// Rows of contiguous elements.
template <typename T>
struct Rows {
  T* data;
  std::int64_t row;
  T* at(std::int64_t i) const { return data + i * row; }
};
template <typename T>
Rows<T> rows(const View& v, std::int64_t number) {
  return {matrix<T>(v, number), row_of(v)};
}

// What stands between two matrices whose products are taken: a of m, b of n rows.
template <typename T>
void a_bt(Rows<T> c, Rows<T> a, Rows<T> b, std::int64_t m, std::int64_t n, std::int64_t k) {
  multiply_here(kDTypeOf<T>,
                {a.data, b.data, c.data, m, n, k, a.row, 1, 1, b.row, c.row, 1, false});
}
template <typename T>
void a_b(Rows<T> c, Rows<T> a, Rows<T> b, std::int64_t m, std::int64_t n, std::int64_t k,
         bool add) {
  multiply_here(kDTypeOf<T>, {a.data, b.data, c.data, m, n, k, a.row, 1, b.row, 1, c.row, 1, add});
}
template <typename T>
void at_b(Rows<T> c, Rows<T> a, Rows<T> b, std::int64_t m, std::int64_t n, std::int64_t k,
          bool add) {
  multiply_here(kDTypeOf<T>, {a.data, b.data, c.data, m, n, k, 1, a.row, b.row, 1, c.row, 1, add});
}

// A block of scores: where it lies, and what its rows meet there.
template <typename T>
class Block {
 public:
  Block(const Attention& a, std::int64_t targets, std::int64_t sources)
      : a_(a),
        targets_(std::min(targets, size_of(a.q, 2))),
        sources_(std::min(sources, size_of(a.k, 2))),
        room_(std::make_unique_for_overwrite<T[]>(
            static_cast<std::size_t>(2 * targets_ * sources_ + 2 * sources_))) {}

  // The weights, their gradients.
  Rows<T> weights() const { return {room_.get(), sources_}; }
  Rows<T> slopes() const { return {room_.get() + targets_ * sources_, sources_}; }

  void move(std::int64_t number, std::int64_t i, std::int64_t j) {
    number_ = number;
    i_ = i;
    j_ = j;
    count_ = std::min(targets_, size_of(a_.q, 2) - i);
    columns_ = std::min(sources_, size_of(a_.k, 2) - j);
    if (a_.causal) columns_ = std::clamp<std::int64_t>(i + count_ - j, 0, columns_);
    have_bias_ = false;
  }
  std::int64_t count() const { return count_; }
  std::int64_t columns() const { return columns_; }
  // How many columns row r sees.
  std::int64_t seen(std::int64_t r) const {
    return a_.causal ? std::clamp<std::int64_t>(i_ + r - j_ + 1, 0, columns_) : columns_;
  }
  // What is added to the scores of row r, or null.
  const T* bias(std::int64_t r) {
    if (!a_.mask) return nullptr;
    const View& m = *a_.mask;
    const std::int64_t step = m.strides[m.ndim - 1];
    if (have_bias_ && row_of(m) == 0) return bias_;
    have_bias_ = true;
    T* const room = room_.get() + 2 * targets_ * sources_;
    if (m.dtype == DType::Bool) {
      const bool* from = matrix<bool>(m, number_) + (i_ + r) * row_of(m) + j_ * step;
      if (step == 1) {
        rows_of<T>().bias_of(room, from, columns_);
      } else {
        for (std::int64_t c = 0; c < columns_; ++c) {
          room[c] = from[c * step] ? T(0) : -std::numeric_limits<T>::infinity();
        }
      }
      return bias_ = room;
    }
    const T* from = matrix<T>(m, number_) + (i_ + r) * row_of(m) + j_ * step;
    if (step == 1) return bias_ = from;
    for (std::int64_t c = 0; c < columns_; ++c) room[c] = from[c * step];
    return bias_ = room;
  }
  // What the weights of row r are multiplied with, or null.
  const T* kept(std::int64_t r) {
    if (!a_.drawn) return nullptr;
    const View& d = *a_.drawn;
    T* const room = room_.get() + 2 * targets_ * sources_ + sources_;
    rows_of<T>().kept(room, matrix<std::uint8_t>(d, number_) + (i_ + r) * row_of(d) + j_ / 8,
                      static_cast<T>(a_.share), columns_);
    return room;
  }

 private:
  const Attention& a_;
  std::int64_t targets_, sources_;
  std::int64_t number_ = 0, i_ = 0, j_ = 0, count_ = 0, columns_ = 0;
  bool have_bias_ = false;
  const T* bias_ = nullptr;
  std::unique_ptr<T[]> room_;
};

template <typename T>
void clear(T* from, std::int64_t n) {
  if (n > 0) std::memset(from, 0, static_cast<std::size_t>(n) * sizeof(T));
}

// One block of rows of one matrix.
template <typename T>
void forward_rows(const Attention& a, const View& out, const View& logs, Block<T>& block,
                  std::int64_t number, std::int64_t i) {
  const AttentionRows<T>& row = rows_of<T>();
  const T lowest = -std::numeric_limits<T>::infinity();
  const std::int64_t features = size_of(a.q, 1), width = size_of(a.v, 1);
  const std::int64_t sources = size_of(a.k, 2), count = std::min(kTargets, size_of(a.q, 2) - i);
  const Rows<T> q = rows<T>(a.q, number), k = rows<T>(a.k, number), v = rows<T>(a.v, number);
  const Rows<T> o = {rows<T>(out, number).at(i), row_of(out)};
  const Rows<T> x = block.weights();
  const T scale = static_cast<T>(a.scale);
  T tops[kTargets];
  double sums[kTargets];
  std::fill_n(tops, count, lowest);
  std::fill_n(sums, count, 0.0);
  bool first = true;
  for (std::int64_t j = 0; j < sources; j += kSources, first = false) {
    block.move(number, i, j);
    const std::int64_t columns = block.columns();
    if (columns == 0) break;
    a_bt(x, {q.at(i), q.row}, {k.at(j), k.row}, count, columns, features);
    for (std::int64_t r = 0; r < count; ++r) {
      const std::int64_t n = block.seen(r);
      const T* bias = block.bias(r);
      const T top = std::max(tops[r], row.top(x.at(r), bias, scale, n));
      const T shift = top == lowest ? T(0) : top;
      const double sum = row.exponentials(x.at(r), bias, scale, shift, n);
      clear(x.at(r) + n, columns - n);
      if (!first && top > tops[r]) {
        const T less = std::exp(tops[r] - shift);
        row.multiply_by(o.at(r), less, width);
        sums[r] *= static_cast<double>(less);
      }
      sums[r] += sum;
      tops[r] = top;
      if (const T* kept = block.kept(r)) row.multiply(x.at(r), kept, n);
    }
    a_b(o, x, {v.at(j), v.row}, count, width, columns, !first);
  }
  T* const log_of = matrix<T>(logs, number, 1) + i;
  for (std::int64_t r = 0; r < count; ++r) {
    if (first) clear(o.at(r), width);
    log_of[r] = sums[r] == 0 ? lowest : static_cast<T>(std::log(sums[r])) + tops[r];
    if (sums[r] != 0) row.multiply_by(o.at(r), static_cast<T>(1 / sums[r]), width);
  }
}

// Blocks of sources number `part`, part + parts, ... of one matrix.
template <typename T>
void backward_part(const Attention& a, const View& g_view, const View& out, const View& logs,
                   Rows<T> dq, const View& dk_view, const View& dv_view, Block<T>& block, T* means,
                   std::int64_t number, std::int64_t part, std::int64_t parts) {
  const AttentionRows<T>& row = rows_of<T>();
  const std::int64_t features = size_of(a.q, 1), width = size_of(a.v, 1);
  const std::int64_t sources = size_of(a.k, 2), targets = size_of(a.q, 2);
  const Rows<T> q = rows<T>(a.q, number), k = rows<T>(a.k, number), v = rows<T>(a.v, number);
  const Rows<T> g = rows<T>(g_view, number), o = rows<T>(out, number);
  const Rows<T> dk = rows<T>(dk_view, number), dv = rows<T>(dv_view, number);
  const Rows<T> p = block.weights(), ds = block.slopes();
  const T* const log_of = matrix<T>(logs, number, 1);
  const T scale = static_cast<T>(a.scale);
  clear(dq.data, targets * features);
  // The mean of a row's gradients under its weights is g out.
  for (std::int64_t t = 0; t < targets; ++t) {
    means[t] = static_cast<T>(row.dot(g.at(t), o.at(t), width));
  }
  for (std::int64_t j = part * kSourcesBack; j < sources; j += parts * kSourcesBack) {
    const std::int64_t end = std::min(sources, j + kSourcesBack);
    // Rows of no elements have a stride all the same.
    clear(dk.at(j), (end - j) * features);
    clear(dv.at(j), (end - j) * width);
    for (std::int64_t i = a.causal ? j / kTargets * kTargets : 0; i < targets; i += kTargets) {
      block.move(number, i, j);
      const std::int64_t count = block.count(), columns = block.columns();
      if (columns == 0) continue;
      const Rows<T> q_i{q.at(i), q.row}, g_i{g.at(i), g.row};
      a_bt(p, q_i, {k.at(j), k.row}, count, columns, features);
      a_bt(ds, g_i, {v.at(j), v.row}, count, columns, width);
      for (std::int64_t r = 0; r < count; ++r) {
        const T log = log_of[i + r];
        const std::int64_t n = log == -std::numeric_limits<T>::infinity() ? 0 : block.seen(r);
        row.exponentials(p.at(r), block.bias(r), scale, log, n);
        clear(p.at(r) + n, columns - n);
        clear(ds.at(r) + n, columns - n);
        const T* kept = block.kept(r);
        if (kept) row.multiply(ds.at(r), kept, n);
        row.slopes(ds.at(r), p.at(r), means[i + r], scale, n);
        if (kept) row.multiply(p.at(r), kept, n);
      }
      at_b({dv.at(j), dv.row}, p, g_i, columns, width, count, true);
      a_b({dq.at(i), dq.row}, ds, {k.at(j), k.row}, count, features, columns, true);
      at_b({dk.at(j), dk.row}, ds, q_i, columns, features, count, true);
    }
  }
}

std::int64_t grain_for(std::int64_t work) {
  return std::max<std::int64_t>(1, kTask / std::max<std::int64_t>(1, work));
}

}  // namespace

bool attention_reads(const View& m) {
  const std::int64_t count = size_of(m, 2), n = size_of(m, 1);
  return (n <= 1 || m.strides[m.ndim - 1] == 1) &&
         (count <= 1 || row_of(m) >= std::max<std::int64_t>(1, n));
}

std::int64_t attention_parts(std::int64_t matrices, std::int64_t sources) {
  const std::int64_t blocks = (sources + kSourcesBack - 1) / kSourcesBack;
  const std::int64_t wanted = (kParts + matrices - 1) / std::max<std::int64_t>(1, matrices);
  return std::clamp<std::int64_t>(wanted, 1, std::max<std::int64_t>(1, blocks));
}

void attention(const View& out, const View& logs, const Attention& a) {
  const std::int64_t targets = size_of(a.q, 2);
  const std::int64_t blocks = (targets + kTargets - 1) / kTargets;
  const std::int64_t work =
      std::min(kTargets, targets) * size_of(a.k, 2) * (size_of(a.q, 1) + size_of(a.v, 1));
  visit_floating(out.dtype, "attention", [&]<typename T>() {
    parallel_for(count_matrices(out) * blocks, grain_for(work),
                 [&](std::int64_t begin, std::int64_t end) {
                   Block<T> block(a, kTargets, kSources);
                   for (std::int64_t t = begin; t < end; ++t) {
                     forward_rows<T>(a, out, logs, block, t / blocks, t % blocks * kTargets);
                   }
                 });
  });
}

void attention_grad(const View& dq, const View& dk, const View& dv, const View& g, const View& out,
                    const View& logs, const View& partial, const Attention& a) {
  const std::int64_t matrices = count_matrices(dq), targets = size_of(a.q, 2);
  const std::int64_t parts = attention_parts(matrices, size_of(a.k, 2));
  const std::int64_t each = targets * size_of(dq, 1);
  const std::int64_t work = targets * size_of(a.k, 2) * (size_of(a.q, 1) + size_of(a.v, 1)) / parts;
  visit_floating(dq.dtype, "attention", [&]<typename T>() {
    T* const whole = reinterpret_cast<T*>(dq.data);
    T* const others = reinterpret_cast<T*>(partial.data);
    parallel_for(matrices * parts, grain_for(work), [&](std::int64_t begin, std::int64_t end) {
      Block<T> block(a, kTargets, kSourcesBack);
      const auto means = std::make_unique_for_overwrite<T[]>(
          static_cast<std::size_t>(std::max<std::int64_t>(1, targets)));
      for (std::int64_t t = begin; t < end; ++t) {
        const std::int64_t number = t / parts, part = t % parts;
        T* const to =
            part == 0 ? whole + number * each : others + ((part - 1) * matrices + number) * each;
        backward_part<T>(a, g, out, logs, {to, size_of(dq, 1)}, dk, dv, block, means.get(), number,
                         part, parts);
      }
    });
    if (parts == 1) return;
    const std::int64_t n = matrices * each;
    parallel_for(n, kBlockElements, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t part = 0; part + 1 < parts; ++part) {
        for (std::int64_t i = begin; i < end; ++i) whole[i] += others[part * n + i];
      }
    });
  });
}

void kept_weights(const View& out, const View& drawn, double share) {
  const std::int64_t n = size_of(out, 1), targets = size_of(out, 2);
  visit_floating(out.dtype, "attention", [&]<typename T>() {
    T* to = reinterpret_cast<T*>(out.data);
    for (std::int64_t m = 0; m < count_matrices(out); ++m) {
      const Rows<std::uint8_t> from = rows<std::uint8_t>(drawn, m);
      for (std::int64_t r = 0; r < targets; ++r, to += n) {
        rows_of<T>().kept(to, from.at(r), static_cast<T>(share), n);
      }
    }
  });
}

}  // namespace pullback::kernels
