// The greatest element of each window of a plane, and where it is.
//
// Planes are the last one to three dimensions; whatever stands before them is walked plane by
// plane. All is row-major.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/view.h"

namespace pullback::kernels {

// The windows along one dimension: positions begin, begin + step, ... below end.
struct Windows {
  std::int64_t size = 0;  // of the input
  std::int64_t step = 1;
  std::vector<std::int64_t> begin;
  std::vector<std::int64_t> end;

  std::int64_t count() const { return static_cast<std::int64_t>(begin.size()); }
};

// `dims` of the last dimensions, one to three.  indices: int64, positions in the plane.  The first
// of equal elements is taken; a NaN is the greatest, of several the last.
void greatest_in_windows(const View& values, const View& indices, const View& in,
                         const std::vector<Windows>& dims);

}  // namespace pullback::kernels
