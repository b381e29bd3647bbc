// The thread pool.
//
// parallel_for cuts [0, n) into blocks at the multiples of grain and runs the body on each; which
// thread runs a block is left to chance, where the blocks begin is not, so that a body whose result
// depends on its block only gives the same bits at any number of threads.  Workers start on first
// use, sleep when idle for some tens of microseconds, and are started anew in a forked child.  A
// call from inside a body runs inline.  A job of several blocks gives up the interpreter's lock
// while it runs: bodies touch raw memory and count no references.  The first exception of a body
// reaches the caller after all blocks have ended.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace pullback::kernels {

// The default is the smaller of the CPUs this process may run on and its cgroup's CPU quota.
int num_threads();
void set_num_threads(int n);  // n >= 1

// How to give up a lock of the interpreter's and take it again; `release` returns null when this
// thread does not hold it.  Set once, by bind.
struct InterpreterLock {
  void* (*release)() = nullptr;
  void (*acquire)(void* state) = nullptr;
};
void set_interpreter_lock(InterpreterLock lock);

// Keeps the lock for a scope, so that other threads do not see what it does half done.
class KeepInterpreterLock {
 public:
  KeepInterpreterLock();
  ~KeepInterpreterLock();
  KeepInterpreterLock(const KeepInterpreterLock&) = delete;
  KeepInterpreterLock& operator=(const KeepInterpreterLock&) = delete;

 private:
  bool before_;
};

namespace detail {
using BlockFunction = void (*)(const void* body, std::int64_t begin, std::int64_t end);
void run_blocks(std::int64_t n, std::int64_t grain, BlockFunction function, const void* body);
}  // namespace detail

// Calls body(begin, end) for the blocks of [0, n), grain elements each, the last one shorter.
template <typename Function>
void parallel_for(std::int64_t n, std::int64_t grain, Function&& body) {
  if (n <= 0) return;
  if (n <= grain) return static_cast<void>(body(std::int64_t{0}, n));
  using Body = std::remove_reference_t<Function>;
  detail::run_blocks(
      n, grain,
      [](const void* erased, std::int64_t begin, std::int64_t end) {
        (*static_cast<Body*>(const_cast<void*>(erased)))(begin, end);
      },
      std::addressof(body));
}

}  // namespace pullback::kernels
