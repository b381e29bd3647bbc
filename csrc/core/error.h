// The one exception type of the core, with the Python exception it becomes.
//
// Messages read `op: what is wrong: got X, expected Y. Hint.` or are PyTorch's sentence where users
// search for it.  The core never sees Python: bind/guard.h translates the kind.
#pragma once

#include <cstdint>
#include <sstream>
#include <stdexcept>
#include <string>

namespace pullback {

enum class ErrorKind : std::uint8_t { Runtime, Type, Value, Index, NotImplemented, Memory, LinAlg };

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

// Streams its arguments into the message of an Error and throws it.
template <typename... Args>
[[noreturn, gnu::cold, gnu::noinline]] void fail(ErrorKind kind, const Args&... args) {
  std::ostringstream message;
  (message << ... << args);
  throw Error(kind, message.str());
}

template <typename... Args>
[[noreturn, gnu::cold]] void fail(const Args&... args) {
  fail(ErrorKind::Runtime, args...);
}

// Throws a RuntimeError unless the condition holds; the message is built only then.
template <typename... Args>
inline void check(bool condition, const Args&... args) {
  if (!condition) [[unlikely]] {
    fail(ErrorKind::Runtime, args...);
  }
}

template <typename... Args>
inline void check(ErrorKind kind, bool condition, const Args&... args) {
  if (!condition) [[unlikely]] {
    fail(kind, args...);
  }
}

}  // namespace pullback
