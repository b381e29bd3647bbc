// The one thread-local state: what is recorded, and the passes under way on this thread.
//
// Plain data, so that reading it is one instruction.  Guards restore it also when an exception
// passes.
#pragma once

#include <cstdint>

namespace pullback {

class Node;
class Pass;

struct Mode {
  bool grad = true;        // operations on tensors that require a gradient are recorded
  bool inference = false;  // nothing is recorded and new tensors never can be
  bool retiring = false;   // nodes that die now wait in `dead`; see NOTE [Retiring]
  Node* dead = nullptr;
  Pass* pass = nullptr;  // the innermost pass under way
};

extern thread_local constinit Mode mode;

class GradMode {
 public:
  explicit GradMode(bool enabled) : before_(mode.grad) { mode.grad = enabled; }
  ~GradMode() { mode.grad = before_; }
  GradMode(const GradMode&) = delete;
  GradMode& operator=(const GradMode&) = delete;

 private:
  bool before_;
};

}  // namespace pullback
