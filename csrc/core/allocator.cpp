// See allocator.h.  Start at allocate(); ThreadCache is the quick road, LargeCache the other one.
#include "core/allocator.h"

#include <atomic>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <utility>
#include <vector>

#include "core/error.h"

namespace pullback::memory {

thread_local constinit ThreadCache cache{};

namespace {

constexpr std::size_t kSlabBytes = std::size_t{64} << 10;
constexpr std::int64_t kDefaultBound = std::int64_t{1} << 30;

void* system_allocate(std::size_t bytes) {
  void* block = std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
  if (!block) {
    fail(ErrorKind::Memory, "can't allocate memory: you tried to allocate ", bytes, " bytes.");
  }
  return block;
}

// What threads have in common: the caches of those alive, what ended threads left behind.
class Shared {
 public:
  // Never destroyed: tensors may die after static destructors have run.
  static Shared& get() {
    static Shared* shared = new Shared;
    return *shared;
  }

  void enrol(ThreadCache* thread) {
    std::lock_guard lock(mutex_);
    threads_.push_back(thread);
    thread->registered = true;
  }

  void retire(ThreadCache* thread) {
    std::lock_guard lock(mutex_);
    std::erase(threads_, thread);
    left_.small_bytes += thread->small_bytes;
    for (int k = 0; k < kLiveKinds; ++k) left_.live[k] += thread->live[k];
    for (std::size_t c = 0; c < kSmallClasses; ++c) {
      // Whole, so that threads that run side by side find a list each and make no new slabs.
      if (FreeBlock* list = thread->free[c]) {
        list->next_list = left_.free[c];
        left_.free[c] = list;
      }
    }
    *thread = ThreadCache{};
  }

  // Blocks of one class for a thread that has none: a list that an ended thread left, or a slab.
  FreeBlock* refill(std::size_t c) {
    std::lock_guard lock(mutex_);
    if (FreeBlock* list = left_.free[c]) {
      left_.free[c] = list->next_list;
      return list;
    }
    const std::size_t size = c * kAlignment;
    char* slab = static_cast<char*>(system_allocate(kSlabBytes));
    FreeBlock* list = nullptr;
    for (std::size_t at = kSlabBytes / size * size; at >= size; at -= size) {
      auto* block = reinterpret_cast<FreeBlock*>(slab + at - size);
      block->next = list;
      list = block;
    }
    return list;
  }

  void add_to(Stats& stats) {
    std::lock_guard lock(mutex_);
    std::int64_t live[kLiveKinds];
    std::int64_t bytes = left_.small_bytes;
    for (int k = 0; k < kLiveKinds; ++k) live[k] = left_.live[k];
    for (const ThreadCache* thread : threads_) {
      bytes += thread->small_bytes;
      for (int k = 0; k < kLiveKinds; ++k) live[k] += thread->live[k];
    }
    stats.allocated_bytes += bytes;
    stats.tensors = live[0];
    stats.storages = live[1];
    stats.nodes = live[2];
  }

 private:
  std::mutex mutex_;
  std::vector<ThreadCache*> threads_;
  ThreadCache left_{};
};

struct Enrolment {
  Enrolment() { Shared::get().enrol(&cache); }
  ~Enrolment() { Shared::get().retire(&cache); }
};

[[gnu::noinline]] void enrol_thread() {
  thread_local Enrolment enrolment;
  (void)enrolment;
}

class LargeCache {
 public:
  static LargeCache& get() {
    static LargeCache* large = new LargeCache;
    return *large;
  }

  void* take(std::size_t bytes) {
    const SizeClass size = size_class(bytes);
    {
      std::lock_guard lock(mutex_);
      used_ += static_cast<std::int64_t>(size.bytes);
      if (used_ > peak_) peak_ = used_;
      auto& blocks = free_[size.index];
      if (!blocks.empty()) {
        void* block = blocks.back();
        blocks.pop_back();
        cached_ -= static_cast<std::int64_t>(size.bytes);
        return block;
      }
    }
    try {
      return system_allocate(size.bytes);
    } catch (const Error&) {
      empty();
      return system_allocate(size.bytes);
    }
  }

