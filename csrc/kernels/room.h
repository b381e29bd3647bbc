// Memory of a kernel's own, without values, from the allocator's cache.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/allocator.h"

namespace pullback::kernels {

template <typename T>
class Room {
 public:
  explicit Room(std::int64_t n)
      : bytes_(static_cast<std::size_t>(std::max<std::int64_t>(1, n)) * sizeof(T)),
        data_(static_cast<T*>(memory::allocate(bytes_))) {}
  ~Room() { memory::deallocate(data_, bytes_); }
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;
  T* data() const { return data_; }

 private:
  std::size_t bytes_;
  T* data_;
};

}  // namespace pullback::kernels
