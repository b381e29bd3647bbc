// See meta.h.
#include "graph/meta.h"

#include "core/error.h"

namespace pullback {

void set_tangent(const Tensor& tensor, Tensor tangent) {
  if (!tangent.defined()) return;
  make_meta(tensor).tangent = std::move(tangent);
  tensor.set(kDual, true);
}

Tensor without_tangent(const Tensor& tensor) {
  Tensor copy = tensor.has(kBatched) ? make_batched(meta_of(tensor)->batch, meta_of(tensor)->level)
                                     : tensor.detach();
  copy.body()->grad_fn = tensor.body()->grad_fn;
  copy.body()->output_nr = tensor.body()->output_nr;
  copy.set(kRequiresGrad, tensor.requires_grad());
  return copy;
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
