// What user code that runs in a pass (hooks, custom backwards, unpack functions) does to the mode
// ends with the node that it belongs to, as in torch: the next one finds the mode as the pass began
// with it, and the caller of the pass finds his own, also when an exception passes.  What torch has
// for the whole process stays as it is left: anomaly mode, the profiler, dual levels.
#pragma once

#include "graph/mode.h"
#include "graph/saved.h"

namespace pullback {

class KeptMode {
 public:
  // The pass runs with recording on or off.
  explicit KeptMode(bool recording)
      : caller_records_(mode.grad),
        records_(recording),
        inference_(mode.inference),
        forward_(mode.forward),
        absorb_(mode.absorb),
        saved_hooks_(Ref<SavedHooks>::share(mode.saved_hooks)),
        saved_refusal_(Ref<SavedRefusal>::share(mode.saved_refusal)),
        watch_(Ref<WriteWatch>::share(mode.watch)) {
    mode.grad = recording;
  }
  ~KeptMode() {
    put_back();
    mode.grad = caller_records_;
  }
  KeptMode(const KeptMode&) = delete;
  KeptMode& operator=(const KeptMode&) = delete;

  // After every node.
  void put_back() {
    if (mode.grad == records_ && mode.inference == inference_ && mode.forward == forward_ &&
        mode.absorb == absorb_ && mode.saved_hooks == saved_hooks_.get() &&
        mode.saved_refusal == saved_refusal_.get() && mode.watch == watch_.get()) [[likely]] {
      return;
    }
    put_all_back();
  }

 private:
  void put_all_back();

  const bool caller_records_;
  const bool records_;
  const bool inference_;
  const bool forward_;
  const bool absorb_;
  const Ref<SavedHooks> saved_hooks_;
  const Ref<SavedRefusal> saved_refusal_;
  const Ref<WriteWatch> watch_;
};

}  // namespace pullback
