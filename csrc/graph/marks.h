// The mark that a backward pass leaves on a node or a leaf: its number, and the place it gave it.
//
// Where threads run without a common lock (PULLBACK_ATOMIC_REFS) several passes may reach for the
// same mark: it goes to the one that exchanges the zero.  Only the pass that holds it reads `slot`.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>

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

// Held while a leaf's metadata is made or its gradient added to, so that sums are exact.
class LeafLock {
 public:
#if PULLBACK_ATOMIC_REFS
  explicit LeafLock(const void* leaf) : lock_(mutex_of(leaf)) {}

 private:
  // Few mutexes for all leaves; a hook may come back to a leaf of the same one.
  static std::recursive_mutex& mutex_of(const void* leaf) {
    static std::array<std::recursive_mutex, 64> mutexes;
    return mutexes[reinterpret_cast<std::uintptr_t>(leaf) / 64 % mutexes.size()];
  }

  std::lock_guard<std::recursive_mutex> lock_;
#else
  explicit LeafLock(const void*) {}
#endif
};

}  // namespace pullback
