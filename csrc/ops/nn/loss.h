// Losses: what the files of the family share.
//
// A loss of elements is followed by a reduction: none, the sum, or the mean.
#pragma once

#include <optional>
#include <string_view>

#include "core/tensor.h"

namespace pullback {

enum class Reduction : std::uint8_t { None, Mean, Sum };

// Reads `reduction`; the old pair size_average and reduce overrides it where it is given.
Reduction reduction_of(std::string_view reduction, const std::optional<bool>& size_average = {},
                       const std::optional<bool>& reduce = {});
Tensor reduce_loss(const Tensor& losses, Reduction reduction);

Tensor nll_loss(const Tensor& input, const Tensor& target, const std::optional<Tensor>& weight = {},
                std::int64_t ignore_index = -100, Reduction reduction = Reduction::Mean);

}  // namespace pullback
