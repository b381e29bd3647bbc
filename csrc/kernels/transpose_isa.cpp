// Transposing in registers (see transpose.h).
//
// A block of as many vectors as a vector has elements is one long address space, (row, lane); to
// zip its first half with its second doubles each address, round the end.  After log2(lanes) zips
// rows and lanes have changed places.
#include "kernels/transpose.h"

#include <cstring>
#include <utility>

#include "kernels/dispatch.h"
#include "kernels/vectors.h"

namespace pullback::kernels::PULLBACK_ISA {

namespace {

template <typename T>
struct Block {
  static constexpr int kLanes = kWidth<T>;
  using V = Vector<T>;

  template <int from, int... lane>
  PULLBACK_INLINE static V zip(V a, V b, std::integer_sequence<int, lane...>) {
    return __builtin_shufflevector(a, b, (from + lane / 2 + lane % 2 * kLanes)...);
  }

  PULLBACK_INLINE static void transpose(char* out, std::int64_t out_stride, const char* in,
                                        std::int64_t in_stride) {
    constexpr auto kEach = std::make_integer_sequence<int, kLanes>();
    V v[kLanes], w[kLanes];
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) std::memcpy(&v[i], in + i * in_stride, kVectorBytes);
#pragma GCC unroll 4
    for (int zipped = 1; zipped < kLanes; zipped *= 2) {
#pragma GCC unroll 8
      for (int i = 0; i < kLanes / 2; ++i) {
        w[2 * i] = zip<0>(v[i], v[i + kLanes / 2], kEach);
        w[2 * i + 1] = zip<kLanes / 2>(v[i], v[i + kLanes / 2], kEach);
      }
#pragma GCC unroll 16
      for (int i = 0; i < kLanes; ++i) v[i] = w[i];
    }
#pragma GCC unroll 16
    for (int i = 0; i < kLanes; ++i) std::memcpy(out + i * out_stride, &v[i], kVectorBytes);
  }
};

template <typename T>
void run(char* out, std::int64_t out_stride, const char* in, std::int64_t in_stride,
         std::int64_t rows, std::int64_t columns) {
  constexpr std::int64_t kLanes = Block<T>::kLanes;
  constexpr std::int64_t kItem = sizeof(T);
  const std::int64_t whole_rows = rows / kLanes * kLanes;
  const std::int64_t whole_columns = columns / kLanes * kLanes;
  const auto one_by_one = [=](std::int64_t row, std::int64_t column, std::int64_t last_column) {
    for (; column < last_column; ++column) {
      std::memcpy(out + row * out_stride + column * kItem, in + column * in_stride + row * kItem,
                  kItem);
    }
  };
  for (std::int64_t c = 0; c < whole_columns; c += kLanes) {
    for (std::int64_t r = 0; r < whole_rows; r += kLanes) {
      Block<T>::transpose(out + r * out_stride + c * kItem, out_stride,
                          in + c * in_stride + r * kItem, in_stride);
    }
    for (std::int64_t r = whole_rows; r < rows; ++r) one_by_one(r, c, c + kLanes);
  }
  for (std::int64_t r = 0; r < rows; ++r) one_by_one(r, whole_columns, columns);
}

}  // namespace

TransposeLoops transpose_loops() { return {&run<std::uint32_t>, &run<std::uint64_t>}; }

}  // namespace pullback::kernels::PULLBACK_ISA
