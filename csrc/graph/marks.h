// The mark that a backward pass leaves on a node or a leaf: its number, and the place it gave it.
//
// Where threads run without a common lock (PULLBACK_ATOMIC_REFS) several passes may reach for the
// same mark: it goes to the one that exchanges the zero.  Only the pass that holds it reads `slot`.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/ref.h"

namespace pullback {

class PassMark {
 public:
  bool is(std::uint32_t pass) const { return load() == pass; }
  bool claim(std::uint32_t pass, std::uint32_t place) {
#if PULLBACK_ATOMIC_REFS
    std::uint32_t none = 0;
    if (!std::atomic_ref(pass_).compare_exchange_strong(none, pass, std::memory_order_acquire)) {
      return false;
    }
#else
    if (pass_ != 0) return false;
    pass_ = pass;
#endif
    slot = place;
    return true;
  }
  void leave(std::uint32_t pass) {
    if (!is(pass)) return;
#if PULLBACK_ATOMIC_REFS
    std::atomic_ref(pass_).store(0, std::memory_order_release);
#else
    pass_ = 0;
#endif
  }

  std::uint32_t slot = 0;

 private:
  std::uint32_t load() const {
#if PULLBACK_ATOMIC_REFS
    return std::atomic_ref(const_cast<std::uint32_t&>(pass_)).load(std::memory_order_relaxed);
#else
    return pass_;
#endif
  }

  std::uint32_t pass_ = 0;
};

}  // namespace pullback
