// The named tuples of operators with several results: torch.return_types.max and its kind.
#pragma once

#include <Python.h>

#include <string>
#include <vector>

namespace pullback::bind {

// A type with these fields, "values, indices".
PyTypeObject* make_named_tuple(const std::string& name, const char* fields);
// The parts of a text without the blanks around them; none of nullptr.
std::vector<std::string> split(const char* text, char separator);

}  // namespace pullback::bind
