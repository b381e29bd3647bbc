// Tensors that get other memory or another geometry while they stay the same objects: `x.data = y`,
// `set_`, `resize_`, `out=` of another shape, and the in-place views (`t_`, `squeeze_`, ...).
//
// A view and its base that no longer share their memory (TensorBody::shares_base) stay view and
// base, but a history cannot follow from one to the other: see NOTE [Rebasing].
#pragma once

#include "core/error.h"
#include "core/tensor.h"
#include "graph/meta.h"
#include "graph/mode.h"
#include "graph/node.h"
#include "ops/basic.h"
#include "ops/rebase.h"

namespace pullback {

// The same memory in a storage that has a version counter of its own (.data).
Ref<Storage> twin_storage(const Ref<Storage>& storage);

// Makes `target` refer to the memory of `source` and share its version counter.
void replace_geometry(const Tensor& target, const Tensor& source);
// The same with a version counter that goes on counting as that of `target` did (`.data = source`).
void exchange_memory(const Tensor& target, const Tensor& source);
// Row-major in these sizes, in the same memory while that is large enough (resize_, out=).
void resize_memory(const char* name, const Tensor& target, Sizes sizes);

// The tensor becomes a view of itself, which `make` makes: its geometry and its history change.
template <typename Make>
Tensor become_view(const char* name, const Tensor& x, Make make) {
  check(ErrorKind::NotImplemented, !x.has(kBatched), name,
        ": in-place views inside vmap are not supported. Use the form without underscore.");
  check_changeable(name, x);
  const Tensor view = make();
  replace_geometry(x, view);
  x.note_write();
  if (!x.has(kFollowsBase)) {
    rebase(x, view);
  } else if (!view.has(kDual)) {  // else both are made anew from the base
    if (view.requires_grad() && mode.grad) {
      set_history(x, node_of(view), view.body()->output_nr);
      move_retention(x);
    }
    x.body()->seen_version = x.version();
  }
  return x;
}

}  // namespace pullback
