// Reading and writing at positions: x[...], gather, scatter and their relatives.
//
// All functions are recorded.  Index tensors are int64 (int32 and uint8 where torch takes them),
// masks are bool.  Writing functions other than index_assign return a changed copy.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/tensor.h"
#include "ops/operand.h"

namespace pullback {

// One item between the brackets of x[...].
struct IndexItem {
  enum class Kind : std::uint8_t { Int, Slice, NewAxis, Ellipsis, Tensor, Bool };
  Kind kind = Kind::Slice;
  bool flag = false;       // Bool: its value
  bool in_tuple = false;   // Slice: x[a:b,], which is the tensor itself when it takes everything
  std::int64_t start = 0;  // Int: the position; Slice: clipped to the size, as in Python
  std::int64_t stop = kEnd;
  std::int64_t step = 1;
  pullback::Tensor tensor;

  static constexpr std::int64_t kEnd = INT64_MAX;
};

// x[items...]: a view as long as no item is a tensor or a bool.
Tensor index(const Tensor& input, std::span<const IndexItem> items);
// x[indices[0], indices[1], ...]; an undefined tensor stands for `:`.
Tensor index(const Tensor& input, const std::vector<Tensor>& indices);
// A copy with values (broadcast) put at the same positions.
Tensor index_put(const Tensor& input, const std::vector<Tensor>& indices, const Tensor& values,
                 bool accumulate = false);

// x[items...] = value, in place and not recorded; refuses where it would have to be.
void index_assign(const Tensor& target, std::span<const IndexItem> items, const Operand& value);

Tensor gather(const Tensor& input, std::int64_t dim, const Tensor& index);
Tensor scatter(const Tensor& input, std::int64_t dim, const Tensor& index, const Tensor& src);
Tensor scatter_value(const Tensor& input, std::int64_t dim, const Tensor& index, Scalar value);
// reduce: sum, prod, mean, amax or amin.
Tensor scatter_reduce(const Tensor& input, std::int64_t dim, const Tensor& index, const Tensor& src,
                      std::string_view reduce, bool include_self = true);
Tensor scatter_add(const Tensor& input, std::int64_t dim, const Tensor& index, const Tensor& src);
// torch's checks of scatter's arguments; the index as int64 and the part of src that it covers.
struct ScatterArguments {
  int dim;
  Tensor index;
  Tensor src;
};
ScatterArguments check_scatter(const Tensor& input, std::int64_t dim, const Tensor& index,
                               const Tensor& src);
Tensor take_along_dim(const Tensor& input, const Tensor& indices,
                      std::optional<std::int64_t> dim = std::nullopt);
Tensor take(const Tensor& input, const Tensor& index);

Tensor index_select(const Tensor& input, std::int64_t dim, const Tensor& index);
Tensor index_add(const Tensor& input, std::int64_t dim, const Tensor& index, const Tensor& source,
                 Scalar alpha = Scalar(1));
Tensor index_copy(const Tensor& input, std::int64_t dim, const Tensor& index, const Tensor& source);
Tensor index_fill(const Tensor& input, std::int64_t dim, const Tensor& index, Scalar value);
// The positions with the negative ones, which count from the end, made positive.
Tensor from_end(const Tensor& index, std::int64_t size);

Tensor masked_select(const Tensor& input, const Tensor& mask);
Tensor masked_scatter(const Tensor& input, const Tensor& mask, const Tensor& source);

// Positions of the elements that are not zero, [n, ndim], and one column each.
Tensor nonzero(const Tensor& input);
std::vector<Tensor> nonzero_tuple(const Tensor& input);

}  // namespace pullback
