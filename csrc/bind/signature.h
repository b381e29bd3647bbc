// Signatures of the operator table, and matching of Python's arguments against them.
#pragma once

#include <Python.h>

#include <string>
#include <vector>

#include "bind/guard.h"
#include "ops/table.h"

namespace pullback::bind {

struct Param {
  PyObject* name;  // interned, immortal like the table
  ParamType type;
  bool required = true;
  bool keyword_only = false;
  bool variadic = false;
  Value fallback;
};

class Signature {
 public:
  explicit Signature(const Entry& entry);

  const Entry& entry() const { return *entry_; }
  const std::string& name() const { return name_; }
  const std::vector<Param>& params() const { return params_; }
  // `first` skips self; `values` has params().size() places with fallbacks filled in by this call.
  // False when the arguments do not fit; `out` gets the object given as out= (borrowed) or nullptr.
  bool match(PyObject* const* args, Py_ssize_t num_args, PyObject* kwnames, Value* values,
             PyObject** out) const;
  // Why the arguments do not fit, for a name that has one signature only.
  std::string explain(PyObject* const* args, Py_ssize_t num_args, PyObject* kwnames) const;

 private:
  void parse();
  Param parse_param(const std::string& text, ParamType type);
  static bool match_variadic(const Param& param, PyObject* const* args, Py_ssize_t num_args,
                             Value& value);
  int find(PyObject* keyword) const;

  const Entry* entry_;
  std::string name_;
  std::vector<Param> params_;
  int num_positional_ = 0;
};

// "Tensor, int" for messages.
std::string describe_arguments(PyObject* const* args, Py_ssize_t num_args, PyObject* kwnames);

}  // namespace pullback::bind
