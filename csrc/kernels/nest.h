// A nest of loops over N strided operands of equal sizes, normalised for speed.
//
// Dimensions of size 1 vanish, the rest are ordered so that the first operand (the output) is
// walked from its largest to its smallest stride, and neighbours that all operands walk as one are
// merged. run() then calls row(pointers, n) for innermost pieces; the byte strides of a row are
// inner_stride(operand).  Operands that run across the output's direction (a transposed input) are
// walked in panels of 64 columns, so that a cache line is used up while it is there.
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include "core/error.h"
#include "kernels/parallel.h"
#include "kernels/view.h"

namespace pullback::kernels {

template <int N>
class Nest {
 public:
  using Pointers = std::array<char*, N>;

  explicit Nest(const std::array<const View*, N>& operands) {
    const View& first = *operands[0];
    check(first.ndim <= kMaxDims, "a tensor has too many dimensions: got ", first.ndim,
          ", expected at most ", kMaxDims);
    for (int k = 0; k < N; ++k) base_[k] = operands[k]->data;
    for (int d = 0; d < first.ndim; ++d) {
      const std::int64_t size = first.sizes[d];
      numel_ *= size;
      if (size == 1) continue;
      Dim dim{size, {}};
      for (int k = 0; k < N; ++k) {
        const auto bytes = static_cast<std::int64_t>(item_size(operands[k]->dtype));
        dim.strides[k] = operands[k]->strides[d] * bytes;
      }
      int at = ndim_++;
      for (; at > 0 && inside(dims_[at - 1], dim); --at) dims_[at] = dims_[at - 1];
      dims_[at] = dim;
    }
    if (numel_ == 0) return;
    merge();
    if (ndim_ == 0) dims_[ndim_++] = Dim{1, {}};
    lengthen_rows();
  }

  std::int64_t numel() const { return numel_; }
  // Whether all is one row.
  bool flat() const { return ndim_ == 1; }
  std::int64_t inner_stride(int operand) const { return dims_[ndim_ - 1].strides[operand]; }
  const Pointers& base() const { return base_; }

  // Calls row(pointers, n) until all elements are covered; on several threads from threshold
  // elements on, in blocks of grain.
  template <typename Row>
  void run(std::int64_t threshold, std::int64_t grain, Row&& row) const {
    if (numel_ == 0) return;
    if (crosses()) {
      const std::int64_t columns = dims_[ndim_ - 1].size;
      const std::int64_t rest = columns % kPanel;
      panelled(columns - rest).walk(threshold, grain, row);
      if (rest != 0) narrowed(columns - rest, rest).walk(threshold, grain, row);
      return;
    }
    walk(threshold, grain, row);
  }

  // Whether rows are dense in the first operand and columns in the second, `item` bytes each.
  bool transposes(std::int64_t item) const {
    return ndim_ >= 2 && dims_[ndim_ - 1].strides[0] == item &&
           dims_[ndim_ - 2].strides[1] == item && dims_[ndim_ - 1].size >= 8 &&
           dims_[ndim_ - 2].size >= 8;
  }
  std::int64_t row_stride(int operand) const { return dims_[ndim_ - 2].strides[operand]; }

  // Calls plane(pointers, rows, columns) for pieces of at most kPanel whole rows.
  template <typename Plane>
  void run_planes(std::int64_t threshold, std::int64_t grain, Plane&& plane) const {
    const std::int64_t columns = dims_[ndim_ - 1].size, whole = dims_[ndim_ - 2].size;
    const auto walk_pieces = [&](std::int64_t first, std::int64_t rows, std::int64_t count) {
      Nest nest = *this;
      Dim& pieces = nest.dims_[--nest.ndim_ - 1];
      for (int k = 0; k < N; ++k) nest.base_[k] += first * pieces.strides[k];
      for (auto& stride : pieces.strides) stride *= rows;
      pieces.size = count;
      nest.numel_ = numel_ / (whole * columns) * count;
      const auto row = [&](Pointers at, std::int64_t n) {
        for (; n > 0; --n) {
          plane(std::as_const(at), rows, columns);
          for (int k = 0; k < N; ++k) at[k] += pieces.strides[k];
        }
      };
      const std::int64_t cost = rows * columns;
      nest.walk(numel_ < threshold ? nest.numel_ + 1 : 0, std::max<std::int64_t>(1, grain / cost),
                row);
    };
    if (whole >= kPanel) walk_pieces(0, kPanel, whole / kPanel);
    if (whole % kPanel != 0) walk_pieces(whole / kPanel * kPanel, whole % kPanel, 1);
  }

 private:
  static constexpr std::int64_t kPanel = 64;

  struct Dim {
    std::int64_t size;
    std::array<std::int64_t, N> strides;
  };

