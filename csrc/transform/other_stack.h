// Work that moves to a thread with a stack of its own while the caller waits for it.
//
// NOTE [Nested passes]
// A pass that starts inside of another one (in a hook, or in a custom backward) runs on the same
// stack, up to a depth; the next one moves to another thread.  So neither the stack nor what an
// interpreter allows of it bounds how deep passes nest.  The mode moves with the work and comes
// back with what became of it: to whoever looks, it is one thread that runs.  An exception comes
// back, too.  The threads serve again; those that nobody needs end.
#pragma once

#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>

#include "graph/mode.h"

namespace pullback {

// As many passes run on one stack.
inline constexpr int kMostOnOneStack = 60;

// Tells the thread that waits when the work is done.
class Arrival {
 public:
  void wait();
  bool wait_for(std::chrono::milliseconds time);
  void announce();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
};

// One piece of work on its way.  An interpreter derives from it.
class Crossing {
 public:
  Crossing() = default;
  Crossing(const Crossing&) = delete;
  Crossing& operator=(const Crossing&) = delete;
  virtual ~Crossing() = default;
  // On the other thread: does the work and keeps what it throws.
  virtual void run(const std::function<void()>& work) noexcept;
  // On the thread that waits, until the arrival was announced.
  virtual void wait(Arrival& arrival) { arrival.wait(); }
  // Then: throws what the work threw.
  virtual void finish();

 private:
  std::exception_ptr error_;
};

// The interpreter whose functions hooks call; set once, by bind.
struct Interpreter {
  // Whether the thread that asks is near the end of the stack that the interpreter allows it.
  bool (*is_deep)() = nullptr;
  std::unique_ptr<Crossing> (*cross)() = nullptr;
};
void set_interpreter(Interpreter interpreter);

// Whether the next pass has to move.
bool is_stack_full();
void run_on_other_stack(const std::function<void()>& work);

}  // namespace pullback
