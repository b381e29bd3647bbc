// Helpers of the kernels that are not elementwise: from a dtype to a type, and walks over rows.
//
// Walker visits the positions of several views of the same shape, without one dimension if asked,
// in row-major order, after merging the dimensions that lie behind one another.  for_rows spreads
// the positions over the threads.  Not for *_isa.cpp files (see dispatch.h).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "core/error.h"
#include "kernels/parallel.h"
#include "kernels/view.h"

namespace pullback::kernels {

// How many elements a thread takes at once.
inline constexpr std::int64_t kBlockElements = 32768;

[[noreturn]] inline void report_no_kernel(DType dtype) {
  fail("internal error: a kernel got elements of dtype ", name(dtype), ". Please report it.");
}

// Calls body.template operator()<T>() with the C++ type of the dtype.  Others than those with loops
// of their own do not get here (NOTE [Narrow types] in kernels/narrow.h).
template <typename Body>
decltype(auto) visit(DType dtype, Body&& body) {
  switch (dtype) {
    case DType::Bool:
      return body.template operator()<bool>();
    case DType::UInt8:
      return body.template operator()<std::uint8_t>();
    case DType::Int32:
      return body.template operator()<std::int32_t>();
    case DType::Int64:
      return body.template operator()<std::int64_t>();
    case DType::Float32:
      return body.template operator()<float>();
    case DType::Float64:
      return body.template operator()<double>();
    case DType::Int8:
    case DType::Int16:
    case DType::Float16:
    case DType::BFloat16:
    case DType::Complex64:
    case DType::Complex128:
      break;
  }
  report_no_kernel(dtype);
}

// The same for kernels that compute with complex numbers, too.
template <typename Body>
decltype(auto) visit_or_complex(DType dtype, Body&& body) {
  if (dtype == DType::Complex64) return body.template operator()<std::complex<float>>();
  if (dtype == DType::Complex128) return body.template operator()<std::complex<double>>();
  return visit(dtype, body);
}

template <typename Body>
decltype(auto) visit_floating(DType dtype, const char* what, Body&& body) {
  if (dtype == DType::Float32) return body.template operator()<float>();
  check(dtype == DType::Float64, what, ": not implemented for ", name(dtype));
  return body.template operator()<double>();
}

// The one of two that is made for the dtype.
template <typename T>
const T& of_floating(DType dtype, const T& float32, const T& float64) {
  if (dtype == DType::Float32) return float32;
  if (dtype != DType::Float64) [[unlikely]]
    report_no_kernel(dtype);
  return float64;
}

// By size only, for kernels that move elements without looking at them.
template <typename Body>
decltype(auto) visit_size(DType dtype, Body&& body) {
  switch (item_size(dtype)) {
    case 1:
      return body.template operator()<std::uint8_t>();
    case 2:
      return body.template operator()<std::uint16_t>();
    case 4:
      return body.template operator()<std::uint32_t>();
    case 8:
      return body.template operator()<std::uint64_t>();
    case 16:
      return body.template operator()<std::complex<double>>();
  }
  report_no_kernel(dtype);
}

// A tensor without dimensions has one row of one element along "dimension 0".
inline std::int64_t dim_size(const View& v, int dim) { return v.ndim == 0 ? 1 : v.sizes[dim]; }
inline std::int64_t dim_stride(const View& v, int dim) { return v.ndim == 0 ? 1 : v.strides[dim]; }

template <typename T>
bool is_nan(T value) {
  return value != value;
}

// a + b, a * b that wrap around for integers.
template <typename T>
T add_wrapping(T a, T b) {
  if constexpr (!std::is_integral_v<T>)
    return a + b;
  else
    return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
template <typename T>
T multiply_wrapping(T a, T b) {
  if constexpr (!std::is_integral_v<T>)
    return a * b;
  else
    return static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
}

template <int N>
class Walker {
 public:
  // `skip` is a dimension left out, or -1.  The sizes are those of the first view.
  Walker(const std::array<const View*, N>& views, int skip) {
    const View& first = *views[0];
    for (int i = 0; i < N; ++i) pointers_[i] = views[i]->data;
    for (int d = 0; d < first.ndim; ++d) {
      if (d == skip) continue;
      const std::int64_t size = first.sizes[d];
      count_ *= size;
      if (size == 1) continue;
      std::int64_t bytes[N];
      for (int i = 0; i < N; ++i) {
        bytes[i] = views[i]->strides[d] * static_cast<std::int64_t>(item_size(views[i]->dtype));
      }
      bool merges = ndim_ > 0;
      for (int i = 0; i < N && merges; ++i) merges = strides_[ndim_ - 1][i] == bytes[i] * size;
      if (merges) {
        sizes_[ndim_ - 1] *= size;
      } else {
        sizes_[ndim_++] = size;
      }
      for (int i = 0; i < N; ++i) strides_[ndim_ - 1][i] = bytes[i];
    }
  }

  std::int64_t count() const { return count_; }
  char* operator[](int i) const { return pointers_[i]; }
  int ndim() const { return ndim_; }
  // Of the innermost merged dimension.
  std::int64_t inner_size() const { return ndim_ == 0 ? 1 : sizes_[ndim_ - 1]; }
  std::int64_t inner_stride(int i) const { return ndim_ == 0 ? 0 : strides_[ndim_ - 1][i]; }

  // From the start to the position of a linear index.
  void seek(std::int64_t linear) {
    for (int d = ndim_ - 1; d >= 0; --d) {
      at_[d] = linear % sizes_[d];
      linear /= sizes_[d];
      for (int i = 0; i < N; ++i) pointers_[i] += at_[d] * strides_[d][i];
    }
  }

  void next() { advance(ndim_ - 1); }
  // To the start of the next innermost row, from the start of one.
  void next_inner_row() { advance(ndim_ - 2); }

 private:
  void advance(int d) {
    for (; d >= 0; --d) {
      for (int i = 0; i < N; ++i) pointers_[i] += strides_[d][i];
      if (++at_[d] < sizes_[d]) return;
      for (int i = 0; i < N; ++i) pointers_[i] -= sizes_[d] * strides_[d][i];
      at_[d] = 0;
    }
  }

  int ndim_ = 0;
  std::int64_t count_ = 1;
  char* pointers_[N];
  std::int64_t sizes_[kMaxDims];
  std::int64_t at_[kMaxDims] = {};
  std::int64_t strides_[kMaxDims][N];
};

// Calls body(walker) at every position of all dimensions but `skip`; row_cost is the number of
// elements one call works on.
template <std::size_t N, typename Body>
void for_rows(const std::array<const View*, N>& views, int skip, std::int64_t row_cost,
              Body&& body) {
  const Walker<N> start(views, skip);
  const std::int64_t grain =
      std::max<std::int64_t>(1, kBlockElements / std::max<std::int64_t>(1, row_cost));
  parallel_for(start.count(), grain, [&](std::int64_t begin, std::int64_t end) {
    Walker<N> walker = start;
    if (begin != 0) walker.seek(begin);
    for (std::int64_t i = begin; i < end; ++i) {
      body(walker);
      walker.next();
    }
  });
}

// Calls body(inner pointers..., n) for every innermost row of the elements, in order, in this
// thread: the sequential walk of masked and random kernels.
template <std::size_t N, typename Body>
void for_elements(const std::array<const View*, N>& views, Body&& body) {
  Walker<N> walker(views, -1);
  const std::int64_t n = walker.inner_size();
  const std::int64_t rows = n == 0 ? 0 : walker.count() / n;
  for (std::int64_t row = 0; row < rows; ++row) {
    body(walker, n);
    walker.next_inner_row();
  }
}

}  // namespace pullback::kernels
