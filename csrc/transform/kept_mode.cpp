// See kept_mode.h.
#include "transform/kept_mode.h"

namespace pullback {

void KeptMode::put_all_back() {
  mode.grad = records_;
  mode.inference = inference_;
  mode.forward = forward_;
  mode.absorb = absorb_;
  // What dies last may run user code, which finds the mode as it is to be.
  const Ref<SavedHooks> hooks = exchange_counted(mode.saved_hooks, saved_hooks_);
  const Ref<SavedRefusal> refusal = exchange_counted(mode.saved_refusal, saved_refusal_);
  const Ref<WriteWatch> watch = exchange_counted(mode.watch, watch_);
}

}  // namespace pullback
