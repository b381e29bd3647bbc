// Parts of a tensor's memory in any geometry.
#pragma once

#include <optional>

#include "core/tensor.h"

namespace pullback {

// The elements of a part among those of the whole, both as they lie in memory.  Where one of them
// is complex and the other one shows its parts, they are seen as pairs of real numbers.
struct Part {
  Dims sizes;
  Dims strides;
  std::int64_t offset;  // from the first element of the whole
  Dims whole;
  Dims whole_strides;
  bool pairs = false;

  Part batched(std::int64_t batch) const;
};

Part part_of(const Tensor& view, const Tensor& base);
// Throws when elements of the part share their memory, or when it reaches out of the whole.
void check_replaceable(const Part& part);
// The part of a tensor of the whole's shape, as a copy.  Recorded.
Tensor take_part(const Part& part, const Tensor& whole);
// A copy of the whole with other values in the part.  Recorded.
Tensor replace_part(const Part& part, const Tensor& whole, const Tensor& values);
// Gives `whole`, whose memory has the values already, the history of replace_part (CopySlices).
void record_replaced_part(const Part& part, const Tensor& whole, const Tensor& values);
// Elements of the storage before the first one; of a batched tensor that of its first example.
std::int64_t memory_offset(const Tensor& t);
// The view of any geometry; the offset counts from where the storage begins.
Tensor as_strided(const Tensor& input, const Dims& size, const Dims& stride,
                  std::optional<std::int64_t> storage_offset);
// A view of `base` with the geometry of `view`, which shares its memory.  Recorded.
Tensor view_as_strided(const Tensor& base, const Tensor& view);

}  // namespace pullback
