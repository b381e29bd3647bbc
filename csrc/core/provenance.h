// Where the user's code was when something was recorded or written.
//
// Two words: a code object and an instruction offset, both opaque to the core.  bind supplies the
// functions; without Python (C++ programs) there is no provenance.  Resolved only when printed.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

namespace pullback {

class Provenance {
 public:
  struct Source {
    // Fills in the place of the innermost frame of the user's code; owns a reference to `code`.
    void (*capture)(Provenance& here);
    void (*retain)(void* code);
    void (*release)(void* code);
    // "file.py:12 in function", or "" when unknown.
    std::string (*describe)(void* code, std::int32_t offset);
  };
  // Set once, when the module is loaded.
  static void set_source(const Source& source) { source_ = source; }

  Provenance() = default;
  Provenance(const Provenance&) = delete;
  Provenance& operator=(const Provenance&) = delete;
  ~Provenance() { forget(); }

  void capture() {
    if (!source_.capture) return;
    forget();
    source_.capture(*this);
  }
  void share(const Provenance& other) {
    offset = other.offset;
    if (code == other.code) return;
    if (other.code) source_.retain(other.code);
    forget();
    code = other.code;
  }
  void forget() {
    if (code) source_.release(std::exchange(code, nullptr));
  }
  std::string describe() const { return code ? source_.describe(code, offset) : std::string(); }

  void* code = nullptr;
  std::int32_t offset = 0;

 private:
  static constinit Source source_;
};

}  // namespace pullback
