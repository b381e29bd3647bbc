// See meta.h.
#include "graph/meta.h"

#include <algorithm>

#include "core/error.h"
#include "graph/node.h"

namespace pullback {

// Forgets its place in the node's list when the tensor dies.
class Retention {
 public:
  Retention(const Tensor& tensor, Ref<Node> node) : body_(tensor.body()), node_(std::move(node)) {
    node_->make_extra().retained.push_back(body_);
  }
  ~Retention() { std::erase(node_->make_extra().retained, body_); }
  Retention(const Retention&) = delete;
  Retention& operator=(const Retention&) = delete;

 private:
  TensorBody* body_;
  Ref<Node> node_;
};

AutogradMeta::AutogradMeta() = default;
AutogradMeta::~AutogradMeta() = default;

void retain_grad(const Tensor& tensor) {
  if (tensor.is_leaf()) return;
  AutogradMeta& meta = make_meta(tensor);
  if (meta.retention) return;
  meta.retention = std::make_unique<Retention>(tensor, Ref<Node>::share(node_of(tensor)));
  tensor.set(kRetainsGrad, true);
}

void move_retention(const Tensor& tensor) {
  AutogradMeta* meta = meta_of(tensor);
  if (!meta || !meta->retention) return;
  meta->retention = nullptr;
  if (Node* node = node_of(tensor)) {
    meta->retention = std::make_unique<Retention>(tensor, Ref<Node>::share(node));
  }
}

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
