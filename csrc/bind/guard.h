// The border between C++ exceptions and Python errors: no exception crosses a slot.
#pragma once

#include <Python.h>

#include <exception>
#include <new>
#include <utility>

#include "core/error.h"

namespace pullback::bind {

// A Python error is set already; unwinds C++ frames up to the guard.
struct PythonError {};

[[noreturn]] inline void throw_python() { throw PythonError{}; }

// Adds the types of errors that are ours to the module.
int init_errors(PyObject* module);

// Turns the exception in flight into a Python error.
void set_python_error() noexcept;

// Runs a function that returns PyObject*; nullptr with a Python error when it throws.
template <typename F>
PyObject* guarded(F&& body) noexcept {
  try {
    return body();
  } catch (...) {
    set_python_error();
    return nullptr;
  }
}

// The same for functions that return a status, -1 for an error.
template <typename F>
int guarded_status(F&& body) noexcept {
  try {
    return body();
  } catch (...) {
    set_python_error();
    return -1;
  }
}

// An owned reference that is dropped at the end of the scope.
class Owned {
 public:
  Owned() = default;
  // Throws when `object` is null: the Python error is set then.
  explicit Owned(PyObject* object) : object_(object) {
    if (!object) throw_python();
  }
  Owned(Owned&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Owned() { Py_XDECREF(object_); }
  static Owned share(PyObject* object) { return Owned(Py_XNewRef(object)); }
  PyObject* get() const { return object_; }
  PyObject* release() { return std::exchange(object_, nullptr); }

 private:
  PyObject* object_ = nullptr;
};

// Keeps the Python error under way while objects die.
class ErrorScope {
 public:
  ErrorScope() { PyErr_Fetch(&type_, &value_, &traceback_); }
  ~ErrorScope() { PyErr_Restore(type_, value_, traceback_); }
  ErrorScope(const ErrorScope&) = delete;
  ErrorScope& operator=(const ErrorScope&) = delete;

 private:
  PyObject *type_, *value_, *traceback_;
};

// A status code of the C API: throws at -1.
inline void check_status(int status) {
  if (status < 0) throw_python();
}

}  // namespace pullback::bind
