// See meta.h.
#include "graph/meta.h"

#include "core/error.h"

namespace pullback {

void set_tangent(const Tensor& tensor, Tensor tangent) {
  if (!tangent.defined()) return;
  make_meta(tensor).tangent = std::move(tangent);
  tensor.set(kDual, true);
}

Tensor primal_of(const Tensor& tensor) {
  if (!tensor.has(kDual)) return tensor;
  Tensor primal;
  if (tensor.has(kBatched)) {
    const AutogradMeta& meta = *meta_of(tensor);
    primal = make_batched(meta.batch, meta.level);
  } else {
    primal = tensor.detach();
  }
  // The history stays: forward over reverse needs both.
  primal.body()->grad_fn = tensor.body()->grad_fn;
  primal.body()->output_nr = tensor.body()->output_nr;
  primal.set(kRequiresGrad, tensor.requires_grad() && !tensor.is_leaf());
  return primal;
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
