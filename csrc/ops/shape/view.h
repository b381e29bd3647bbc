// Views: what other operators need beyond ops/basic.h; select, slice and narrow are in indexing.h.
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

// A view of everything.
Tensor alias_view(const Tensor& input, const char* node = "AliasBackward0");
Tensor view(const Tensor& input, const Dims& shape);
Tensor t(const Tensor& input);
Tensor flatten(const Tensor& input, std::int64_t start_dim = 0, std::int64_t end_dim = -1);
Tensor movedim(const Tensor& input, const Dims& source, const Dims& destination);
Tensor diagonal(const Tensor& input, std::int64_t offset = 0, std::int64_t dim1 = 0,
                std::int64_t dim2 = 1);
// Several views recorded as one node.
std::vector<Tensor> split(const Tensor& input, std::int64_t split_size, std::int64_t dim = 0);
std::vector<Tensor> split_with_sizes(const Tensor& input, const Dims& split_sizes,
                                     std::int64_t dim = 0);
std::vector<Tensor> unbind(const Tensor& input, std::int64_t dim = 0);

std::vector<Tensor> meshgrid(const std::vector<Tensor>& tensors,
                             std::optional<std::string_view> indexing);

// No views: copies with the elements in other places.
Tensor flip(const Tensor& input, const Dims& dims);
Tensor diag_embed(const Tensor& input, std::int64_t offset = 0, std::int64_t dim1 = -2,
                  std::int64_t dim2 = -1);
Tensor triu(const Tensor& input, std::int64_t diagonal = 0);
Tensor tril(const Tensor& input, std::int64_t diagonal = 0);

}  // namespace pullback
