// The frames of the Python code that is running, innermost first, all borrowed.  What a thread runs
// for another one that waits goes on in the frames of that one (bind/crossing.h).
//
// From Python 3.11 on, the public functions make a frame object for every call of a function that
// is asked for: 40 ns, half of an operation.  The interpreter's own frame is there for nothing, so
// it is read where its layout is known (it is fixed within a minor version).
#pragma once

#include <Python.h>
#include <frameobject.h>

#include <cstdint>

#include "bind/crossing.h"

#if PY_VERSION_HEX >= 0x030B0000 && PY_VERSION_HEX < 0x030E0000
#define PULLBACK_INTERPRETER_FRAMES
#ifndef Py_BUILD_CORE
#define Py_BUILD_CORE
#endif
#include <internal/pycore_frame.h>
#undef Py_BUILD_CORE
#endif

namespace pullback::bind {

#ifdef PULLBACK_INTERPRETER_FRAMES

using Frame = _PyInterpreterFrame;

inline Frame* frame_of(PyThreadState* thread) {
#if PY_VERSION_HEX >= 0x030D0000
  return thread->current_frame;
#else
  return thread->cframe->current_frame;
#endif
}

inline Frame* running_frame() {
#if PY_VERSION_HEX >= 0x030D0000
  return frame_of(PyThreadState_GetUnchecked());
#else
  return frame_of(_PyThreadState_UncheckedGet());
#endif
}

inline Frame* caller_of(Frame* frame) { return frame->previous; }

// Null for a frame between two calls of C code, which runs nothing.
inline PyCodeObject* code_of(Frame* frame) {
#if PY_VERSION_HEX >= 0x030D0000
  PyObject* code = frame->f_executable;
  return PyCode_Check(code) ? reinterpret_cast<PyCodeObject*>(code) : nullptr;
#elif PY_VERSION_HEX >= 0x030C0000
  return frame->owner == FRAME_OWNED_BY_CSTACK ? nullptr : frame->f_code;
#else
  return frame->f_code;
#endif
}

// In bytes, as PyCode_Addr2Line wants it.
inline std::int32_t instruction_offset(Frame* frame) {
  return _PyInterpreterFrame_LASTI(frame) * static_cast<std::int32_t>(sizeof(_Py_CODEUNIT));
}

#else

using Frame = PyFrameObject;

inline Frame* frame_of(PyThreadState* thread) {
  Frame* frame = PyThreadState_GetFrame(thread);
  Py_XDECREF(frame);
  return frame;
}

inline Frame* running_frame() { return PyEval_GetFrame(); }

// The frame that is running below keeps it alive, as it does its code.
inline Frame* caller_of(Frame* frame) {
  Frame* caller = PyFrame_GetBack(frame);
  Py_XDECREF(caller);
  return caller;
}

inline PyCodeObject* code_of(Frame* frame) {
  PyCodeObject* code = PyFrame_GetCode(frame);
  Py_DECREF(code);
  return code;
}

inline std::int32_t instruction_offset(Frame* frame) {
#if PY_VERSION_HEX >= 0x030B0000
  return PyFrame_GetLasti(frame);
#else
  return frame->f_lasti * 2;
#endif
}

#endif

// The frames from the running one outwards, on through the threads that wait for this one.
class Frames {
 public:
  Frames() : frame_(running_frame()), outer_(waiting_thread()) { cross(); }
  Frame* get() const { return frame_; }
  explicit operator bool() const { return frame_; }
  void next() {
    frame_ = caller_of(frame_);
    cross();
  }

 private:
  void cross() {
    for (; !frame_ && outer_; outer_ = outer_->outer) frame_ = frame_of(outer_->state);
  }

  Frame* frame_;
  const WaitingThread* outer_;
};

}  // namespace pullback::bind
