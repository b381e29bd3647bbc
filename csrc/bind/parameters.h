// The parameters of a function that is bound by hand: arguments find their places by position and
// by name as in every function of the operator table, with the same words when they do not.
#pragma once

#include <Python.h>

#include <array>
#include <vector>

#include "core/dtype.h"

namespace pullback::bind {

class ParameterNames {
 public:
  // Borrowed pointers in the order of the names, nullptr for what was not given.
  void read(PyObject* const* args, Py_ssize_t n, PyObject* kwnames, PyObject** given) const;

  const char* function() const { return function_; }
  // Throws torch's TypeError: "f(): argument 'x' (position 1) must be bool, not int".
  [[noreturn]] void refuse(std::size_t i, const char* wanted, PyObject* got) const;
  // A bool, false when it was not given.
  bool flag(std::size_t i, PyObject* object) const;
  // True and the dtype when one was given that is not None.
  bool dtype(std::size_t i, PyObject* object, DType& wanted) const;
  // The format, or the default when it was not given; None counts as that only if `optional`.
  MemoryFormat format(std::size_t i, PyObject* object, MemoryFormat fallback,
                      bool optional = true) const;

 protected:
  ParameterNames(const char* function, std::vector<const char*> names, std::size_t positional,
                 std::size_t required);

 private:
  PyObject** find(PyObject* keyword, PyObject** given) const;
  void check_required(PyObject** given) const;

  const char* function_;
  std::vector<const char*> names_;
  std::vector<PyObject*> interned_;  // the same, immortal
  std::size_t positional_, required_;
};

// The first `positional` may come by position; the first `required` must be given.
template <std::size_t N>
class Parameters : public ParameterNames {
 public:
  Parameters(const char* function, std::array<const char*, N> names, std::size_t positional = N,
             std::size_t required = 0)
      : ParameterNames(function, {names.begin(), names.end()}, positional, required) {}

  std::array<PyObject*, N> operator()(PyObject* const* args, Py_ssize_t n,
                                      PyObject* kwnames) const {
    std::array<PyObject*, N> given{};
    read(args, n, kwnames, given.data());
    return given;
  }
};

}  // namespace pullback::bind
