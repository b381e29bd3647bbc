// Python's side of a pass that moves to another thread: see NOTE [Nested passes].
#pragma once

#include <Python.h>

namespace pullback::bind {

// The thread that waits for the one that runs, and so on outwards; what it did goes on here.
class WaitingThread {
 public:
  PyThreadState* state = nullptr;
  const WaitingThread* outer = nullptr;
};

// Whom this thread works for; null for a thread of the program.
const WaitingThread* waiting_thread();

void init_crossing();

}  // namespace pullback::bind
