// Words for the user that are no error: bind hands them on to Python's warnings.
//
// Without Python (C++ programs) nobody hears them.
#pragma once

#include <cstdint>
#include <sstream>
#include <string>

namespace pullback {

enum class WarningKind : std::uint8_t { User, Deprecation, Future };

class Warnings {
 public:
  // May throw: the user can turn warnings into errors.
  using Handler = void (*)(WarningKind kind, const std::string& message);
  // Set once, when the module is loaded.
  static void set_handler(Handler handler) { handler_ = handler; }
  static void give(WarningKind kind, const std::string& message) {
    if (handler_) handler_(kind, message);
  }

 private:
  static inline constinit Handler handler_ = nullptr;
};

// Streams its arguments into the message.
template <typename... Args>
[[gnu::cold, gnu::noinline]] void warn(WarningKind kind, const Args&... args) {
  std::ostringstream message;
  (message << ... << args);
  Warnings::give(kind, message.str());
}

template <typename... Args>
[[gnu::cold]] void warn(const Args&... args) {
  warn(WarningKind::User, args...);
}

}  // namespace pullback
