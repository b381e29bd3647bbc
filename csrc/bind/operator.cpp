// See operator.h.  Start reading at call(): every call of an operator from Python that is not one
// of the type's slots passes there.
#include "bind/operator.h"

#include <structmember.h>

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "bind/convert.h"
#include "bind/graph_objects.h"
#include "bind/guard.h"
#include "bind/named_tuple.h"
#include "bind/out_form.h"
#include "bind/overloads.h"
#include "bind/overrides.h"
#include "bind/profile.h"
#include "bind/signature.h"
#include "bind/tensor_type.h"
#include "bind/types.h"
#include "core/warning.h"
#include "graph/meta.h"
#include "graph/mode.h"
#include "graph/origin.h"
#include "ops/levels.h"
#include "ops/op.h"

namespace pullback::bind {
namespace {

struct PyOperator {
  PyObject_HEAD vectorcallfunc vectorcall;
  Overloads* overloads;
};

PyTypeObject* function_type = nullptr;
PyTypeObject* method_type = nullptr;

// `cls`: of its tensors, null for Tensor.
PyObject* wrap_outcome(Outcome& outcome, PyTypeObject* named_tuple, PyTypeObject* cls) {
  if (outcome.form == Outcome::Form::Tensor) [[likely]] {
    return cls ? wrap_result(std::move(outcome.tensor), cls) : wrap(std::move(outcome.tensor));
  }
  switch (outcome.form) {
    case Outcome::Form::Tensor:
      break;  // above
    case Outcome::Form::Tensors: {
      PyObject* tuple = wrap_tensors(std::move(outcome.tensors), named_tuple);
      return cls ? keep_class(tuple, cls) : tuple;
    }
    case Outcome::Form::Number:
      return wrap_number(outcome.number);
    case Outcome::Form::DType:
      return wrap_dtype(outcome.dtype);
    case Outcome::Form::Nothing:
      break;
  }
  Py_RETURN_NONE;
}

// An operator that reads values: torch's sentences.
[[noreturn]] void report_reads_values(const std::string& name) {
  static const std::set<std::string> dynamic{"nonzero", "unique", "unique_consecutive", "where"};
  check(!dynamic.contains(name),
        "vmap: We do not support batching operators that can output dynamic shape. Attempted to "
        "vmap over aten::",
        name, ".");
  check(name != "allclose", "vmap over torch.allclose isn't supported yet. It gives a bool.");
  fail("Batching rule not implemented for aten::", name,
       ". We could not generate a fallback. It reads or exchanges the memory of one tensor, and "
       "inside vmap there are many.");
}

void refuse_batched(const Signature& signature, Arguments& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const Tensor& t = arguments.values()[i].tensor;
    if (!t.defined() || !t.has(kBatched)) continue;
    if (signature.name() == "is_nonzero") refuse_condition(t);
    report_reads_values(signature.name());
  }
}

// "sum(): argument 'dim' ...", "sum() takes ...".
std::string sentence(const std::string& name, const std::string& reason) {
  return name + (reason.starts_with("argument") ? "(): " : "() ") + reason;
}

[[noreturn]] void report_mismatch(const Overloads& op, PyObject* const* args, Py_ssize_t num_args,
                                  PyObject* kwnames) {
  std::vector<const Signature*> current;
  for (const Signature& each : op.signatures) {
    if (!each.is_old()) current.push_back(&each);
  }
  if (current.size() == 1) {
    fail(ErrorKind::Type, sentence(op.name, current.front()->explain(args, num_args, kwnames)));
  }
  std::string message = op.name + "() received an invalid combination of arguments - got (" +
                        describe_arguments(args, num_args, kwnames, op.form) +
                        "), but expected one of:";
  for (const Signature* each : current) {
    message += "\n * " + each->text() + "\n      " + each->explain(args, num_args, kwnames);
  }
  fail(ErrorKind::Type, message);
}

void warn_old(const Overloads& op, const Signature& used) {
  std::string message = "This overload of " + op.name + " is deprecated:\n\t" + used.text() +
                        "\nConsider using one of the following signatures instead:";
  for (const Signature& each : op.signatures) {
    if (&each.entry() == &used.entry() && !each.is_old()) message += "\n\t" + each.text();
  }
  warn(message);
}

void finish_factory(const Tensor& made, const CommonKeywords& common) {
  if (mode.inference) made.set(kInference, true);
  note_origin(made, Origin::Made);
  if (common.requires_grad) require_grad(made, true);
}

// Those of operators that need no class of the table as well.
void mark_inference(const Outcome& outcome) {
  if (outcome.tensor.defined()) pullback::mark_inference(outcome.tensor);
  for (const Tensor& each : outcome.tensors) pullback::mark_inference(each);
}

// Results of operators that record nothing know what they were cut off from.
void note_cuts(Arguments& arguments, const Outcome& outcome) {
  const Tensor* from = nullptr;
  for (std::size_t i = 0; i < arguments.size() && !from; ++i) {
    const Tensor& t = arguments.values()[i].tensor;
    if (t.defined() && (t.requires_grad() || t.has(kCut))) from = &t;
  }
  if (!from || mode.pass) return;
  const auto note = [&](const Tensor& made) {
    if (made.defined() && made.body()->origin == Origin::None) note_cut(made, *from);
  };
  note(outcome.tensor);
  for (const Tensor& each : outcome.tensors) note(each);
}

const Overloads& overloads_of(PyObject* self) {
  return *reinterpret_cast<PyOperator*>(self)->overloads;
}

// What those with a say want of a call; throws their error.
Answer heard(PyObject* self, PyObject* const* args, Py_ssize_t num_args, PyObject* kwnames) {
  const Answer answer = ask({Callee::Kind::Object, self}, args, num_args, kwnames);
  if (answer.given && !answer.result) throw_python();
  return answer;
}

// No signature fits: foreign classes may have a say.
PyObject* ask_or_report(PyObject* self, PyObject* const* args, Py_ssize_t num_args,
                        PyObject* kwnames) {
  const Answer answer = heard(self, args, num_args, kwnames);
  if (answer.given) return answer.result;
  report_mismatch(overloads_of(self), args, num_args, kwnames);
}

PyObject* choose_and_run(PyObject* self, PyObject* const* args, Py_ssize_t num_args,
                         PyObject* kwnames) {
  const Overloads& op = overloads_of(self);
  check(ErrorKind::Type, op.form == Form::Function || (num_args > 0 && is_tensor(args[0])),
        "descriptor '", op.name, "' of 'Tensor' objects needs a Tensor as its first argument");
  for (const Signature& signature : op.signatures) {
    Arguments arguments(signature.num_slots());
    CommonKeywords common;
    if (!signature.match(args, num_args, kwnames, arguments.values(), common)) continue;
    const Entry& entry = signature.entry();
    PyTypeObject* cls = nullptr;
    if (common.special) [[unlikely]] {
      const Answer answer = heard(self, args, num_args, kwnames);
      if (answer.given) return answer.result;
      cls = answer.cls;
    }
    if (signature.is_usual() && !common.out) [[likely]] {
      Outcome outcome;
      entry.function.call(arguments.values(), outcome);
      if (mode.inference) [[unlikely]]
        mark_inference(outcome);
      return wrap_outcome(outcome, op.named_tuple, cls);
    }
    std::optional<ModeScope<&Mode::generator>> drawing;
    if (common.generator) drawing.emplace(common.generator);
    if (signature.is_old()) [[unlikely]]
      warn_old(op, signature);
    if ((entry.flags & (kNoBatch | kRandom)) == kNoBatch) refuse_batched(signature, arguments);
    const auto kept = [&](PyObject* result) {
      return cls && result ? keep_class(result, cls) : result;
    };
    if (op.form == Form::InPlace) {
      return kept(call_in_place(op, signature, arguments, unwrap(args[0])));
    }
    if (common.out) return kept(call_out(op, signature, arguments, common));
    Outcome outcome;
    entry.function.call(arguments.values(), outcome);
    if (entry.flags & kFactory) {
      finish_factory(outcome.tensor, common);
    } else if (entry.flags & kNoGrad) {
      note_cuts(arguments, outcome);
    }
    if (mode.inference) [[unlikely]]
      mark_inference(outcome);
    return wrap_outcome(outcome, op.named_tuple, cls);
  }
  return ask_or_report(self, args, num_args, kwnames);
}

// In a function mode or a profiler.  Once a mode was asked there is none in the way.
PyObject* call_watched(PyObject* self, PyObject* const* args, Py_ssize_t num_args,
                       PyObject* kwnames) {
  return guarded([&] {
    const Answer answer = heard(self, args, num_args, kwnames);
    if (answer.given) return answer.result;
    const Timed timed(overloads_of(self).name.c_str(), args, num_args);
    return choose_and_run(self, args, num_args, kwnames);
  });
}

PyObject* call(PyObject* self, PyObject* const* args, std::size_t nargsf, PyObject* kwnames) {
  const Py_ssize_t num_args = PyVectorcall_NARGS(nargsf);
  if (!mode.plain) [[unlikely]]
    return call_watched(self, args, num_args, kwnames);
  return guarded([&] { return choose_and_run(self, args, num_args, kwnames); });
}

PyObject* operator_repr(PyObject* self) {
  const Overloads& op = *reinterpret_cast<PyOperator*>(self)->overloads;
  return PyUnicode_FromFormat("<built-in %s %s>", op.form == Form::Function ? "function" : "method",
                              op.name.c_str());
}

PyObject* operator_name(PyObject* self, void*) {
  return PyUnicode_FromString(reinterpret_cast<PyOperator*>(self)->overloads->name.c_str());
}

// The kinds of the parameters in Python's words, for the stubs.
PyObject* param_types(const Entry& entry) {
  constexpr const char* kNames[] = {
      "Tensor",  "Tensor | Number", "Number", "int",           "float", "bool", "Sizes", "dtype",
      "Tensors", "DimPair",         "str",    "memory_format", "Any",   "int",  "Ints",  "str",
      "bool"};
  static_assert(std::size(kNames) == kNumKinds, "a name for every kind of parameter");
  const Signature signature(entry, "", Form::Method);
  Owned list(PyList_New(entry.function.num_params));
  for (int i = 0; i < entry.function.num_params; ++i) {
    const ParamType& type = signature.params()[static_cast<std::size_t>(i)].type;
    std::string name = kNames[static_cast<int>(type.kind)];
    if (type.optional) name += " | None";
    Owned text(PyUnicode_FromString(name.c_str()));
    PyList_SET_ITEM(list.get(), i, text.release());
  }
  return list.release();
}

PyObject* table_row(const Entry& entry) {
  const std::string text = documented_signature(entry);
  const auto flag = [&](std::uint32_t bit) { return entry.flags & bit ? Py_True : Py_False; };
  Owned types(param_types(entry));
  return Py_BuildValue("{s:s,s:s,s:s,s:s,s:s,s:z,s:O,s:O,s:O,s:O,s:z,s:O,s:O,s:O,s:O,s:s,s:O}",
                       "name", text.substr(0, text.find('(')).c_str(), "signature", text.c_str(),
                       "doc", entry.doc, "samples", entry.samples, "checks", entry.checks, "fields",
                       entry.fields, "function", flag(kFunctionForm), "method", flag(kMethodForm),
                       "inplace", flag(kInPlaceForm), "out", flag(kOutForm), "space", entry.space,
                       "no_grad", flag(kNoGrad), "no_batch", flag(kNoBatch), "factory",
                       flag(kFactory), "random", flag(kRandom), "result", entry.function.result,
                       "types", types.get());
}

// Written by pullback._docs when somebody asks for it.
PyObject* operator_doc(PyObject* self, void*) {
  return guarded([&] {
    const Overloads& op = *reinterpret_cast<PyOperator*>(self)->overloads;
    constexpr const char* kForms[] = {"function", "method", "inplace"};
    Owned rows(PyList_New(0));
    for (const Signature& signature : op.signatures) {
      Owned row(table_row(signature.entry()));
      check_status(PyList_Append(rows.get(), row.get()));
    }
    Owned docs(PyImport_ImportModule("pullback._docs"));
    return PyObject_CallMethod(docs.get(), "describe", "ssO", op.name.c_str(),
                               kForms[static_cast<int>(op.form)], rows.get());
  });
}

PyObject* operator_qualified_name(PyObject* self, void*) {
  const Overloads& op = *reinterpret_cast<PyOperator*>(self)->overloads;
  return PyUnicode_FromString(op.qualified_name.c_str());
}

PyObject* operator_module(PyObject* self, void*) {
  return PyUnicode_FromString(reinterpret_cast<PyOperator*>(self)->overloads->module.c_str());
}

PyObject* operator_reduce(PyObject* self, PyObject*) {
  return operator_qualified_name(self, nullptr);
}

PyObject* method_get(PyObject* self, PyObject* object, PyObject*) {
  if (!object || object == Py_None) return Py_NewRef(self);
  return PyMethod_New(self, object);
}

PyGetSetDef operator_properties[] = {
    {"__name__", operator_name, nullptr, nullptr, nullptr},
    {"__qualname__", operator_qualified_name, nullptr, nullptr, nullptr},
    {"__doc__", operator_doc, nullptr, nullptr, nullptr},
    {"__module__", operator_module, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};
PyMethodDef operator_methods[] = {
    {"__reduce__", operator_reduce, METH_NOARGS, "Pickles as its qualified name."},
    {nullptr, nullptr, 0, nullptr},
};
PyMemberDef operator_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(PyOperator, vectorcall), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

template <typename F>
void* slot(F* function) {
  return reinterpret_cast<void*>(function);
}

PyTypeObject* make_type(const char* type_name, bool method) {
  std::vector<PyType_Slot> slots = {
      {Py_tp_call, slot(PyVectorcall_Call)}, {Py_tp_repr, slot(operator_repr)},
      {Py_tp_getset, operator_properties},   {Py_tp_methods, operator_methods},
      {Py_tp_members, operator_members},
  };
  if (method) slots.push_back({Py_tp_descr_get, slot(method_get)});
  slots.push_back({0, nullptr});
  unsigned flags =
      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_DISALLOW_INSTANTIATION;
  if (method) flags |= Py_TPFLAGS_METHOD_DESCRIPTOR;
  PyType_Spec spec{type_name, sizeof(PyOperator), 0, flags, slots.data()};
  PyObject* type = PyType_FromSpec(&spec);
  if (!type) throw_python();
  return reinterpret_cast<PyTypeObject*>(type);
}

// All overloads by destination dictionary, name and form.
class Namespaces {
 public:
  // `space`: the module of the package, "" for itself.
  void add(PyObject* dict, const std::string& space, const std::string& name, Form form,
           const Entry& entry) {
    auto& slot = found_[{dict, name}];
    if (!slot) {
      slot = new Overloads{name,
                           form,
                           space.empty() ? "pullback" : "pullback." + space,
                           (PyType_Check(dict) ? "Tensor." : "") + name,
                           {}};
      order_.push_back({dict, slot});
    }
    slot->signatures.emplace_back(entry, name, form, !space.empty());
    const Signature current = slot->signatures.back();
    for (const std::string& order : split(entry.old, '|')) {
      slot->signatures.emplace_back(current, order);
    }
    check(entry.function.num_params <= kMaxArguments, "operator table: ", entry.signature,
          " has more than ", kMaxArguments, " parameters.");
    if (entry.fields && !slot->named_tuple) {
      // svd and linalg.svd have different fields.
      const std::string named = (space.empty() ? "" : space + "_") + current.name();
      PyTypeObject*& type = tuples_[named];
      if (!type) type = make_named_tuple(named, entry.fields);
      slot->named_tuple = type;
    }
  }
  void publish() const {
    for (const auto& [dict, overloads] : order_) {
      PyTypeObject* type = overloads->form == Form::Function ? function_type : method_type;
      Owned object(type->tp_alloc(type, 0));
      auto* self = reinterpret_cast<PyOperator*>(object.get());
      self->vectorcall = call;
      self->overloads = overloads;
      if (PyType_Check(dict)) {
        check_status(PyObject_SetAttrString(dict, overloads->name.c_str(), object.get()));
      } else {
        check_status(PyDict_SetItemString(dict, overloads->name.c_str(), object.get()));
      }
    }
  }
  // The types of named tuples as a module.
  PyObject* return_types() const {
    Owned types(PyModule_New("pullback._core._return_types"));
    for (const auto& [name, type] : tuples_) {
      check_status(
          PyModule_AddObjectRef(types.get(), name.c_str(), reinterpret_cast<PyObject*>(type)));
    }
    return types.release();
  }

 private:
  std::map<std::pair<PyObject*, std::string>, Overloads*> found_;
  std::vector<std::pair<PyObject*, Overloads*>> order_;
  std::map<std::string, PyTypeObject*> tuples_;
};

// The dictionary of the module with this name, which is made when there is none.
PyObject* dict_of(PyObject* spaces, const char* name) {
  PyObject* found = PyDict_GetItemString(spaces, name);
  if (found) return PyModule_GetDict(found);
  const Owned made(PyModule_New((std::string("pullback._core.") + name).c_str()));
  check_status(PyDict_SetItemString(spaces, name, made.get()));
  return PyModule_GetDict(made.get());
}

}  // namespace

void init_operators(PyObject* module) {
  function_type = make_type("pullback.builtin_function", false);
  method_type = make_type("pullback.builtin_method", true);
  Owned functions(PyModule_New("pullback._core._functions"));
  check_status(PyModule_AddObjectRef(module, "_functions", functions.get()));
  PyObject* function_dict = PyModule_GetDict(functions.get());
  Owned spaces(PyDict_New());
  check_status(PyModule_AddObjectRef(module, "_spaces", spaces.get()));
  Namespaces names;
  auto* type = reinterpret_cast<PyObject*>(tensor_type);
  for (const Entry* entry = Entry::first(); entry; entry = entry->next) {
    const std::string text = entry->signature;
    const std::string name = text.substr(0, text.find('('));
    if (entry->flags & kFunctionForm) names.add(function_dict, "", name, Form::Function, *entry);
    if (entry->flags & kMethodForm) names.add(type, "", name, Form::Method, *entry);
    if (entry->flags & kInPlaceForm) {
      names.add(type, "", name + "_", Form::InPlace, *entry);
      names.add(function_dict, "", name + "_", Form::InPlace, *entry);
    }
    if (entry->space) {
      names.add(dict_of(spaces.get(), entry->space), entry->space, name, Form::Function, *entry);
    }
  }
  names.publish();
  Owned types(names.return_types());
  check_status(PyModule_AddObjectRef(module, "_return_types", types.get()));
}

PyObject* operator_table() {
  Owned list(PyList_New(0));
  for (const Entry* e = Entry::first(); e; e = e->next) {
    Owned row(table_row(*e));
    check_status(PyList_Append(list.get(), row.get()));
  }
  return list.release();
}

}  // namespace pullback::bind