  void give(void* block, std::size_t bytes) noexcept {
    const SizeClass size = size_class(bytes);
    const auto block_bytes = static_cast<std::int64_t>(size.bytes);
    {
      std::lock_guard lock(mutex_);
      used_ -= block_bytes;
      if (cached_ + block_bytes <= bound_) {
        free_[size.index].push_back(block);
        cached_ += block_bytes;
        return;
      }
    }
    std::free(block);
  }

  void empty() {
    std::lock_guard lock(mutex_);
    trim(0);
  }

  void set_bound(std::int64_t bytes) {
    std::lock_guard lock(mutex_);
    bound_ = bytes;
    trim(bytes);
  }

  void reset_peak() {
    std::lock_guard lock(mutex_);
    peak_ = used_;
  }

  void add_to(Stats& stats) {
    std::lock_guard lock(mutex_);
    stats.allocated_bytes += used_;
    stats.peak_bytes = peak_;
    stats.cached_bytes = cached_;
    stats.bound_bytes = bound_;
  }

 private:
  struct SizeClass {
    int index;
    std::size_t bytes;
  };

  // Four classes to a power of two: at most a quarter of a block is wasted.
  static SizeClass size_class(std::size_t bytes) {
    const int log = std::bit_width(bytes - 1) - 1;
    const std::size_t step = std::size_t{1} << (log - 2);
    const std::size_t rounded = (bytes + step - 1) / step * step;
    return {log * 4 + static_cast<int>((rounded - (std::size_t{1} << log)) / step), rounded};
  }

  void trim(std::int64_t keep) {
    for (int index = kClasses - 1; index >= 0 && cached_ > keep; --index) {
      const std::size_t step = index / 4 >= 2 ? std::size_t{1} << (index / 4 - 2) : 0;
      const std::size_t bytes = (std::size_t{1} << (index / 4)) + (index % 4) * step;
      auto& blocks = free_[index];
      while (!blocks.empty() && cached_ > keep) {
        std::free(blocks.back());
        blocks.pop_back();
        cached_ -= static_cast<std::int64_t>(bytes);
      }
    }
  }

  static constexpr int kClasses = 4 * 64;
  std::mutex mutex_;
  std::vector<void*> free_[kClasses];
  std::int64_t used_ = 0;
  std::int64_t peak_ = 0;
  std::int64_t cached_ = 0;
  std::int64_t bound_ = kDefaultBound;
};

}  // namespace

void* allocate_slow(std::size_t bytes) {
  if (!cache.registered) enrol_thread();
  if constexpr (!kCaches) {
    cache.small_bytes += static_cast<std::int64_t>(bytes);
    return system_allocate(bytes);
  }
  if (bytes > kSmallLimit) return LargeCache::get().take(bytes);
  const std::size_t c = small_class(bytes);
  FreeBlock* list = Shared::get().refill(c);
  cache.free[c] = list->next;
  cache.small_bytes += static_cast<std::int64_t>(c * kAlignment);
  return list;
}

void deallocate_slow(void* block, std::size_t bytes) noexcept {
  if constexpr (!kCaches) {
    cache.small_bytes -= static_cast<std::int64_t>(bytes);
    std::free(block);
    return;
  }
  if (bytes > kSmallLimit) return LargeCache::get().give(block, bytes);
  enrol_thread();
  deallocate(block, bytes);
}

Stats stats() {
  if (!cache.registered) enrol_thread();
  Stats stats{};
  Shared::get().add_to(stats);
  LargeCache::get().add_to(stats);
  return stats;
}

void reset_peak() { LargeCache::get().reset_peak(); }

void set_bound(std::int64_t bytes) {
  check(ErrorKind::Value, bytes >= 0, "memory.set_bound: got ", bytes, " bytes, expected >= 0");
  LargeCache::get().set_bound(bytes);
}

void empty_cache() { LargeCache::get().empty(); }

}  // namespace pullback::memory
