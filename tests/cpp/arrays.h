// Strided arrays that own their memory, for the tests of the kernels.
//
// scattered() lays elements out in a random order of dimensions with gaps, so that a kernel that
// forgets a stride gives wrong numbers.  Elements are addressed by their row-major position.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "kernels/view.h"

namespace arrays {

using Shape = std::vector<std::int64_t>;

template <typename T>
struct Array {
  Shape sizes, strides;
  std::vector<T> memory;
  pullback::DType dtype = pullback::kDTypeOf<T>;

  std::int64_t numel() const {
    return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>());
  }
  pullback::kernels::View view() {
    return {reinterpret_cast<char*>(memory.data()), sizes.data(), strides.data(),
            static_cast<int>(sizes.size()), dtype};
  }
  T& operator[](std::int64_t position) {
    std::int64_t where = 0;
    for (std::size_t d = sizes.size(); d-- > 0;) {
      where += position % sizes[d] * strides[d];
      position /= sizes[d];
    }
    return memory[static_cast<std::size_t>(where)];
  }
  // The row-major elements.
  std::vector<T> values() {
    std::vector<T> result;
    for (std::int64_t i = 0; i < numel(); ++i) result.push_back((*this)[i]);
    return result;
  }
};

template <typename T>
Array<T> contiguous(const Shape& sizes, std::vector<T> values = {}) {
  Array<T> a;
  a.sizes = sizes;
  a.strides.resize(sizes.size());
  std::int64_t step = 1;
  for (std::size_t d = sizes.size(); d-- > 0; step *= std::max<std::int64_t>(1, sizes[d])) {
    a.strides[d] = step;
  }
  a.memory = std::move(values);
  a.memory.resize(static_cast<std::size_t>(std::max<std::int64_t>(1, a.numel())));
  return a;
}

template <typename T>
Array<T> scattered(const Shape& sizes, std::mt19937& random) {
  Array<T> a;
  a.sizes = sizes;
  a.strides.resize(sizes.size());
  std::vector<std::size_t> order(sizes.size());
  std::iota(order.begin(), order.end(), 0);
  if (random() % 2 == 0) std::shuffle(order.begin(), order.end(), random);
  std::int64_t step = 1 + static_cast<std::int64_t>(random() % 2);
  for (auto d = order.rbegin(); d != order.rend(); ++d) {
    a.strides[*d] = step;
    step *= std::max<std::int64_t>(1, sizes[*d]) + static_cast<std::int64_t>(random() % 2);
  }
  a.memory.resize(static_cast<std::size_t>(step) + 1);
  return a;
}

// Scattered, filled with small integers of either sign (or not).
template <typename T>
Array<T> random_array(const Shape& sizes, std::mt19937& random) {
  Array<T> a = scattered<T>(sizes, random);
  for (T& x : a.memory)
    x = static_cast<T>(static_cast<int>(random() % 41) - (std::is_signed_v<T> ? 20 : 0));
  return a;
}

inline Shape random_shape(std::mt19937& random, int max_dims, int max_size) {
  Shape sizes(1 + random() % static_cast<unsigned>(max_dims));
  for (auto& s : sizes)
    s = 1 + static_cast<std::int64_t>(random() % static_cast<unsigned>(max_size));
  return sizes;
}

}  // namespace arrays
