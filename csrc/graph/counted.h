// What the mode holds for the user's code: counted, so that a pass can put back what it found.
#pragma once

#include <utility>

#include "core/ref.h"

namespace pullback {

class Counted {
 public:
  Counted() = default;
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  virtual ~Counted() = default;
  static void dispose(Counted* object) noexcept { delete object; }

  RefCount refs;
};

// For a pointer in the mode, which owns one reference: makes it own another object's; the old one.
template <typename T>
Ref<T> exchange_counted(T*& place, Ref<T> value) {
  return Ref<T>::adopt(std::exchange(place, value.release()));
}

}  // namespace pullback
