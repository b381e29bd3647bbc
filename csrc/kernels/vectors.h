// Vectors of the machine, for files that are compiled per instruction set: arithmetic on them is
// the compiler's.
#pragma once

#include <cstring>

#include "kernels/dispatch.h"

namespace pullback::kernels::PULLBACK_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
#elif defined(__AVX__)
constexpr int kVectorBytes = 32;
#else
constexpr int kVectorBytes = 16;
#endif

template <typename T, int bytes = kVectorBytes>
struct VectorOf {
  typedef T type __attribute__((vector_size(bytes)));
};
template <typename T>
constexpr int kWidth = kVectorBytes / static_cast<int>(sizeof(T));
template <typename T, int width = kWidth<T>>
using Vector = typename VectorOf<T, width* static_cast<int>(sizeof(T))>::type;

template <typename T>
PULLBACK_INLINE Vector<T> load(const T* p) {
  Vector<T> v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}

}  // namespace
}  // namespace pullback::kernels::PULLBACK_ISA
