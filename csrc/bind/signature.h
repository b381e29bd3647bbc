// Signatures of the operator table, and matching of Python's arguments against them.
#pragma once

#include <Python.h>

#include <string>
#include <vector>

#include "bind/convert.h"
#include "bind/guard.h"
#include "kernels/make/random.h"
#include "ops/table.h"

namespace pullback::bind {

enum class Form : std::uint8_t { Function, Method, InPlace };

struct Param {
  PyObject* name;         // interned, immortal like the table
  PyObject* number_name;  // what it is called when it is a number, when that differs
  int slot;               // its place among the parameters of the C++ function
  ParamType type;
  bool required = true;
  bool variadic = false;
  bool each = false;     // variadic, and takes no tuple
  bool unnamed = false;  // cannot be given by keyword
  Value fallback;
};

// Keywords that are not parameters of the operator itself; borrowed, nullptr when not given.
struct CommonKeywords {
  PyObject* out = nullptr;
  kernels::Generator* generator = nullptr;
  bool requires_grad = false;
  bool special = false;  // there is a generator, or the class of an argument may have a say
};

// One way to call an overload: as its entry says, or in an order that is deprecated.
class Signature {
 public:
  // `called`: the name the user writes, in that form; `in_space`: in the entry's own module.
  Signature(const Entry& entry, const std::string& called, Form form, bool in_space = false);
  // `order`: the parameters of the deprecated order.
  Signature(const Signature& current, const std::string& order);

  const Entry& entry() const { return *entry_; }
  // The name of the entry.
  const std::string& name() const { return name_; }
  // As documentation shows it.
  const std::string& text() const { return text_; }
  std::size_t num_slots() const { return static_cast<std::size_t>(entry_->function.num_params); }
  const std::vector<Param>& params() const { return params_; }
  bool is_old() const { return old_; }
  // There is nothing to see to but the call itself, unless the arguments bring it.
  bool is_usual() const { return usual_; }
  // `values` has num_slots() places; those not given get their defaults.  False when the arguments
  // do not fit; throws when they fit but for an element that cannot be read.
  bool match(PyObject* const* args, Py_ssize_t num_args, PyObject* kwnames, Value* values,
             CommonKeywords& common) const;
  // Why the arguments do not fit, a sentence that begins with the name the user called.
  std::string explain(PyObject* const* args, Py_ssize_t num_args, PyObject* kwnames) const;

 private:
  void parse();
  // What match() and callers ask about the parameters and the entry again and again.
  void note_shortcuts();
  Param parse_param(const std::string& text, ParamType type);
  void write_text();
  // What the user counts: without self.
  std::size_t hidden() const { return form_ == Form::Function ? 0 : 1; }
  Fit match_variadic(const Param& param, PyObject* const* args, Py_ssize_t num_args,
                     Value& value) const;
  int find(PyObject* keyword, PyObject* object) const;
  // Takes out=, and of factories device=, requires_grad= and the like; throws for a device that is
  // not there.  False for a keyword that this signature does not know.
  bool take_common(PyObject* name, PyObject* object, CommonKeywords& common) const;
  std::string mismatch(std::size_t i, PyObject* object, bool by_position) const;
  std::string variadic_mismatch(std::size_t i, PyObject* const* args, Py_ssize_t num_args) const;
  std::string argument(std::size_t i) const;
  // `at`: the argument, and behind it those that a variadic parameter takes as well.
  [[noreturn]] void report_broken(std::size_t i, PyObject* const* at, Py_ssize_t rest) const;
  bool has_tensor(const Value* values) const;

  const Entry* entry_;
  std::string name_;
  std::string called_;
  std::string text_;
  Form form_;
  bool old_ = false;
  bool usual_ = false;
  bool needs_tensor_ = false;  // not all operands may be numbers
  bool has_aliases_ = true;    // NumPy's names of parameters
  std::vector<Param> params_;
  int num_positional_ = 0;
  // Of parameters that were not given, a bit each: those that must be, and those that get something
  // else than None then.
  std::uint64_t required_ = 0, filled_ = 0;
};

// The signature of an entry without its marks.
std::string documented_signature(const Entry& entry);

// "Tensor, int" for messages.
std::string describe_arguments(PyObject* const* args, Py_ssize_t num_args, PyObject* kwnames,
                               Form form);

}  // namespace pullback::bind
