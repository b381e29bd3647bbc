// Transforms of several lines at once, one in each lane of the machine's vectors (lanes_isa.cpp).
// Their lengths are products of 2, 3 and 5; those of real lines are twice that, as 2 n real numbers
// are taken for n complex ones, which costs half of a complex line (Sorensen et al., Real-valued
// fast Fourier transform algorithms, 1987).
#pragma once

#include <cstdint>

namespace pullback::kernels {

// Mixed radices, in the order of the stages: the product is n.  `table` has the n numbers
// exp(-2 pi i k / n), as pairs.
template <typename T>
struct LanePlan {
  static constexpr int kMostStages = 32;
  std::int64_t n = 0;
  int stages = 0;
  std::int8_t radix[kMostStages] = {};
  const T* table = nullptr;
  // exp(-2 pi i k / (2 n)) for k up to n / 2, of real lines.
  const T* real_table = nullptr;
};

enum class LaneKind : std::uint8_t {
  Complex,
  Half,   // 2 n real numbers, as n complex ones, to n + 1
  Whole,  // n + 1 numbers to 2 n real ones; of the first and the last no imaginary part is read
};

// Strides are of complex numbers: from element to element of a line, and from line to line.
template <typename T>
struct LaneLines {
  T* data;
  std::int64_t step, between;
};

// Element k of the line with the number j is also multiplied by high[k / kLow] * low[k % kLow],
// which are complex numbers of each line: [k / kLow][line], the lines of this group only.
template <typename T>
struct LaneTwist {
  static constexpr int kLow = 32;
  const T* high = nullptr;
  const T* low = nullptr;
};

template <typename T>
struct LaneGroup {
  const LanePlan<T>* plan;
  LaneLines<const T> in;
  LaneLines<T> out;
  LaneKind kind;
  int count;      // of lines, at most as many as there are lanes
  bool backward;  // exp(+2 pi i k / n)
  T factor;
  LaneTwist<T> twist;
  T* room;  // aligned like a vector: 4 (n + 1) lanes numbers
};

struct FftLanes {
  int lanes_of_float, lanes_of_double;
  void (*of_float)(const LaneGroup<float>&);
  void (*of_double)(const LaneGroup<double>&);
};

}  // namespace pullback::kernels
