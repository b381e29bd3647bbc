// See meta.h.
#include "graph/meta.h"

#include "core/error.h"

namespace pullback {

void set_tangent(const Tensor& tensor, Tensor tangent) {
  if (!tangent.defined()) return;
  make_meta(tensor).tangent = std::move(tangent);
  tensor.set(kDual, true);
}

Tensor make_batched(const Tensor& batch, int level) {
  check(batch.ndim() > 0, "vmap: got a tensor without dimensions, expected a batch dimension.");
  const Sizes sizes = batch.sizes().subspan(1);
  const Sizes strides = batch.strides().subspan(1);
  Tensor wrapper = Tensor::over(Storage::foreign(nullptr, 0, nullptr, [](void*) {}), nullptr, sizes,
                                strides, batch.dtype());
  wrapper.set(kBatched, true);
  AutogradMeta& meta = make_meta(wrapper);
  meta.batch = batch;
  meta.level = level;
  return wrapper;
}

}  // namespace pullback
