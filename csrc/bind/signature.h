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

// Keywords that are not parameters of the operator itself; borrowed, nullptr when not given.
struct CommonKeywords {
  PyObject* out = nullptr;
  bool requires_grad = false;
};

class Signature {
 public:
  explicit Signature(const Entry& entry);

  const Entry& entry() const { return *entry_; }
  const std::string& name() const { return name_; }
  const std::vector<Param>& params() const { return params_; }
  // `values` has params().size() places; those not given get their defaults.  False when the
  // arguments do not fit.
  bool match(PyObject* const* args, Py_ssize_t num_args, PyObject* kwnames, Value* values,
             CommonKeywords& common) const;
  // Why the arguments do not fit, for a name that has one signature only.
  std::string explain(PyObject* const* args, Py_ssize_t num_args, PyObject* kwnames) const;

 private:
  void parse();
  Param parse_param(const std::string& text, ParamType type);
  static bool match_variadic(const Param& param, PyObject* const* args, Py_ssize_t num_args,
                             Value& value);
  int find(PyObject* keyword) const;
  // Takes out=, and of factories device=, requires_grad= and the like; throws for a device that is
  // not there.  False for a keyword that this signature does not know.
  bool take_common(PyObject* name, PyObject* object, CommonKeywords& common) const;

  const Entry* entry_;
  std::string name_;
  std::vector<Param> params_;
  int num_positional_ = 0;
};

// "Tensor, int" for messages.
std::string describe_arguments(PyObject* const* args, Py_ssize_t num_args, PyObject* kwnames);

}  // namespace pullback::bind
