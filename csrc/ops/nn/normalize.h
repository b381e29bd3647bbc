// The part that batch, layer, group and instance normalisation share.
#pragma once

#include <array>
#include <optional>

#include "core/tensor.h"

namespace pullback {

// Of [outer, groups, inner]: the values minus the mean of their group, divided by its standard
// deviation, times weight plus bias; and the moments [3, groups]: mean, variance, 1 / sqrt(variance
// + eps), which are constants to the graph.  Weight and bias have kinds * channels elements: a
// group takes row number (group % kinds), each element of which stands for inner / channels
// neighbours.  Recorded.
struct NormalizeForm {
  std::int64_t kinds, channels;
};
std::array<Tensor, 2> normalize(const Tensor& input, const std::optional<Tensor>& weight,
                                const std::optional<Tensor>& bias, NormalizeForm form, double eps);

// The same without a mean and a deviation: input times scale plus shift.  Recorded.
Tensor scale_channels(const Tensor& input, const Tensor& scale, const Tensor& shift,
                      NormalizeForm form);

}  // namespace pullback
