// A number given by the user: bool, integer, float or complex.  It takes part in type promotion by
// its category only and is a kernel argument, never a temporary tensor.
#pragma once

#include <bit>
#include <complex>
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
  constexpr Scalar(double value) : kind_(kFloat), float_(value) {}  // NOLINT
  constexpr Scalar(std::complex<double> value)                      // NOLINT
      : kind_(kind_of(value.imag())), float_(value.real()) {}
  constexpr Scalar(bool value) : kind_(kBool), int_(value) {}  // NOLINT
  template <typename T>
    requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
  constexpr Scalar(T value) : kind_(kInt), int_(value) {}  // NOLINT

  // An integer from 2**63 on: it can be made a float, and nothing else.
  static Scalar wide(std::uint64_t value) {
    Scalar number(static_cast<std::int64_t>(value));
    number.kind_ = kWideInt;
    return number;
  }

  constexpr Category category() const {
    if (kind_ <= kFloat) return static_cast<Category>(kind_);
    return is_wide() ? Category::Integral : Category::Complex;
  }
  constexpr bool is_floating() const { return kind_ == kFloat; }
  constexpr bool is_complex() const { return kind_ > kWideInt; }
  constexpr bool is_wide() const { return kind_ == kWideInt; }
  constexpr double to_double() const {
    if (is_floating()) return float_;
    if (is_complex()) [[unlikely]]
      return real_part("double");
    return is_wide() ? static_cast<double>(static_cast<std::uint64_t>(int_))
                     : static_cast<double>(int_);
  }
  constexpr std::complex<double> to_complex() const {
    return is_complex() ? std::complex<double>(float_, imaginary()) : to_double();
  }
  constexpr std::int64_t to_int() const {
    if (is_floating()) return static_cast<std::int64_t>(float_);
    if (is_complex()) [[unlikely]]
      return static_cast<std::int64_t>(real_part("int64_t"));
    if (is_wide()) [[unlikely]] {
      fail("value cannot be converted to type int64_t without overflow: got ",
           static_cast<std::uint64_t>(int_), ", which is more than an int64 holds.");
    }
    return int_;
  }
  // Whether it is this real number.
  constexpr bool is(double value) const { return to_complex() == value; }
  constexpr Scalar conj() const { return is_complex() ? Scalar(std::conj(to_complex())) : *this; }
  constexpr bool to_bool() const {
    if (is_complex()) return float_ != 0 || imaginary() != 0;
    return is_floating() ? float_ != 0 : int_ != 0;
  }

  // Writes the number as one element of the dtype.
  void store(DType dtype, void* out) const {
    switch (dtype) {
      case DType::Bool:
        put(out, static_cast<std::uint8_t>(to_bool()));
        return;
      case DType::UInt8:
        put(out, static_cast<std::uint8_t>(to_int()));
        return;
      case DType::Int8:
        put(out, static_cast<std::int8_t>(to_int()));
        return;
      case DType::Int16:
        put(out, static_cast<std::int16_t>(to_int()));
        return;
      case DType::Int32:
        put(out, static_cast<std::int32_t>(to_int()));
        return;
      case DType::Int64:
        put(out, to_int());
        return;
      case DType::Float16:
        put(out, to_half(static_cast<float>(to_double())));
        return;
      case DType::BFloat16:
        put(out, to_bfloat16(static_cast<float>(to_double())));
        return;
      case DType::Float32:
        put(out, static_cast<float>(to_double()));
        return;
      case DType::Float64:
        put(out, to_double());
        return;
      case DType::Complex64:
        put(out, std::complex<float>(to_complex()));
        return;
      case DType::Complex128:
        put(out, to_complex());
        return;
    }
  }

  static Scalar load(DType dtype, const void* in) {
    switch (dtype) {
      case DType::Bool:
        return Scalar(get<std::uint8_t>(in) != 0);
      case DType::UInt8:
        return Scalar(get<std::uint8_t>(in));
      case DType::Int8:
        return Scalar(get<std::int8_t>(in));
      case DType::Int16:
        return Scalar(get<std::int16_t>(in));
      case DType::Int32:
        return Scalar(get<std::int32_t>(in));
      case DType::Int64:
        return Scalar(get<std::int64_t>(in));
      case DType::Float16:
        return Scalar(static_cast<double>(to_float(get<Half>(in))));
      case DType::BFloat16:
        return Scalar(static_cast<double>(to_float(get<BFloat16>(in))));
      case DType::Float32:
        return Scalar(static_cast<double>(get<float>(in)));
      case DType::Float64:
        return Scalar(get<double>(in));
      case DType::Complex64:
        return Scalar(std::complex<double>(get<std::complex<float>>(in)));
      case DType::Complex128:
        return Scalar(get<std::complex<double>>(in));
    }
    __builtin_unreachable();
  }

 private:
  constexpr double real_part(const char* type) const {
    if (imaginary() != 0) fail("value cannot be converted to type ", type, " without overflow");
    return float_;
  }
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

  // The kind of a real number, as its category where it has one; of a complex number the bits of
  // the imaginary part, combined with those of a NaN that no number has, so that they are none of
  // these.
  static constexpr std::uint64_t kBool = 0, kInt = 1, kFloat = 2, kWideInt = 3;
  static constexpr std::uint64_t kReserved = 0x7ff8'7075'6c6c'0000;
  static constexpr std::uint64_t kind_of(double imaginary) {
    const bool nan = imaginary != imaginary;
    return (nan ? 0x7ff8'0000'0000'0000 : std::bit_cast<std::uint64_t>(imaginary)) ^ kReserved;
  }
  constexpr double imaginary() const { return std::bit_cast<double>(kind_ ^ kReserved); }

  std::uint64_t kind_;
  union {
    double float_;
    std::int64_t int_;
  };
};

static_assert(sizeof(Scalar) == 16);

}  // namespace pullback
