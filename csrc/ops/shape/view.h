// Views: what other operators need beyond ops/basic.h.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "core/tensor.h"

namespace pullback {

// Finds strides that show x in new sizes without a copy; false when there are none.
bool view_strides(const Tensor& x, Sizes sizes, Dims& strides);
// Replaces a size of -1 by what is left of numel; throws torch's errors.
Dims infer_sizes(Sizes wanted, std::int64_t numel);

// Dimension numbers counted from the front, each at most once.
Dims wrap_dims(const Dims& dims, int ndim);

Tensor view(const Tensor& input, const Dims& shape);
Tensor t(const Tensor& input);
Tensor flatten(const Tensor& input, std::int64_t start_dim = 0, std::int64_t end_dim = -1);
Tensor movedim(const Tensor& input, const Dims& source, const Dims& destination);
Tensor diagonal(const Tensor& input, std::int64_t offset = 0, std::int64_t dim1 = 0,
                std::int64_t dim2 = 1);
// `start` and `stop` are clipped as in Python.
Tensor select(const Tensor& input, std::int64_t dim, std::int64_t index);
Tensor slice(const Tensor& input, std::int64_t dim, std::int64_t start, std::int64_t stop,
             std::int64_t step = 1);
Tensor narrow(const Tensor& input, std::int64_t dim, std::int64_t start, std::int64_t length);
// Without the dimensions of size 1.
Tensor squeeze_all(const Tensor& input);
// In place: the tensor itself gets other sizes.
Tensor transpose_(const Tensor& input, std::int64_t dim0, std::int64_t dim1);
Tensor squeeze_dim_(const Tensor& input, std::int64_t dim);
// Several views recorded as one node.
std::vector<Tensor> split(const Tensor& input, std::int64_t split_size, std::int64_t dim = 0);
std::vector<Tensor> split_with_sizes(const Tensor& input, const Dims& split_sizes,
                                     std::int64_t dim = 0);
std::vector<Tensor> unbind(const Tensor& input, std::int64_t dim = 0);

std::vector<Tensor> meshgrid(const std::vector<Tensor>& tensors,
                             std::optional<std::string_view> indexing);

// The elements in another shape; not a view for the user: the memory has no other owner.
Tensor unsafe_view(const Tensor& input, const Dims& sizes,
                   const char* node = "UnsafeViewBackward0");

// No views: copies with the elements in other places.
Tensor flip(const Tensor& input, const Dims& dims);
Tensor diag_embed(const Tensor& input, std::int64_t offset = 0, std::int64_t dim1 = -2,
                  std::int64_t dim2 = -1);
Tensor triu(const Tensor& input, std::int64_t diagonal = 0);
Tensor tril(const Tensor& input, std::int64_t diagonal = 0);

}  // namespace pullback
