// Intrusive references: one word, no control block.
//
// NOTE [Reference counts]
// Under the GIL a count is only ever touched by the thread that holds the lock: kernels, which run
// without it, see raw memory only.  So the wheel counts with plain loads and stores.  Builds
// without that guarantee (C++ programs with threads, free-threaded Python, the sanitizer builds)
// define PULLBACK_ATOMIC_REFS=1 and pay for read-modify-write instructions.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#ifndef PULLBACK_ATOMIC_REFS
#define PULLBACK_ATOMIC_REFS 0
#endif

namespace pullback {

class RefCount {
 public:
  std::uint32_t get() const { return count_.load(std::memory_order_acquire); }

  void increment() {
#if PULLBACK_ATOMIC_REFS
    count_.fetch_add(1, std::memory_order_relaxed);
#else
    count_.store(count_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
#endif
  }

  // True when this was the last reference.
  bool decrement() {
#if PULLBACK_ATOMIC_REFS
    return count_.fetch_sub(1, std::memory_order_acq_rel) == 1;
#else
    const std::uint32_t left = count_.load(std::memory_order_relaxed) - 1;
    count_.store(left, std::memory_order_relaxed);
    return left == 0;
#endif
  }

 private:
  std::atomic<std::uint32_t> count_{1};
};

// T has a member `RefCount refs` and a static function `void dispose(T*) noexcept`, called at zero.
template <typename T>
class Ref {
 public:
  constexpr Ref() = default;
  constexpr Ref(std::nullptr_t) {}
  Ref(const Ref& other) : target_(other.target_) {
    if (target_) target_->refs.increment();
  }
  Ref(Ref&& other) noexcept : target_(std::exchange(other.target_, nullptr)) {}
  ~Ref() { drop(target_); }

  Ref& operator=(const Ref& other) {
    Ref copy(other);
    std::swap(target_, copy.target_);
    return *this;
  }
  Ref& operator=(Ref&& other) noexcept {
    if (this != &other) drop(std::exchange(target_, std::exchange(other.target_, nullptr)));
    return *this;
  }

  // Takes over a reference that the caller owns (a new object is born with one).
  static Ref adopt(T* target) {
    Ref ref;
    ref.target_ = target;
    return ref;
  }
  // Makes one more reference.
  static Ref share(T* target) {
    if (target) target->refs.increment();
    return adopt(target);
  }

  T* get() const { return target_; }
  T* operator->() const { return target_; }
  T& operator*() const { return *target_; }
  explicit operator bool() const { return target_ != nullptr; }
  T* release() { return std::exchange(target_, nullptr); }
  bool unique() const { return target_ && target_->refs.get() == 1; }

  friend bool operator==(const Ref& a, const Ref& b) { return a.target_ == b.target_; }

 private:
  static void drop(T* target) {
    if (target && target->refs.decrement()) T::dispose(target);
  }

  T* target_ = nullptr;
};

}  // namespace pullback
