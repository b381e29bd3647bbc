// What an in-place write does to histories.
//
// NOTE [Rebasing]
// A recorded write into a tensor that is no view gives the tensor a new history: that of the
// result.  A write through a view changes its base: the base's new history is the node CopySlices,
// whose inputs are the base before the write and the result of the operation, and the view's is a
// view (AsStrided) of the new base.  Nodes that exist stay as they are (NOTE [Order]).
//
// The other views of the base learn of it late: a view notes the version of the memory that its
// history belongs to, and whoever is about to use the history of a view calls `refresh` first,
// which makes a new one from the base's when the memory was written since.  Edge refuses a stale
// view, so a place that forgets to is an error and never a wrong gradient.
//
// A view and a base of which one got other memory (ops/exchange.h) know nothing of each other's
// writes: the view keeps the history that it has, and what would need a new one is refused.
#pragma once

#include "core/tensor.h"
#include "ops/op.h"

namespace pullback {

// Makes the history (and tangent) of a stale view anew from its base.  Throws for a view whose
// history cannot follow: one of several made by one node, or one made under no_grad.
void refresh_view(const Tensor& view);
inline void refresh(const Tensor& tensor) {
  if (tensor.body()->is_stale()) [[unlikely]]
    refresh_view(tensor);
}
// The same whether or not operations are being recorded, for who asks for the history itself.
inline void refresh_history(const Tensor& tensor) {
  if (!tensor.body()->is_stale()) return;
  const GradMode on(true);
  refresh_view(tensor);
}

// What is written into the tensor is recorded: it requires a gradient, or its base does.
bool joins_graph(const Tensor& target);
// Throws when a write into `target` cannot be recorded.
void check_rebase(const char* name, const Tensor& target);
// Gives `target`, whose memory holds the value of `result` already, the history and the tangent of
// `result`, which may be `target` itself with the history that the operator gave it.
void rebase(const Tensor& target, const Tensor& result);

}  // namespace pullback
