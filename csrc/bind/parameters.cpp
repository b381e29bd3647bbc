// See parameters.h.
#include "bind/parameters.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "bind/convert.h"
#include "bind/guard.h"
#include "bind/types.h"

namespace pullback::bind {
namespace {

// NumPy's names, which torch takes as well.
constexpr std::pair<const char*, const char*> kAliases[] = {
    {"axis", "dim"}, {"x", "input"}, {"a", "input"}, {"x1", "input"}, {"x2", "other"}};

bool is(PyObject* keyword, const char* name) {
  return PyUnicode_CompareWithASCIIString(keyword, name) == 0;
}

// Whether the keyword, which is no parameter itself, stands for this one.
bool is_alias(PyObject* keyword, std::string_view name) {
  return std::any_of(std::begin(kAliases), std::end(kAliases), [&](const auto& alias) {
    return name == alias.second && is(keyword, alias.first);
  });
}

}  // namespace

ParameterNames::ParameterNames(const char* function, std::vector<const char*> names,
                               std::size_t positional, std::size_t required)
    : function_(function), names_(std::move(names)), positional_(positional), required_(required) {
  for (const char* name : names_) {
    interned_.push_back(Owned(PyUnicode_InternFromString(name)).release());
  }
}

PyObject** ParameterNames::find(PyObject* keyword, PyObject** given) const {
  // Keywords in code are interned; one made at run time may only equal the name.
  const auto known = std::find(interned_.begin(), interned_.end(), keyword);
  if (known != interned_.end()) [[likely]] {
    PyObject** const place = given + (known - interned_.begin());
    if (!*place) return place;
  }
  for (const bool alias : {false, true}) {
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (alias ? !is_alias(keyword, names_[i]) : !is(keyword, names_[i])) continue;
      check(ErrorKind::Type, !given[i], function_, "() got multiple values for argument '",
            names_[i], "'");
      return given + i;
    }
  }
  fail(ErrorKind::Type, function_, "() got an unexpected keyword argument '",
       PyUnicode_AsUTF8(keyword), "'");
}

void ParameterNames::check_required(PyObject** given) const {
  for (std::size_t i = 0; i < required_; ++i) {
    check(ErrorKind::Type, given[i], function_, "() missing 1 required positional argument: \"",
          names_[i], "\"");
  }
}

void ParameterNames::read(PyObject* const* args, Py_ssize_t n, PyObject* kwnames,
                          PyObject** given) const {
  check(ErrorKind::Type, static_cast<std::size_t>(n) <= positional_, function_, "() takes ",
        positional_ > required_ ? "at most " : "", positional_, " positional argument",
        positional_ == 1 ? "" : "s", " but ", n, n == 1 ? " was given" : " were given");
  std::copy_n(args, n, given);
  for (Py_ssize_t k = 0; kwnames && k < PyTuple_GET_SIZE(kwnames); ++k) {
    *find(PyTuple_GET_ITEM(kwnames, k), given) = args[n + k];
  }
  check_required(given);
}

void ParameterNames::refuse(std::size_t i, const char* wanted, PyObject* got) const {
  const std::string place =
      i < positional_ ? " (position " + std::to_string(i + 1) + ")" : std::string();
  fail(ErrorKind::Type, function_, "(): argument '", names_[i], "'", place, " must be ", wanted,
       ", not ", type_name(got));
}

bool ParameterNames::flag(std::size_t i, PyObject* object) const {
  if (object && !PyBool_Check(object)) refuse(i, "bool", object);
  return object == Py_True;
}

bool ParameterNames::dtype(std::size_t i, PyObject* object, DType& wanted) const {
  if (!object || object == Py_None) return false;
  if (!unwrap_dtype(object, wanted)) refuse(i, "torch.dtype", object);
  return true;
}

MemoryFormat ParameterNames::format(std::size_t i, PyObject* object, MemoryFormat fallback,
                                    bool optional) const {
  if (!object || (optional && object == Py_None)) return fallback;
  MemoryFormat format;
  if (!unwrap_format(object, format)) refuse(i, "torch.memory_format", object);
  return format;
}

}  // namespace pullback::bind
