// Memory formats: the strides that they stand for, and the format that a result takes over.
//
// channels_last lays out [batch, channels, height, width] with the channels innermost,
// channels_last_3d the same with a depth.  Operators on images give results in the format of their
// input, or of the weight; the kernels fill row-major memory, which is copied over (`Laid`).
#pragma once

#include "core/tensor.h"
#include "ops/operation.h"
#include "ops/workspace.h"

namespace pullback {

// RuntimeError if the format is of another number of dimensions.  Not for Preserve.
Dims strides_in(MemoryFormat format, Sizes sizes);
Tensor empty_in(MemoryFormat format, Sizes sizes, DType dtype);
bool is_in(MemoryFormat format, const Tensor& t);

// A format of images is refused inside of a batch, whose dimension it does not count.
void check_outside_of_batch(MemoryFormat format);

// What the strides look like: channels last, or Contiguous for all others.
MemoryFormat format_of(const Tensor& t);
// Of an image and a weight: either decides.
MemoryFormat format_of(const Tensor& image, const Tensor& weight);

// The result itself, or a recorded copy in the format.
Tensor laid_out(const Tensor& result, MemoryFormat format);

// Row-major memory in which a kernel fills a result of any layout; declared as k of the workspace.
class Laid {
 public:
  Laid(const Tensor& out, const Workspace& w, int k) : out_(out), dense_(w[k]) {}
  const Tensor& memory() const { return dense_.defined() ? dense_ : out_; }
  void finish() const;

 private:
  const Tensor& out_;
  const Tensor& dense_;
};

}  // namespace pullback
