// The innermost loops of sliding sums (slide.h), one copy per instruction set (slide_isa.cpp).
#pragma once

#include <cstddef>
#include <cstdint>

namespace pullback::kernels {

// out[r][p] = sum over i of weights[i][r] * image[offsets[i] + p], or the same added to it, for
// `rows` rows (at most kMostRows) and `positions` positions, a multiple of `strip`.
struct WeightedRows {
  const void* weights;  // [terms][rows]
  const void* image;
  const std::int64_t* offsets;
  void* out;
  std::int64_t out_row;
  std::int64_t terms, positions;
  int rows;
  bool accumulate;
};

// out[r][i] += sum over p of rows[r][p] * image[offsets[i] + p], p a multiple of `strip`.
struct InnerProducts {
  const void* rows;
  std::int64_t row;  // from one to the next
  const void* image;
  const std::int64_t* offsets;
  void* out;
  std::int64_t out_row;
  std::int64_t num_rows, terms, positions;
};

// to[b][i][r] = from[b * block + r * row + i] for `blocks` blocks of `count` neighbours, `rows`
// rows (at most kMostRows).
struct Interleaved {
  const void* from;
  void* to;
  std::int64_t row, block;
  std::int64_t blocks, count;
  int rows;
};

// Neighbours that are moved together.
struct Stretch {
  std::int64_t from, to, count;
};

// Stretches of numbers; `step` apart on the side that is named.
struct Moves {
  const void* from;
  void* to;
  const Stretch* stretches;
  std::size_t num_stretches;
  std::int64_t step;
  std::int64_t ahead;  // what is moved next is so much further on, outside of our layout
};

inline constexpr int kMostRows = 6;

template <typename T>
struct SlideKernels {
  void (*weighted_rows)(const WeightedRows&);
  void (*inner_products)(const InnerProducts&);
  void (*interleave)(const Interleaved&);
  void (*bring)(const Moves&);         // from every step-th
  void (*put)(const Moves&, T shift);  // to every step-th, and the shift added
  std::int64_t strip;
};

struct SlideTable {
  SlideKernels<float> float32;
  SlideKernels<double> float64;
};

}  // namespace pullback::kernels
