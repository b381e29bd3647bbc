// See signature.h.
#include "bind/signature.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

#include "bind/device.h"
#include "bind/generator.h"
#include "bind/overrides.h"
#include "bind/tensor_type.h"
#include "bind/types.h"

namespace pullback::bind {
namespace {

std::string strip(const std::string& text) {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

// Splits at commas that are not inside brackets.
std::vector<std::string> split_params(const std::string& text) {
  std::vector<std::string> parts;
  std::string part;
  int depth = 0;
  for (const char c : text) {
    if (c == '(' || c == '[') ++depth;
    if (c == ')' || c == ']') --depth;
    if (c == ',' && depth == 0) {
      parts.push_back(strip(part));
      part.clear();
    } else {
      part += c;
    }
  }
  if (!strip(part).empty()) parts.push_back(strip(part));
  return parts;
}

// "dim[1]=None" as documentation shows it: "dim=None".
std::string without_marks(const std::string& part) {
  const auto equals = std::min(part.find('='), part.size());
  const std::string name = part.substr(0, part.find_first_of("[:|="));
  return name + part.substr(equals);
}

// The parts between the brackets of an entry's signature.
std::vector<std::string> parts_of(const Entry& entry) {
  const std::string text = entry.signature;
  const auto open = text.find('(');
  return split_params(text.substr(open + 1, text.rfind(')') - open - 1));
}

Value parse_default(const std::string& text) {
  Value value;
  value.none = text == "None";
  if (value.none) return value;
  if (text == "True" || text == "False") {
    value.number = Scalar(text == "True");
  } else if (text.front() == '\'') {
    // The table is constant, so a view into a copy that lives as long serves.
    value.text = *new std::string(text.substr(1, text.size() - 2));
  } else if (text.front() == '(') {
    for (const std::string& item : split_params(text.substr(1, text.size() - 2))) {
      value.ints.push_back(std::atoll(item.c_str()));
    }
  } else if (text == "contiguous_format") {
    value.number = Scalar(static_cast<std::int64_t>(MemoryFormat::Contiguous));
  } else if (text.find_first_of(".einf") != std::string::npos) {
    value.number = Scalar(std::atof(text.c_str()));
  } else {
    value.number = Scalar(static_cast<std::int64_t>(std::atoll(text.c_str())));
    value.ints = Dims{std::atoll(text.c_str())};
  }
  return value;
}

const char* describe(Kind kind) {
  switch (kind) {
    case Kind::Tensor:
      return "Tensor";
    case Kind::Operand:
      return "Tensor or Number";
    case Kind::Number:
      return "Number";
    case Kind::Int:
    case Kind::Index:
      return "int";
    case Kind::Float:
      return "float";
    case Kind::Bool:
    case Kind::Truth:
      return "bool";
    case Kind::Ints:
      return "tuple of ints";
    case Kind::OneOrInts:
      return "int or tuple of ints";
    case Kind::DType:
      return "torch.dtype";
    case Kind::DimPair:
      return "tuple of two tuples of ints";
    case Kind::Tensors:
      return "tuple of Tensors";
    case Kind::Text:
    case Kind::Name:
      return "str";
    case Kind::MemoryFormat:
      return "torch.memory_format";
    case Kind::Sublists:
      return "tensors with lists of labels";
  }
  return "object";
}

bool is_list(PyObject* object) { return PyTuple_Check(object) || PyList_Check(object); }

PyObject* interned(const char* text) { return PyUnicode_InternFromString(text); }

// Keywords that are no parameters, and NumPy's names of parameters, which torch takes as well.
struct Names {
  PyObject* out = interned("out");
  PyObject* generator = interned("generator");
  PyObject* device = interned("device");
  PyObject* requires_grad = interned("requires_grad");
  PyObject* pin_memory = interned("pin_memory");
  PyObject* layout = interned("layout");
  std::pair<PyObject*, PyObject*> aliases[6] = {
      {interned("axis"), interned("dim")}, {interned("keepdims"), interned("keepdim")},
      {interned("x"), interned("input")},  {interned("a"), interned("input")},
      {interned("x1"), interned("input")}, {interned("x2"), interned("other")}};
};

const Names& names() {
  static const Names all;
  return all;
}

// A keyword made at run time may be another object than the name that it equals.
Owned canonical(PyObject* keyword) {
  PyObject* name = Py_NewRef(keyword);
  if (!PyUnicode_CHECK_INTERNED(name)) PyUnicode_InternInPlace(&name);
  return Owned(name);
}

// Makes a fresh value the default, which is no tensor; `empty`: of a parameter without one.
void fill_in(Value& value, const Value& fallback, bool empty) {
  value.none = false;
  if (empty) return;
  value.number = fallback.number;
  value.text = fallback.text;
  if (!fallback.ints.empty()) value.ints = fallback.ints;
}

std::string quoted(PyObject* name) { return std::string("'") + PyUnicode_AsUTF8(name) + "'"; }

// The first element that is not what a sequence must hold.
std::string wrong_element(Kind kind, PyObject* const* items, Py_ssize_t count) {
  for (Py_ssize_t i = 0; i < count; ++i) {
    Dims one;
    if (kind == Kind::Tensors ? is_tensor(items[i]) : to_ints(items + i, 1, one) != Fit::No) {
      continue;
    }
    return ", but found element of type " + type_name(items[i]) + " at pos " + std::to_string(i);
  }
  return "";
}

}  // namespace

Signature::Signature(const Entry& entry, const std::string& called, Form form, bool in_space)
    : entry_(&entry), called_(called), form_(form) {
  // Of an entry with a form in a module of its own the flag means that form.
  has_aliases_ = !(entry.flags & kPlainNames) || (entry.space && !in_space);
  parse();
  write_text();
  note_shortcuts();
}

Signature::Signature(const Signature& current, const std::string& order) : Signature(current) {
  old_ = true;
  std::vector<Param> given;
  const auto take = [&](std::vector<Param>::iterator param) {
    param->required = true;
    given.push_back(std::move(*param));
    params_.erase(param);
  };
  if (hidden()) take(params_.begin());
  for (const std::string& name : split_params(order)) {
    if (hidden() && name == "input") continue;
    const auto found = std::find_if(params_.begin(), params_.end(), [&](const Param& param) {
      return PyUnicode_CompareWithASCIIString(param.name, name.c_str()) == 0;
    });
    check(found != params_.end(), "operator table: ", entry_->signature, " has no ", name);
    take(found);
  }
  num_positional_ = static_cast<int>(given.size());
  // The others have their defaults and cannot be named.
  for (Param& param : params_) {
    param.name = nullptr;
    given.push_back(std::move(param));
  }
  params_ = std::move(given);
  write_text();
  note_shortcuts();
}

void Signature::note_shortcuts() {
  usual_ = form_ != Form::InPlace && !old_ &&
           !(entry_->flags & (kFactory | kNoGrad | kNoBatch | kRandom));
  required_ = filled_ = 0;
  for (std::size_t i = 0; i < params_.size(); ++i) {
    const Param& param = params_[i];
    const std::uint64_t bit = std::uint64_t{1} << i;
    const bool may_be_empty = param.variadic && param.type.kind != Kind::Ints;
    if (param.required && !may_be_empty) required_ |= bit;
    if (param.required ? may_be_empty : !param.fallback.none) filled_ |= bit;
  }
}

void Signature::parse() {
  const std::string text = entry_->signature;
  name_ = text.substr(0, text.find('('));
  bool keyword_only = false;
  for (const std::string& part : parts_of(*entry_)) {
    if (part == "*") {
      keyword_only = true;
      continue;
    }
    const auto index = static_cast<int>(params_.size());
    check(index < entry_->function.num_params, "operator table: ", text,
          " has more parameters than its function.");
    Param param = parse_param(part, entry_->function.params[index]);
    param.slot = index;
    if (!keyword_only) ++num_positional_;
    params_.push_back(std::move(param));
  }
  check(static_cast<int>(params_.size()) == entry_->function.num_params, "operator table: ", text,
        " has fewer parameters than its function.");
}

Param Signature::parse_param(const std::string& text, ParamType type) {
  Param param{};
  param.type = type;
  const auto equals = text.find('=');
  std::string name = strip(text.substr(0, equals));
  const auto take_mark = [&](const std::string& mark) {
    if (!name.ends_with(mark)) return false;
    name.resize(name.size() - mark.size());
    return true;
  };
  if (name.front() == '*') {
    // Integers one by one only where nothing stands before them but self.
    param.variadic = type.kind != Kind::Ints || params_.size() == hidden();
    name = name.substr(1);
  }
  const auto take_kind = [&](const std::string& mark, Kind of, Kind kind) {
    if (!take_mark(mark)) return;
    check(type.kind == of, "operator table: ", entry_->signature, ": ", name,
          " has a mark of another type.");
    param.type.kind = kind;
  };
  take_kind("[1]", Kind::Ints, Kind::OneOrInts);
  take_kind(":index", Kind::Int, Kind::Index);
  take_kind(":name", Kind::Text, Kind::Name);
  take_kind(":truth", Kind::Bool, Kind::Truth);
  param.each = take_mark(":each");
  param.unnamed = take_mark(":unnamed") || (param.variadic && type.kind == Kind::Tensors);
  if (const auto bar = name.find('|'); bar != std::string::npos) {
    param.number_name = PyUnicode_InternFromString(name.substr(bar + 1).c_str());
    needs_tensor_ = true;
    name.resize(bar);
  }
  // torch's methods call it `from`, which no Python signature can.
  if (name == "from_" && !(entry_->flags & kFunctionForm)) name = "from";
  param.name = PyUnicode_InternFromString(name.c_str());
  if (equals != std::string::npos) {
    param.required = false;
    param.fallback = parse_default(strip(text.substr(equals + 1)));
    check(!param.fallback.none || type.optional, "operator table: ", entry_->signature, ": ", name,
          "=None needs an optional type.");
  }
  return param;
}

void Signature::write_text() {
  text_ = called_ + "(";
  std::vector<std::string> parts = parts_of(*entry_);
  std::erase(parts, "*");
  for (std::size_t i = hidden(); i < params_.size(); ++i) {
    const Param& param = params_[i];
    if (!param.name) break;
    if (i > hidden()) text_ += ", ";
    if (static_cast<int>(i) == num_positional_) text_ += "*, ";
    if (param.variadic) text_ += "*";
    text_ += PyUnicode_AsUTF8(param.name);
    const std::string& part = parts[static_cast<std::size_t>(param.slot)];
    if (!param.required) text_ += part.substr(part.find('='));
  }
  text_ += ")";
}

// Of arguments that fit.
static bool any_asks(PyObject* const* args, Py_ssize_t num_args) {
  return std::any_of(args, args + num_args, [](PyObject* each) {
    return is_tensor(each) && fit_of_tensor(each) == Fit::Asks;
  });
}

Fit Signature::match_variadic(const Param& param, PyObject* const* args, Py_ssize_t num_args,
                              Value& value) const {
  if (param.type.kind == Kind::Sublists) {
    value.none = false;
    return !to_sublists(args, num_args, value) ? Fit::No
           : any_asks(args, num_args)          ? Fit::Asks
                                               : Fit::Yes;
  }
  if (num_args == 1 && is_list(args[0]) && !param.each) {
    return to_value(args[0], param.type, value);
  }
  value.none = false;
  if (param.type.kind == Kind::Ints) {
    return is_list(args[0]) ? Fit::No : to_ints(args, num_args, value.ints);
  }
  Fit found = Fit::Yes;
  for (Py_ssize_t i = 0; i < num_args; ++i) {
    if (!is_tensor(args[i])) return Fit::No;
    value.tensors.push_back(unwrap(args[i]));
    if (fit_of_tensor(args[i]) == Fit::Asks) found = Fit::Asks;
  }
  return found;
}

int Signature::find(PyObject* keyword, PyObject* object) const {
  for (std::size_t i = hidden(); i < params_.size(); ++i) {
    const Param& param = params_[i];
    if (!param.number_name) {
      if (param.name == keyword && !param.unnamed) return static_cast<int>(i);
    } else if ((is_tensor(object) ? param.name : param.number_name) == keyword) {
      return static_cast<int>(i);
    }
  }
  if (!has_aliases_) return -1;
  for (const auto& [alias, name] : names().aliases) {
    if (alias == keyword) return find(name, object);
  }
  return -1;
}

bool Signature::take_common(PyObject* name, PyObject* object, CommonKeywords& common) const {
  const std::uint32_t flags = entry_->flags;
  if (name == names().out && flags & kOutForm && form_ == Form::Function) {
    if (object == Py_None) return true;
    common.out = object;
    if (!is_quiet(object) && any_has_say(object)) common.special = true;
    return true;
  }
  const auto take_flag = [&](bool& flag) {
    check(ErrorKind::Type, object == Py_None || PyBool_Check(object), called_, "(): argument ",
          quoted(name), " must be bool, not ", type_name(object));
    flag = object == Py_True;
    return true;
  };
  if (name == names().generator && flags & kRandom) {
    if (object == Py_None) return true;
    common.generator = generator_of(object);
    common.special = true;
    check(ErrorKind::Type, common.generator, called_,
          "(): argument 'generator' must be torch.Generator, not ", type_name(object));
    return true;
  }
  if (!(flags & kFactory)) return false;
  if (name == names().device) {
    check_device(called_, object);
    return true;
  }
  if (name == names().requires_grad) return take_flag(common.requires_grad);
  if (name == names().pin_memory) {
    bool pinned = false;
    take_flag(pinned);
    check(!pinned, called_, "(): pin_memory=True requires a CUDA or other accelerator backend.");
    return true;
  }
  if (name != names().layout) return false;
  check(ErrorKind::Type, object == Py_None || is_layout(object), called_,
        "(): argument 'layout' must be torch.layout, not ", type_name(object));
  check(object == Py_None || is_strided(object), called_,
        "(): there are only tensors of the layout torch.strided; pullback.sparse has one sparse "
        "matrix of its own");
  return true;
}

bool Signature::match(PyObject* const* args, Py_ssize_t num_args, PyObject* kwnames, Value* values,
                      CommonKeywords& common) const {
  int next = 0;
  int broken = -1;  // is reported once all the others fit
  PyObject* const* broken_at = nullptr;
  const auto accept = [&](Fit fit, int i, PyObject* const* at) {
    if (fit > Fit::Yes) [[unlikely]] {
      if (fit == Fit::Asks) {
        common.special = true;
      } else {
        broken = i;
        broken_at = at;
      }
    }
    return fit != Fit::No;
  };
  Py_ssize_t used = 0;
  for (; used < num_args; ++next) {
    if (next >= num_positional_) return false;
    const Param& param = params_[next];
    Value& value = values[param.slot];
    if (param.variadic) {
      const Fit fit = match_variadic(param, args + used, num_args - used, value);
      if (!accept(fit, next, args + used)) return false;
      used = num_args;
    } else {
      if (!accept(to_value(args[used], param.type, value), next, args + used)) return false;
      ++used;
    }
  }
  std::uint64_t given = (std::uint64_t{1} << next) - 1;
  const Py_ssize_t num_keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
  for (Py_ssize_t k = 0; k < num_keywords; ++k) {
    const Owned name = canonical(PyTuple_GET_ITEM(kwnames, k));
    PyObject* object = args[num_args + k];
    const int i = find(name.get(), object);
    if (i < 0) {
      if (!take_common(name.get(), object, common)) return false;
      continue;
    }
    if (given >> i & 1) return false;
    Value& value = values[params_[i].slot];
    if (!accept(to_value(object, params_[i].type, value), i, args + num_args + k)) return false;
    given |= std::uint64_t{1} << i;
  }
  if (required_ & ~given) return false;
  for (std::uint64_t left = filled_ & ~given; left; left &= left - 1) {
    const Param& param = params_[static_cast<std::size_t>(std::countr_zero(left))];
    fill_in(values[param.slot], param.fallback, param.required);
  }
  if (needs_tensor_ && !has_tensor(values)) return false;
  if (broken >= 0) [[unlikely]]
    report_broken(broken, broken_at, num_args - (broken_at - args));
  return true;
}

bool Signature::has_tensor(const Value* values) const {
  return std::any_of(values, values + num_slots(),
                     [](const Value& value) { return value.tensor.defined(); });
}

std::string Signature::argument(std::size_t i) const {
  return called_ + "(): argument " + quoted(params_[i].name);
}

void Signature::report_broken(std::size_t i, PyObject* const* at, Py_ssize_t rest) const {
  const Param& param = params_[i];
  if (is_list(*at) && param.type.kind != Kind::Name) {
    const Owned items(PySequence_Tuple(*at));
    fail(ErrorKind::Type, argument(i), " ",
         describe_broken(PySequence_Fast_ITEMS(items.get()), PyTuple_GET_SIZE(items.get())));
  }
  if (param.variadic) fail(ErrorKind::Type, argument(i), " ", describe_broken(at, rest));
  if (param.type.kind == Kind::Name) {
    const Owned shown(PyObject_Str(*at));
    const Owned bytes(PyUnicode_AsEncodedString(shown.get(), "utf-8", "replace"));
    fail(ErrorKind::Value, argument(i), " must be str, not ", type_name(*at), ": ",
         PyBytes_AS_STRING(bytes.get()), " is not a valid value for ",
         PyUnicode_AsUTF8(param.name));
  }
  const Kind kind = param.type.kind;
  if (kind == Kind::Number || kind == Kind::Operand || kind == Kind::Float) {
    PyErr_SetString(PyExc_OverflowError,
                    ("int too big to convert: " + argument(i) + " does not fit into " +
                     (kind == Kind::Float ? "a float" : "64 bits"))
                        .c_str());
    throw_python();
  }
  fail(ErrorKind::Value, "Overflow when unpacking long long: ", argument(i),
       " does not fit into 64 bits");
}

std::string Signature::mismatch(std::size_t i, PyObject* object, bool by_position) const {
  const Kind kind = params_[i].type.kind;
  std::string text = "argument " + quoted(params_[i].name);
  if (by_position) text += " (position " + std::to_string(i + 1 - hidden()) + ")";
  text += std::string(" must be ") + describe(kind);
  if (is_list(object) && (kind == Kind::Ints || kind == Kind::OneOrInts || kind == Kind::Tensors)) {
    const Owned items(PySequence_Tuple(object));
    const std::string element =
        wrong_element(kind, PySequence_Fast_ITEMS(items.get()), PyTuple_GET_SIZE(items.get()));
    if (!element.empty()) return text + element;
  }
  return text + ", not " + type_name(object);
}

std::string Signature::variadic_mismatch(std::size_t i, PyObject* const* args,
                                         Py_ssize_t num_args) const {
  if (num_args == 1) return mismatch(i, args[0], true);
  const Kind kind = params_[i].type.kind;
  return "argument " + quoted(params_[i].name) + " must be " + describe(kind) +
         wrong_element(kind, args, num_args);
}

std::string Signature::explain(PyObject* const* args, Py_ssize_t num_args,
                               PyObject* kwnames) const {
  const auto positional = static_cast<std::size_t>(num_positional_);
  const auto arguments = static_cast<std::size_t>(num_args);
  const bool variadic = positional && params_[positional - 1].variadic;
  if (arguments > positional && !variadic) {
    return "takes " + std::to_string(positional - hidden()) + " positional argument" +
           (positional - hidden() == 1 ? "" : "s") + " but " +
           std::to_string(arguments - hidden()) +
           (arguments - hidden() == 1 ? " was given" : " were given");
  }
  std::vector<bool> given(params_.size());
  CommonKeywords common;
  for (std::size_t i = 0; i < arguments && i < positional; ++i) {
    given[i] = true;
    Value value;
    if (params_[i].variadic) {
      const auto rest = static_cast<Py_ssize_t>(arguments - i);
      const Fit fit = match_variadic(params_[i], args + i, rest, value);
      if (fit == Fit::No || fit == Fit::Broken) {
        return variadic_mismatch(i, args + i, rest);
      }
      break;
    } else if (const Fit fit = to_value(args[i], params_[i].type, value);
               fit == Fit::No || fit == Fit::Broken) {
      return mismatch(i, args[i], true);
    }
  }
  const Py_ssize_t num_keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
  for (Py_ssize_t k = 0; k < num_keywords; ++k) {
    const Owned name = canonical(PyTuple_GET_ITEM(kwnames, k));
    PyObject* object = args[num_args + k];
    const int found = find(name.get(), object);
    const auto i = static_cast<std::size_t>(found);
    if (found < 0) {
      if (take_common(name.get(), object, common)) continue;
      return "got an unexpected keyword argument " + quoted(name.get());
    }
    if (given[i]) return "got multiple values for argument " + quoted(name.get());
    given[i] = true;
    Value value;
    const Fit fit = to_value(object, params_[i].type, value);
    if (fit == Fit::No || fit == Fit::Broken) return mismatch(i, object, false);
  }
  std::string missing;
  int count = 0;
  for (std::size_t i = 0; i < params_.size(); ++i) {
    if (given[i] || !params_[i].required) continue;
    missing += (count++ ? ", \"" : "\"") + std::string(PyUnicode_AsUTF8(params_[i].name)) + "\"";
  }
  if (count == 0 && needs_tensor_) return "got numbers only, one of the operands must be a Tensor";
  return "missing " + std::to_string(count) + " required positional argument" +
         (count > 1 ? "s: " : ": ") + missing;
}

std::string documented_signature(const Entry& entry) {
  const std::string text = entry.signature;
  std::string plain = text.substr(0, text.find('(') + 1);
  for (const std::string& part : parts_of(entry)) {
    if (!plain.ends_with('(')) plain += ", ";
    plain += without_marks(part);
  }
  return plain + ")";
}

std::string describe_arguments(PyObject* const* args, Py_ssize_t num_args, PyObject* kwnames,
                               Form form) {
  std::string text;
  const Py_ssize_t num_keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
  for (Py_ssize_t i = form == Form::Function ? 0 : 1; i < num_args + num_keywords; ++i) {
    if (!text.empty()) text += ", ";
    if (i >= num_args) {
      text += std::string(PyUnicode_AsUTF8(PyTuple_GET_ITEM(kwnames, i - num_args))) + "=";
    }
    text += type_name(args[i]);
  }
  return text;
}

}  // namespace pullback::bind