  // Whether outer belongs inside of inner: the first operand whose strides differ decides.
  static bool inside(const Dim& outer, const Dim& inner) {
    for (int k = 0; k < N; ++k) {
      const std::int64_t a = std::abs(outer.strides[k]);
      const std::int64_t b = std::abs(inner.strides[k]);
      if (a != b && a != 0 && b != 0) return a < b;
    }
    return false;
  }

  void merge() {
    int last = 0;
    for (int d = 1; d < ndim_; ++d) {
      bool joins = true;
      for (int k = 0; k < N; ++k) {
        joins &= dims_[last].strides[k] == dims_[d].strides[k] * dims_[d].size;
      }
      if (joins) {
        dims_[last].size *= dims_[d].size;
        dims_[last].strides = dims_[d].strides;
      } else {
        dims_[++last] = dims_[d];
      }
    }
    if (ndim_ > 0) ndim_ = last + 1;
  }

  // A very short innermost dimension changes places with the longest one.
  void lengthen_rows() {
    constexpr std::int64_t kShort = 8;
    if (ndim_ < 2 || dims_[ndim_ - 1].size >= kShort) return;
    int longest = ndim_ - 1;
    for (int d = 0; d < ndim_ - 1; ++d) {
      if (dims_[d].size > dims_[longest].size) longest = d;
    }
    if (dims_[longest].size < 4 * dims_[ndim_ - 1].size) return;
    const Dim moved = dims_[longest];
    for (int d = longest; d < ndim_ - 1; ++d) dims_[d] = dims_[d + 1];
    dims_[ndim_ - 1] = moved;
  }

  bool crosses() const {
    if (ndim_ < 2 || dims_[ndim_ - 1].size <= kPanel || dims_[ndim_ - 2].size < 8) return false;
    for (int k = 1; k < N; ++k) {
      const std::int64_t along = std::abs(dims_[ndim_ - 1].strides[k]);
      const std::int64_t across = std::abs(dims_[ndim_ - 2].strides[k]);
      if (along >= 64 && across < along && across != 0) return true;
    }
    return false;
  }

  // The first columns (a multiple of kPanel), the panels being a dimension outside of the rows.
  Nest panelled(std::int64_t columns) const {
    Nest nest = narrowed(0, kPanel);
    Dim panels = dims_[ndim_ - 1];
    panels.size = columns / kPanel;
    for (auto& stride : panels.strides) stride *= kPanel;
    nest.dims_[ndim_] = nest.dims_[ndim_ - 1];
    nest.dims_[ndim_ - 1] = nest.dims_[ndim_ - 2];
    nest.dims_[ndim_ - 2] = panels;
    ++nest.ndim_;
    nest.numel_ *= panels.size;
    return nest;
  }

  Nest narrowed(std::int64_t from, std::int64_t count) const {
    Nest nest = *this;
    Dim& inner = nest.dims_[ndim_ - 1];
    for (int k = 0; k < N; ++k) nest.base_[k] += from * inner.strides[k];
    nest.numel_ = numel_ / inner.size * count;
    inner.size = count;
    return nest;
  }

  template <typename Row>
  void walk(std::int64_t threshold, std::int64_t grain, Row& row) const {
    if (numel_ < threshold) return block(0, numel_, row);
    parallel_for(numel_, grain,
                 [&](std::int64_t begin, std::int64_t end) { block(begin, end, row); });
  }

  // The elements [begin, end), counted in the order of the nest.
  template <typename Row>
  void block(std::int64_t begin, std::int64_t end, Row& row) const {
    const int last = ndim_ - 1;
    Pointers at = base_;
    std::int64_t index[kMaxDims + 1];
    std::int64_t rest = begin;
    for (int d = last; d >= 0; --d) {
      index[d] = rest == 0 ? 0 : rest % dims_[d].size;
      rest = rest == 0 ? 0 : rest / dims_[d].size;
      for (int k = 0; k < N; ++k) at[k] += index[d] * dims_[d].strides[k];
    }
    for (std::int64_t done = begin;;) {
      const std::int64_t n = std::min(dims_[last].size - index[last], end - done);
      row(std::as_const(at), n);
      done += n;
      if (done == end) return;
      for (int k = 0; k < N; ++k) at[k] -= index[last] * dims_[last].strides[k];
      index[last] = 0;
      for (int d = last - 1;; --d) {
        for (int k = 0; k < N; ++k) at[k] += dims_[d].strides[k];
        if (++index[d] < dims_[d].size) break;
        for (int k = 0; k < N; ++k) at[k] -= index[d] * dims_[d].strides[k];
        index[d] = 0;
      }
    }
  }

  int ndim_ = 0;
  std::int64_t numel_ = 1;
  Pointers base_;
  std::array<Dim, kMaxDims + 1> dims_;
};

}  // namespace pullback::kernels
