// What one call of an operator of the table works on: its overloads and its arguments.
#pragma once

#include <Python.h>

#include <cstddef>
#include <string>
#include <vector>

#include "bind/signature.h"

namespace pullback::bind {

constexpr int kMaxArguments = 16;

// All overloads of a name in one of its forms; lives as long as the process.
struct Overloads {
  std::string name;
  Form form;
  std::string module;          // where the name is public
  std::string qualified_name;  // "Tensor.add" for a method
  std::vector<Signature> signatures;
  PyTypeObject* named_tuple = nullptr;
};

// Room for the arguments of one call, on the stack.
class Arguments {
 public:
  explicit Arguments(std::size_t count) : count_(count) {
    for (std::size_t i = 0; i < count_; ++i) new (values() + i) Value;
  }
  ~Arguments() {
    for (std::size_t i = 0; i < count_; ++i) values()[i].~Value();
  }
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;
  Value* values() { return reinterpret_cast<Value*>(room_); }
  std::size_t size() const { return count_; }

 private:
  std::size_t count_;
  alignas(Value) std::byte room_[kMaxArguments * sizeof(Value)];
};

}  // namespace pullback::bind
