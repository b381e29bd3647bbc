// The one exception type of the core, with the Python exception it becomes.
//
// Messages read `op: what is wrong: got X, expected Y. Hint.` or are PyTorch's sentence where users
// search for it.  The core never sees Python: bind/guard.h translates the kind.
#pragma once

#include <cstdint>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace pullback {

enum class ErrorKind : std::uint8_t { Runtime, Type, Value, Index, NotImplemented, Memory, LinAlg };

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

namespace detail {
// What a piece of a message is passed as.  The type of a literal says its length, and integers are
// of many types: without these, messages of one shape share a function.
template <typename T>
decltype(auto) piece(const T& value) {
  if constexpr (std::is_array_v<T>) {
    return static_cast<const char*>(value);
  } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T> && sizeof(T) >= sizeof(int)) {
    return static_cast<std::int64_t>(value);
  } else {
    return (value);
  }
}

template <typename... Pieces>
[[noreturn, gnu::cold, gnu::noinline]] void fail_with(ErrorKind kind, Pieces... pieces) {
  std::ostringstream message;
  (message << ... << pieces);
  throw Error(kind, message.str());
}
}  // namespace detail

// Streams its arguments into the message of an Error and throws it.
template <typename... Args>
[[noreturn, gnu::cold]] inline void fail(ErrorKind kind, const Args&... args) {
  detail::fail_with<decltype(detail::piece(args))...>(kind, detail::piece(args)...);
}

template <typename... Args>
[[noreturn, gnu::cold]] inline void fail(const Args&... args) {
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
