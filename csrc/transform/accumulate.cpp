// See accumulate.h.
#include "transform/accumulate.h"

#include "graph/meta.h"
#include "graph/mode.h"
#include "graph/saved.h"
#include "kernels/elementwise.h"
#include "kernels/parallel.h"
#include "ops/assign.h"
#include "ops/basic.h"
#include "ops/destination.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"

namespace pullback {
namespace {

bool is_dense(const Tensor& t) {
  return t.is_contiguous() || pullback::is_dense(t.sizes(), t.strides());
}

// Nobody else can see the memory: one tensor has it, which only `holders` of the engine's hold, and
// no object that Python may get at by a weak reference.
bool is_ours(const Tensor& t, std::uint32_t holders = 1) {
  const TensorBody* body = t.body();
  return body->refs.get() == holders && body->storage->refs.get() == 1 && !body->storage->deleter &&
         !(body->raw_flags & (kBatched | kReadOnly | kInference | kAnyGrad | kOwnsHandle)) &&
         is_dense(t);
}

void add_into(const Tensor& sum, const Tensor& term) {
  const std::int64_t n = sum.numel();
  if (n == 0) return;
  if (sum.is_contiguous() && term.is_contiguous()) {
    const auto item = static_cast<std::int64_t>(item_size(sum.dtype()));
    const kernels::BinaryLoop loop = kernels::binary<"add">->loop(sum.dtype());
    if (n <= 16384 && loop) {
      return loop(sum.bytes(), sum.bytes(), term.bytes(), item, item, item, n, nullptr);
    }
  }
  kernels::apply(kernels::binary<"add">, view_of(sum), {view_of(sum), view_of(term)});
}

// Whether add_into can do it.
bool is_plain_sum(const Tensor& sum, const Tensor& term) {
  return is_single(sum) && is_single(term) && !sum.has(kReadOnly) && !sum.has(kInference) &&
         is_dense(sum) && sum.dtype() == term.dtype() && same(sum.sizes(), term.sizes());
}

// sum.add_(term), with its tangents and its refusals.
void add_in_place(const Tensor& sum, const Tensor& term) {
  write_in_place(
      "add", sum, true, [&](Destination& destination) { destination.add_operand(term); },
      [&] { return add(sum, term); });
}

// The layout of a leaf's gradient is the leaf's where that is dense, else row-major.
bool fits(const Tensor& gradient, const Tensor& leaf) {
  return is_dense(leaf) ? same(gradient.strides(), leaf.strides()) || leaf.numel() <= 1
                        : gradient.is_contiguous();
}

Tensor copy_for(const Tensor& leaf, const Tensor& gradient) {
  if (!is_dense(leaf)) return clone(gradient, MemoryFormat::Contiguous);
  const Tensor copy = empty_strided_like(leaf, leaf.dtype());
  if (mode.inference) copy.set(kInference, true);
  return copy_into(copy, gradient);
}

// .grad is another tensor where Python may know the one that arrived, and, as in torch, has no
// tangent.
Tensor taken(Tensor gradient) {
  const TensorBody* body = gradient.body();
  const bool shared = body->refs.get() > 1 || body->handle || gradient.is_dual();
  return shared ? gradient.detach() : gradient;
}

}  // namespace

void detail::add_to_slot(Tensor& slot, const Tensor& gradient, bool create_graph) {
  if (is_ours(slot) && !(create_graph && gradient.requires_grad()) &&
      is_plain_sum(slot, gradient)) {
    add_into(slot, gradient);
  } else {
    slot = add(slot, gradient);
  }
}

void accumulate_grad(const Tensor& tensor, Tensor gradient, bool create_graph,
                     std::uint32_t holders) {
  const kernels::KeepInterpreterLock whole;
  AutogradMeta& meta = make_meta(tensor);
  if (mode.watch && !create_graph && meta.grad.defined()) mode.watch->before_write(meta.grad);
  if (create_graph) {
    Tensor before;  // dies without the lock
    {
      const LeafLock lock(tensor.body());
      Tensor sum = meta.grad.defined() ? add(meta.grad, gradient) : copy_for(tensor, gradient);
      before = std::exchange(meta.grad, std::move(sum));
    }
    note_grad(tensor);
    return;
  }
  const LeafLock lock(tensor.body());
  if (!meta.grad.defined()) {
    const bool takes = is_ours(gradient, holders) && fits(gradient, tensor);
    meta.grad = takes ? taken(std::move(gradient)) : copy_for(tensor, gradient);
  } else if (is_plain_sum(meta.grad, gradient)) {
    add_into(meta.grad, gradient);
    meta.grad.bump_version();
  } else {
    add_in_place(meta.grad, gradient);
  }
}

}  // namespace pullback
