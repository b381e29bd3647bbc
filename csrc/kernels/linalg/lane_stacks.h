// Stacks of small real matrices as groups for lanes.h.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/linalg/lanes.h"
#include "kernels/linalg/matrices.h"

namespace pullback::kernels {

template <typename T>
const LaneFunctions<T>& lanes();
template <>
const LaneFunctions<float>& lanes<float>();
template <>
const LaneFunctions<double>& lanes<double>();

// Whether matrices of this size are taken in groups: a group of larger ones costs as much as four
// by LAPACK.
inline bool fit_lanes(std::int64_t stack, int rows, int columns) {
  const int most = stack < 4 ? kDirect : kLaneRows;
  return rows > 0 && columns > 0 && rows <= most && columns <= most;
}

template <typename T>
LaneMatrices<T> group_of(const Matrices<T>& stack, std::int64_t first, int count) {
  LaneMatrices<T> group{{}, count, stack.rows, stack.columns, stack.leading()};
  for (int k = 0; k < count; ++k) group.at[k] = stack.at(first + k);
  return group;
}

// Vectors of the stack, or numbers.
template <typename T>
LaneMatrices<T> vectors_of(const View& view, std::int64_t first, int count, int size) {
  LaneMatrices<T> group{{}, count, size, 1, size};
  for (int k = 0; k < count; ++k) group.at[k] = vector_at<T>(view, first + k);
  return group;
}
inline LaneIntegers pivots_of(const View& view, std::int64_t first, int count) {
  LaneIntegers group{};
  for (int k = 0; k < count; ++k) group.at[k] = vector_at<int>(view, first + k);
  return group;
}
inline LaneIntegers numbers_of(const View& view, std::int64_t first, int count) {
  LaneIntegers group{};
  for (int k = 0; k < count; ++k) group.at[k] = &number_at<int>(view, first + k);
  return group;
}

// Calls body(functions, first, count) for the groups of a stack, spread over the threads.
template <typename T, typename Body>
void for_groups(std::int64_t stack, double cost, Body&& body) {
  const LaneFunctions<T>& functions = lanes<T>();
  const std::int64_t width = functions.width;
  const std::int64_t groups = (stack + width - 1) / width;
  for_matrices(groups, 2 * cost, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t g = begin; g < end; ++g) {
      const std::int64_t first = g * width;
      body(functions, first, static_cast<int>(std::min(width, stack - first)));
    }
  });
}

}  // namespace pullback::kernels
