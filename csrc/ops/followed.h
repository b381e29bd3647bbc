// Whether a derivative may be computed by a kernel that has none of its own.
#pragma once

#include <initializer_list>

#include "core/tensor.h"
#include "graph/meta.h"
#include "graph/mode.h"

namespace pullback {

// Whether what is computed of these is recorded, or has tangents; undefined ones do not count.  A
// batch has what belongs to the levels around its vmap.
inline bool is_followed(std::initializer_list<const Tensor*> tensors) {
  for (const Tensor* t : tensors) {
    while (t->defined()) {
      refresh_history(*t);
      refresh_tangents(*t);
      const std::uint32_t flags = t->raw_flags();
      if ((mode.grad && flags & mode.record) || (mode.forward && flags & kDual)) return true;
      if (!(flags & kBatched)) break;
      t = &meta_of(*t)->batch;
    }
  }
  return false;
}

}  // namespace pullback
