// See crossing.h.  The thread that waits gives up the interpreter, the other one gets a thread
// state of its own (with a count of recursion that starts anew) and the context variables of the
// first.
//
// The outermost thread wakes now and then to let Python handle signals, which only the main thread
// does.  What a handler raises (KeyboardInterrupt) belongs to the program, so the innermost thread
// is interrupted, all come back, and the outermost one raises it.
#include "bind/crossing.h"

#include "bind/guard.h"
#include "transform/other_stack.h"

namespace pullback::bind {
namespace {

constexpr std::chrono::milliseconds kBetweenSignals{100};

class PyCrossing;
thread_local const PyCrossing* working_for = nullptr;

// An error that was raised, apart from the thread that raised it.
class KeptError {
 public:
  KeptError() = default;
  KeptError(const KeptError&) = delete;
  KeptError& operator=(const KeptError&) = delete;
  ~KeptError() { clear(); }
  explicit operator bool() const { return type_; }
  bool has_type_of(const KeptError& other) const { return type_ == other.type_; }
  void fetch() {
    clear();
    PyErr_Fetch(&type_, &value_, &traceback_);
  }
  [[noreturn]] void raise() {
    PyErr_Restore(std::exchange(type_, nullptr), std::exchange(value_, nullptr),
                  std::exchange(traceback_, nullptr));
    throw_python();
  }

 private:
  void clear() {
    Py_CLEAR(type_);
    Py_CLEAR(value_);
    Py_CLEAR(traceback_);
  }

  PyObject *type_ = nullptr, *value_ = nullptr, *traceback_ = nullptr;
};

// All members are read and written with the interpreter's lock held.
class PyCrossing final : public Crossing {
 public:
  PyCrossing() : context_(PyContext_CopyCurrent()) {
    waiting_.state = PyThreadState_Get();
    if (working_for) {
      outer_ = const_cast<PyCrossing*>(working_for);
      waiting_.outer = &outer_->waiting_;
      outer_->inner_ = this;
    }
  }
  ~PyCrossing() override {
    if (outer_) outer_->inner_ = nullptr;
  }

  void run(const std::function<void()>& work) noexcept override {
    const PyGILState_STATE state = PyGILState_Ensure();
    thread_ = PyThread_get_thread_ident();
    working_for = this;
    const bool entered = PyContext_Enter(context_.get()) == 0;
    if (!entered) PyErr_Clear();
    Crossing::run([&] {
      if (interrupted_) {
        PyErr_SetNone(PyExc_KeyboardInterrupt);
        throw_python();
      }
      work();
    });
    error_.fetch();
    if (entered) PyContext_Exit(context_.get());
    working_for = nullptr;
    thread_ = 0;
    PyGILState_Release(state);
  }

  void wait(Arrival& arrival) override {
    PyThreadState* const own = PyEval_SaveThread();
    if (outer_) {
      arrival.wait();
    } else {
      while (!arrival.wait_for(kBetweenSignals)) {
        PyEval_RestoreThread(own);
        handle_signals();
        PyEval_SaveThread();
      }
    }
    PyEval_RestoreThread(own);
  }

  void finish() override {
    // Where the work was interrupted is worth more than where it was waited for.
    if (signal_ && !signal_.has_type_of(error_)) signal_.raise();
    if (error_) error_.raise();
    Crossing::finish();
  }

  const WaitingThread* waiting() const { return &waiting_; }

 private:
  void handle_signals() {
    if (!signal_ && PyErr_CheckSignals() < 0) signal_.fetch();
    if (signal_) innermost().interrupt();
  }
  PyCrossing& innermost() {
    PyCrossing* found = this;
    while (found->inner_) found = found->inner_;
    return *found;
  }
  void interrupt() {
    if (std::exchange(interrupted_, true)) return;
    if (thread_) PyThreadState_SetAsyncExc(thread_, PyExc_KeyboardInterrupt);
  }

  const Owned context_;
  WaitingThread waiting_;
  PyCrossing* outer_ = nullptr;
  PyCrossing* inner_ = nullptr;
  unsigned long thread_ = 0;  // that works
  bool interrupted_ = false;
  KeptError error_;   // of the work
  KeptError signal_;  // of a handler, while the work went on
};

// Whether half of the recursion that Python allows this thread is used up.
bool is_deep() {
  const PyThreadState* state = PyThreadState_Get();
#if PY_VERSION_HEX >= 0x030C0000
  return state->py_recursion_remaining < state->py_recursion_limit / 2;
#elif PY_VERSION_HEX >= 0x030B0000
  return state->recursion_remaining < state->recursion_limit / 2;
#else
  return state->recursion_depth > Py_GetRecursionLimit() / 2;
#endif
}

}  // namespace

const WaitingThread* waiting_thread() { return working_for ? working_for->waiting() : nullptr; }

void init_crossing() {
  set_interpreter(
      {is_deep, []() -> std::unique_ptr<Crossing> { return std::make_unique<PyCrossing>(); }});
}

}  // namespace pullback::bind
