// The matrix product of small matrices and a tile of that of large ones, one copy per instruction
// set (gemm_isa.cpp, gemm_tile_isa.cpp).
#pragma once

#include <cstdint>

namespace pullback::kernels {

// One product c = a @ b, or c += a @ b; strides in elements, any sign.
struct SmallProduct {
  const void* a;
  const void* b;
  void* c;
  std::int64_t m, n, k;
  std::int64_t a_row, a_column, b_row, b_column, c_row, c_column;
  bool accumulate;
};

// At most this many elements of b are copied to bring its columns side by side.
inline constexpr std::int64_t kSmallPack = 8192;
// With at most so many rows or columns, and inner products at least so long, these are taken.
inline constexpr std::int64_t kFewRows = 16;
inline constexpr std::int64_t kLongInner = 64;

// What a tile copies at a time: rows and columns of b, and rows of a.
inline constexpr std::int64_t kTileK = 256;
template <typename T>
inline constexpr std::int64_t kTileColumns = 2048 / sizeof(T);
inline constexpr std::int64_t kTileRows = 6;
// Elements of the room that a tile needs, aligned to a cache line.
template <typename T>
inline constexpr std::int64_t kTileRoom = kTileK * (kTileColumns<T> + kTileRows);

struct SmallGemm {
  using Function = void (*)(const SmallProduct&);
  Function float32;
  Function float64;
};

// The same for matrices of any size; rows of c are contiguous.  Null where the instruction set has
// no fused multiplication, for which the library has better loops.
struct TileGemm {
  using Function = void (*)(const SmallProduct&, void* room);
  Function float32;
  Function float64;
};

}  // namespace pullback::kernels
