// See zero.h.
#include "transform/zero.h"

#include <algorithm>

#include "graph/meta.h"
#include "graph/mode.h"
#include "ops/basic.h"

namespace pullback {
namespace {

bool is_zero(const Tensor& t) {
  if (t.has(kBatched) || !is_differentiable(t.dtype())) return false;
  const GradMode off(false);
  if (is_complex(t.dtype())) return is_zero(view_as_real(t));
  const Tensor values = widened(t.is_contiguous() ? t : clone(t, MemoryFormat::Contiguous));
  const auto scan = [n = values.numel()](const auto* data) {
    return std::all_of(data, data + n, [](auto value) { return value == 0; });
  };
  return values.dtype() == DType::Float32 ? scan(values.data<float>())
                                          : scan(values.data<double>());
}

}  // namespace

bool are_zero(std::span<const Tensor> gradients) {
  return std::all_of(gradients.begin(), gradients.end(),
                     [](const Tensor& t) { return !t.defined() || is_zero(t); });
}

}  // namespace pullback
