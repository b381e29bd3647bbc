// See signature.h.
#include "bind/signature.h"

#include <cstdlib>

#include "bind/convert.h"
#include "bind/factories.h"
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
      return "int";
    case Kind::Float:
      return "float";
    case Kind::Bool:
      return "bool";
    case Kind::Ints:
      return "tuple of ints";
    case Kind::DType:
      return "torch.dtype";
    case Kind::DimPair:
      return "tuple of two tuples of ints";
    case Kind::Tensors:
      return "tuple of Tensors";
    case Kind::Text:
      return "str";
    case Kind::MemoryFormat:
      return "torch.memory_format";
    case Kind::Sublists:
      return "tensors with lists of labels";
  }
  return "object";
}

bool is_named(PyObject* name, const char* text) {
  return PyUnicode_CompareWithASCIIString(name, text) == 0;
}

}  // namespace

Signature::Signature(const Entry& entry) : entry_(&entry) { parse(); }

void Signature::parse() {
  const std::string text = entry_->signature;
  const auto open = text.find('(');
  name_ = text.substr(0, open);
  bool keyword_only = false;
  for (const std::string& part : split_params(text.substr(open + 1, text.rfind(')') - open - 1))) {
    if (part == "*") {
      keyword_only = true;
      continue;
    }
    const auto index = static_cast<int>(params_.size());
    check(index < entry_->function.num_params, "operator table: ", text,
          " has more parameters than its function.");
    Param param = parse_param(part, entry_->function.params[index]);
    param.keyword_only = keyword_only;
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
  if (name.front() == '*') {
    param.variadic = true;
    name = name.substr(1);
  }
  param.name = PyUnicode_InternFromString(name.c_str());
  if (equals != std::string::npos) {
    param.required = false;
    param.fallback = parse_default(strip(text.substr(equals + 1)));
    check(!param.fallback.none || type.optional, "operator table: ", entry_->signature, ": ", name,
          "=None needs an optional type.");
  }
  return param;
}

bool Signature::match_variadic(const Param& param, PyObject* const* args, Py_ssize_t num_args,
                               Value& value) {
  if (param.type.kind == Kind::Sublists) {
    value.none = false;
    return to_sublists(args, num_args, value);
  }
  if (num_args == 1 && (PyTuple_Check(args[0]) || PyList_Check(args[0]))) {
    return to_value(args[0], param.type, value);
  }
  value.none = false;
  for (Py_ssize_t i = 0; i < num_args; ++i) {
    if (param.type.kind == Kind::Tensors) {
      if (!is_tensor(args[i])) return false;
      value.tensors.push_back(unwrap(args[i]));
    } else {
      std::int64_t number;
      if (!to_int(args[i], number)) return false;
      value.ints.push_back(number);
    }
  }
  return true;
}

// The parameter of that name, or of the name that NumPy has for it, as torch allows.
int Signature::find(PyObject* keyword) const {
  for (std::size_t i = 0; i < params_.size(); ++i) {
    if (params_[i].name == keyword) return static_cast<int>(i);
  }
  static constexpr std::pair<const char*, const char*> kAliases[] = {
      {"axis", "dim"}, {"keepdims", "keepdim"}, {"x", "input"},
      {"a", "input"},  {"x1", "input"},         {"x2", "other"}};
  for (std::size_t i = 0; i < params_.size(); ++i) {
    if (PyUnicode_Compare(params_[i].name, keyword) == 0) return static_cast<int>(i);
    for (const auto& [alias, name] : kAliases) {
      if (PyUnicode_CompareWithASCIIString(keyword, alias) == 0 &&
          PyUnicode_CompareWithASCIIString(params_[i].name, name) == 0) {
        return static_cast<int>(i);
      }
    }
  }
  return -1;
}

bool Signature::take_common(PyObject* name, PyObject* object, CommonKeywords& common) const {
  const std::uint32_t flags = entry_->flags;
  if (flags & kOutForm && is_named(name, "out")) {
    if (object != Py_None) common.out = object;
    return true;
  }
  if (flags & kRandom && is_named(name, "generator")) return object == Py_None;
  if (!(flags & kFactory)) return false;
  if (is_named(name, "device")) {
    check_device(object);
    return true;
  }
  if (is_named(name, "requires_grad") && PyBool_Check(object)) {
    common.requires_grad = object == Py_True;
    return true;
  }
  // Strided memory that is not pinned is all there is.
  if (is_named(name, "pin_memory")) return object == Py_False || object == Py_None;
  return is_named(name, "layout") && (object == Py_None || is_strided(object));
}

bool Signature::match(PyObject* const* args, Py_ssize_t num_args, PyObject* kwnames, Value* values,
                      CommonKeywords& common) const {
  const int count = static_cast<int>(params_.size());
  int next = 0;
  Py_ssize_t used = 0;
  for (; used < num_args; ++next) {
    if (next >= num_positional_) return false;
    const Param& param = params_[next];
    if (param.variadic) {
      if (!match_variadic(param, args + used, num_args - used, values[next])) return false;
      used = num_args;
    } else if (!to_value(args[used++], param.type, values[next])) {
      return false;
    }
  }
  std::uint64_t given = (std::uint64_t{1} << next) - 1;
  const Py_ssize_t num_keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
  for (Py_ssize_t k = 0; k < num_keywords; ++k) {
    PyObject* name = PyTuple_GET_ITEM(kwnames, k);
    PyObject* object = args[num_args + k];
    const int i = find(name);
    if (i < 0) {
      if (!take_common(name, object, common)) return false;
      continue;
    }
    if (given >> i & 1 || !to_value(object, params_[i].type, values[i])) return false;
    given |= std::uint64_t{1} << i;
  }
  for (int i = 0; i < count; ++i) {
    if (given >> i & 1) continue;
    const Param& param = params_[i];
    if (param.required && !param.variadic) return false;
    if (param.required) {
      values[i].none = false;
    } else {
      values[i] = param.fallback;
    }
  }
  return true;
}

std::string Signature::explain(PyObject* const* args, Py_ssize_t num_args,
                               PyObject* kwnames) const {
  const std::string head = name_ + "(): ";
  const bool variadic =
      !params_.empty() && params_[num_positional_ ? num_positional_ - 1 : 0].variadic;
  if (num_args > num_positional_ && !variadic) {
    return name_ + "() takes " + std::to_string(num_positional_) + " positional arguments but " +
           std::to_string(num_args) + " were given";
  }
  const Py_ssize_t num_keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
  std::vector<bool> given(params_.size());
  const auto mismatch = [&](std::size_t i, PyObject* object, const std::string& place) {
    return name_ + "(): argument '" + PyUnicode_AsUTF8(params_[i].name) + "'" + place +
           " must be " + describe(params_[i].type.kind) + ", not " + Py_TYPE(object)->tp_name;
  };
  for (Py_ssize_t i = 0; i < num_args && i < num_positional_; ++i) {
    const auto at = static_cast<std::size_t>(i);
    given[at] = true;
    Value value;
    if (!params_[at].variadic && !to_value(args[i], params_[at].type, value)) {
      return mismatch(at, args[i], " (position " + std::to_string(i + 1) + ")");
    }
  }
  for (Py_ssize_t k = 0; k < num_keywords; ++k) {
    PyObject* name = PyTuple_GET_ITEM(kwnames, k);
    const int found = find(name);
    const auto i = static_cast<std::size_t>(found);
    CommonKeywords common;
    if (found < 0 && take_common(name, args[num_args + k], common)) continue;
    if (found < 0) {
      return name_ + "() got an unexpected keyword argument '" + PyUnicode_AsUTF8(name) + "'";
    }
    if (given[i]) return head + "got multiple values for argument '" + PyUnicode_AsUTF8(name) + "'";
    given[i] = true;
    Value value;
    if (!to_value(args[num_args + k], params_[i].type, value)) {
      return mismatch(i, args[num_args + k], "");
    }
  }
  std::string missing;
  int count = 0;
  for (std::size_t i = 0; i < params_.size(); ++i) {
    if (given[i] || !params_[i].required || params_[i].variadic) continue;
    missing += (count++ ? ", \"" : "\"") + std::string(PyUnicode_AsUTF8(params_[i].name)) + "\"";
  }
  if (count) {
    return name_ + "() missing " + std::to_string(count) + " required positional argument" +
           (count > 1 ? "s: " : ": ") + missing;
  }
  return head + "got (" + describe_arguments(args, num_args, kwnames) + "), expected " +
         entry_->signature;
}

std::string describe_arguments(PyObject* const* args, Py_ssize_t num_args, PyObject* kwnames) {
  std::string text;
  const Py_ssize_t num_keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
  for (Py_ssize_t i = 0; i < num_args + num_keywords; ++i) {
    if (i) text += ", ";
    if (i >= num_args) {
      text += std::string(PyUnicode_AsUTF8(PyTuple_GET_ITEM(kwnames, i - num_args))) + "=";
    }
    text += is_tensor(args[i]) ? "Tensor" : Py_TYPE(args[i])->tp_name;
  }
  return text;
}

}  // namespace pullback::bind
