// The events of operators for autograd.profiler: a Timed scope stands around what is measured and
// costs one test while no profiler is on.
#pragma once

#include <Python.h>

#include <cstddef>

#include "graph/mode.h"
#include "graph/profile.h"

namespace pullback::bind {

class Timed {
 public:
  // The operands are what its shapes are read from; null for none.
  Timed(const char* name, PyObject* a, PyObject* b, PyObject* c = nullptr) {
    if (mode.profile) [[unlikely]]
      open(name, a, b, c);
  }
  explicit Timed(const char* name, PyObject* const* operands = nullptr, Py_ssize_t count = 0) {
    if (mode.profile) [[unlikely]]
      open(name, operands, count);
  }
  ~Timed() {
    if (profile_) [[unlikely]]
      close();
  }
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;

 private:
  void open(const char* name, PyObject* const* operands, Py_ssize_t count);
  void open(const char* name, PyObject* a, PyObject* b, PyObject* c);
  void close();

  Profile* profile_ = nullptr;
  std::size_t number_ = 0;
};

extern PyMethodDef profile_functions[];

}  // namespace pullback::bind
