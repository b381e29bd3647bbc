// The one thread-local state: what is recorded, and where results go.
//
// Plain data, so that reading it is one instruction.  Guards restore it also when an exception
// passes; what user code does to it in a pass is undone by transform/kept_mode.h.
#pragma once

#include <cstdint>
#include <type_traits>

#include "graph/level.h"

namespace pullback {

namespace kernels {
class Generator;
}
class ActivePass;
class Destination;
class FreeingPasses;
class Node;
class PassObserver;
class Profile;
class SavedHooks;
class SavedRefusal;
class WriteWatch;
struct TensorBody;

struct Mode {
  bool grad = true;        // operations on tensors that require a gradient are recorded
  bool inference = false;  // nothing is recorded and new tensors never can be
  bool forward = true;     // tangents are propagated
  bool retiring = false;   // nodes that die now wait in `dead`; see NOTE [Retiring]
  Node* dead = nullptr;
  SavedHooks* saved_hooks = nullptr;        // the innermost pair that packs what is saved
  WriteWatch* watch = nullptr;              // is told of every in-place write before it happens
  ActivePass* pass = nullptr;               // the innermost backward pass
  int passes_on_stack = 0;                  // of this thread, see transform/other_stack.h
  bool absorb = false;                      // in a pass, a gradient of zero stays zero
  Profile* profile = nullptr;               // what the profiler collects on this thread
  PassObserver* observers = nullptr;        // see every node of a pass
  SavedRefusal* saved_refusal = nullptr;    // why such hooks are not allowed
  Destination* destination = nullptr;       // offered to the next operator: ops/destination.h
  kernels::Generator* generator = nullptr;  // what random operators draw from, if not the default
  const TensorBody* overwritten = nullptr;  // what an in-place operator is about to overwrite

  // NOTE [Levels] in graph/level.h: the reverse levels (bits of the flags) that record, the forward
  // levels (bits by depth) that propagate, and the stack; level 0 stands for no transform.
  std::uint32_t record = 1;
  std::uint64_t dual = 0;
  int depth = 0;
  Level* levels = nullptr;  // made when the first transform starts
  FreeingPasses* freeing_passes = nullptr;

  // NOTE [Overrides] in bind/overrides.h: the type of tensors that nobody watches, subclasses known
  // to have no say and to have Tensor's own, with the versions of the types, and who may have one.
  const void* plain = nullptr;
  const void* quiet = nullptr;
  const void* heir = nullptr;
  unsigned quiet_version = 0;
  unsigned heir_version = 0;
  bool overrides_off = false;
  bool modes_off = false;
  void* function_modes = nullptr;  // a list of Python's, made when the first mode is entered
};

extern thread_local constinit Mode mode;

// Sets one field of the mode for a scope.
template <auto flag>
class ModeScope {
  using Value = std::remove_reference_t<decltype(mode.*flag)>;

 public:
  explicit ModeScope(Value value) : before_(mode.*flag) { mode.*flag = value; }
  ~ModeScope() { mode.*flag = before_; }
  ModeScope(const ModeScope&) = delete;
  ModeScope& operator=(const ModeScope&) = delete;

 private:
  Value before_;
};
using GradMode = ModeScope<&Mode::grad>;
using ForwardMode = ModeScope<&Mode::forward>;

}  // namespace pullback
