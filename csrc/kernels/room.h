// Memory of a kernel's own, without values, from the allocator's cache.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "core/allocator.h"

namespace pullback::kernels {

template <typename T>
class Room {
 public:
  explicit Room(std::int64_t n)
      : bytes_(static_cast<std::size_t>(std::max<std::int64_t>(1, n)) * sizeof(T)),
        data_(static_cast<T*>(memory::allocate(bytes_))) {}
  ~Room() {
    if (data_) memory::deallocate(data_, bytes_);
  }
  Room(Room&& from) noexcept : bytes_(from.bytes_), data_(std::exchange(from.data_, nullptr)) {}
  Room& operator=(Room&&) = delete;
  T* data() const { return data_; }

 private:
  std::size_t bytes_;
  T* data_;
};

}  // namespace pullback::kernels
