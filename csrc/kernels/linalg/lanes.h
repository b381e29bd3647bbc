// Factorisations of stacks of small real matrices, one matrix in each lane of the machine's
// vectors.
//
// A group has as many matrices as a vector has lanes, or fewer; they are packed side by side, taken
// through one algorithm without branches between them, and unpacked.  No lane sees its neighbours,
// so a matrix alone gives the same bits as in any stack.  One copy per instruction set:
// lanes_lu_isa.cpp, lanes_spectra_isa.cpp.
#pragma once

#include <cstddef>

#include "kernels/dispatch.h"

namespace pullback::kernels {

inline constexpr int kLaneRows = 32;  // at most
inline constexpr int kMostLanes = 16;
template <typename T>  // for buffers
inline constexpr int kMostLanesOf = 64 / int(sizeof(T));

// `count` column-major matrices.
template <typename T>
struct LaneMatrices {
  T* at[kMostLanes];
  int count;
  int rows;
  int columns;
  std::ptrdiff_t leading;  // from column to column
};
struct LaneIntegers {
  int* at[kMostLanes];
};

// What LAPACK's functions of these names do; `pivots` count from 1.
template <typename T>
struct LaneFunctions {
  int width;
  void (*lu)(const LaneMatrices<T>& a, const LaneIntegers& pivots, const LaneIntegers& info);
  void (*solve_lu)(const LaneMatrices<T>& lu, const LaneIntegers& pivots, const LaneMatrices<T>& b,
                   bool transposed);
  void (*invert)(const LaneMatrices<T>& a, const LaneIntegers& info);
  void (*cholesky)(const LaneMatrices<T>& a, const LaneIntegers& info, bool upper);
  // Of `values` each matrix has one column.  Of `a` the lower (upper) half is read.
  void (*eigh)(const LaneMatrices<T>& a, const LaneMatrices<T>& values, const LaneIntegers& info,
               bool upper, bool vectors);
  // Of matrices with at least as many rows as columns, all finite.  `a` becomes U and `v` V, not
  // V^T, if vectors are wanted.  `info` is -1 for a matrix that has no vectors here: one of its
  // values vanishes.
  void (*svd)(const LaneMatrices<T>& a, const LaneMatrices<T>& values, const LaneMatrices<T>& v,
              const LaneIntegers& info, bool vectors);
};

PULLBACK_ISA_DECLARE(void set_lanes_lu(LaneFunctions<float>&, LaneFunctions<double>&);
                     void set_lanes_spectra(LaneFunctions<float>&, LaneFunctions<double>&);)

}  // namespace pullback::kernels
