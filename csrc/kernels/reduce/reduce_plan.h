// How one reduction works: which inner loop, what is loaded into it, how its result is stored.
//
// Private to the reductions.  A Plan is made once for a call; a Region describes the elements of
// one output; load() reads them into a buffer where the inner loop cannot read them in place.
#pragma once

#include <cstdlib>

#include "kernels/reduce/reduce.h"
#include "kernels/reduce/reduce_kernels.h"
#include "kernels/rows.h"

namespace pullback::kernels {

// Elements that one call of a row kernel reduces.
inline constexpr std::int64_t kReduceBlock = 1024;

enum class Load : std::uint8_t { Plain, NonZero, Abs, Power, Deviation };
enum class Finish : std::uint8_t { Plain, Sqrt, Root };

// What is done to the elements of one output.
struct Plan {
  RowKernel kernel;           // reads what was loaded
  RowKernel::Function merge;  // adds accumulators to accumulators
  bool adds = false;          // which are doubles and summed, so that one needs no call
  DType accumulator;
  DType loaded;  // the element type the kernel reads
  Load load = Load::Plain;
  Finish finish = Finish::Plain;
  double param = 0;
};

Plan make_plan(RowOp op, DType loaded);
Plan make_plan(Reduce op, DType in, double param);

// Writes n finished accumulators to strided outputs (stride in bytes).
void store(char* out, DType dtype, std::int64_t stride, const void* accumulators, std::int64_t n,
           const Plan& plan);

// The elements that go into one output, strides in bytes, the largest first.
struct Region {
  int ndim = 0;
  std::int64_t count = 1;
  std::int64_t sizes[kMaxDims];
  std::int64_t strides[kMaxDims];

  std::int64_t inner() const { return ndim == 0 ? 1 : sizes[ndim - 1]; }
  std::int64_t inner_stride() const { return ndim == 0 ? 0 : strides[ndim - 1]; }

  void add(std::int64_t size, std::int64_t stride) {
    count *= size;
    if (size == 1) return;
    int at = ndim++;
    for (; at > 0 && std::abs(strides[at - 1]) < std::abs(stride); --at) {
      sizes[at] = sizes[at - 1];
      strides[at] = strides[at - 1];
    }
    sizes[at] = size;
    strides[at] = stride;
  }

  void merge() {
    int kept = 0;
    for (int d = 1; d < ndim; ++d) {
      if (strides[kept] == strides[d] * sizes[d]) {
        sizes[kept] *= sizes[d];
      } else {
        sizes[++kept] = sizes[d];
      }
      strides[kept] = strides[d];
    }
    ndim = ndim == 0 ? 0 : kept + 1;
  }

  // The byte offset of an element, and how many follow it in its innermost row (itself included).
  std::int64_t offset(std::int64_t linear, std::int64_t* left) const {
    std::int64_t bytes = 0;
    *left = 1;
    for (int d = ndim - 1; d >= 0; --d) {
      const std::int64_t at = linear % sizes[d];
      if (d == ndim - 1) *left = sizes[d] - at;
      bytes += at * strides[d];
      linear /= sizes[d];
    }
    return bytes;
  }
};

// The kept dimensions of input and output, and the reduced ones of the input.
struct Split {
  Region reduced;
  int ndim = 0;
  std::int64_t count = 1;
  std::int64_t sizes[kMaxDims];
  std::int64_t in[kMaxDims];   // bytes
  std::int64_t out[kMaxDims];  // bytes
  std::int64_t mean[kMaxDims];

  Split(const View& out_view, const View& in_view, const View* mean_view = nullptr) {
    const auto in_item = static_cast<std::int64_t>(item_size(in_view.dtype));
    const auto out_item = static_cast<std::int64_t>(item_size(out_view.dtype));
    for (int d = 0; d < in_view.ndim; ++d) {
      const std::int64_t size = in_view.sizes[d];
      const std::int64_t stride = in_view.strides[d] * in_item;
      if (out_view.sizes[d] == 1) {
        reduced.add(size, stride);
        continue;
      }
      count *= size;
      const std::int64_t out_stride = out_view.strides[d] * out_item;
      const std::int64_t mean_stride = mean_view == nullptr ? 0 : mean_view->strides[d] * out_item;
      if (ndim > 0 && in[ndim - 1] == stride * size && out[ndim - 1] == out_stride * size &&
          mean[ndim - 1] == mean_stride * size) {
        sizes[ndim - 1] *= size;
      } else {
        sizes[ndim++] = size;
      }
      in[ndim - 1] = stride;
      out[ndim - 1] = out_stride;
      mean[ndim - 1] = mean_stride;
    }
    reduced.merge();
  }

  // Byte offsets of one output.
  void offsets(std::int64_t linear, std::int64_t* in_bytes, std::int64_t* out_bytes,
               std::int64_t* mean_bytes = nullptr) const {
    *in_bytes = *out_bytes = 0;
    std::int64_t mean_at = 0;
    for (int d = ndim - 1; d >= 0; --d) {
      const std::int64_t at = linear % sizes[d];
      linear /= sizes[d];
      *in_bytes += at * in[d];
      *out_bytes += at * out[d];
      mean_at += at * mean[d];
    }
    if (mean_bytes != nullptr) *mean_bytes = mean_at;
  }
};

// Loads elements begin..begin+n of the region at base into a buffer, transformed as the plan says.
void load(const Plan& plan, DType in, const char* base, const Region& region, std::int64_t begin,
          std::int64_t n, void* buffer);

}  // namespace pullback::kernels
