// Where things stand in x[indices]: which dimensions are indexed, and the geometry of the result.
#pragma once

#include "ops/op.h"

namespace pullback {

// Which dimensions are indexed, and where their common shape stands in the result.
struct IndexPlan {
  Dims dims;   // rising
  int at;      // the place of the common shape among the dimensions that are left
  int width;   // its number of dimensions
  Dims whole;  // the sizes of the tensor that is indexed
  DType dtype;
  const char* node = "IndexBackward0";

  // The indexed dimensions in front.
  Dims front_order() const;
  // The same for a result: the common shape in front.
  Dims result_order() const;
  Dims result_sizes(const Dims& common) const;
  // Of a result of these sizes for x and the indices: as torch's iterator over x, without the
  // indexed dimensions, and over the indices has them.
  Dims result_strides(In in, const Dims& sizes) const;
  IndexPlan batched(std::int64_t batch) const;
};

}  // namespace pullback
