// A number given by the user: bool, integer or float.  It takes part in type promotion by its
// category only and is a kernel argument, never a temporary tensor.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "core/dtype.h"
#include "core/error.h"

namespace pullback {

// Room for one element of any dtype.
struct alignas(16) Element {
  char bytes[16] = {};
};

class Scalar {
 public:
  constexpr Scalar() : Scalar(0.0) {}
  constexpr Scalar(double value) : category_(Category::Floating), float_(value) {}  // NOLINT
  constexpr Scalar(bool value) : category_(Category::Bool), int_(value) {}          // NOLINT
  template <typename T>
    requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
  constexpr Scalar(T value) : category_(Category::Integral), int_(value) {}  // NOLINT

  // An integer from 2**63 on: it can be made a float, and nothing else.
  static Scalar wide(std::uint64_t value) {
    Scalar number(static_cast<std::int64_t>(value));
    number.wide_ = true;
    return number;
  }

  constexpr Category category() const { return category_; }
  constexpr bool is_floating() const { return category_ == Category::Floating; }
  constexpr bool is_wide() const { return wide_; }
  constexpr double to_double() const {
    if (is_floating()) return float_;
    return wide_ ? static_cast<double>(static_cast<std::uint64_t>(int_))
                 : static_cast<double>(int_);
  }
  constexpr std::int64_t to_int() const {
    if (is_floating()) return static_cast<std::int64_t>(float_);
    if (wide_) [[unlikely]] {
      fail("value cannot be converted to type int64_t without overflow: got ",
           static_cast<std::uint64_t>(int_), ", which is more than an int64 holds.");
    }
    return int_;
  }
  constexpr bool to_bool() const { return is_floating() ? float_ != 0 : int_ != 0; }

  // Writes the number as one element of the dtype.
  void store(DType dtype, void* out) const {
    switch (dtype) {
      case DType::Bool:
        put(out, static_cast<std::uint8_t>(to_bool()));
        return;
      case DType::UInt8:
        put(out, static_cast<std::uint8_t>(to_int()));
        return;
      case DType::Int32:
        put(out, static_cast<std::int32_t>(to_int()));
        return;
      case DType::Int64:
        put(out, to_int());
        return;
      case DType::Float32:
        put(out, static_cast<float>(to_double()));
        return;
      case DType::Float64:
        put(out, to_double());
        return;
    }
  }

  static Scalar load(DType dtype, const void* in) {
    switch (dtype) {
      case DType::Bool:
        return Scalar(get<std::uint8_t>(in) != 0);
      case DType::UInt8:
        return Scalar(get<std::uint8_t>(in));
      case DType::Int32:
        return Scalar(get<std::int32_t>(in));
      case DType::Int64:
        return Scalar(get<std::int64_t>(in));
      case DType::Float32:
        return Scalar(static_cast<double>(get<float>(in)));
      case DType::Float64:
        return Scalar(get<double>(in));
    }
    __builtin_unreachable();
  }

 private:
  template <typename T>
  static void put(void* out, T value) {
    std::memcpy(out, &value, sizeof value);
  }
  template <typename T>
  static T get(const void* in) {
    T value;
    std::memcpy(&value, in, sizeof value);
    return value;
  }

  Category category_;
  bool wide_ = false;
  union {
    double float_;
    std::int64_t int_;
  };
};

}  // namespace pullback
