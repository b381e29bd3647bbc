// A vector of numbers, each from its position: what ranges and windows are made with.
#pragma once

#include <cstdint>
#include <type_traits>

#include "kernels/rows.h"
#include "ops/basic.h"

namespace pullback {

// Integers by way of the largest, so that what is too large wraps around.
template <typename T, typename From>
T convert(From value) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<std::int64_t>(value));
  } else {
    return static_cast<T>(value);
  }
}

template <typename F>
Tensor generate(std::int64_t count, DType dtype, F&& value) {
  if (is_narrow(dtype)) return cast(generate(count, wide_of(dtype), value), dtype);
  Tensor out = Tensor::empty(Dims{count}, dtype);
  kernels::visit(dtype, [&]<typename T>() {
    T* p = out.data<T>();
    for (std::int64_t i = 0; i < count; ++i) p[i] = convert<T>(value(i));
  });
  return out;
}

}  // namespace pullback
