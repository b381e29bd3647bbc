// The element types and the promotion rule of binary operations.
//
// A dtype is one byte; everything known about it stands in the tables below.  Three groups differ
// in how they are computed: bool, uint8, int32, int64, float32 and float64 have loops of their own;
// the narrow ones are converted block by block (NOTE [Narrow types] in kernels/narrow.h); an
// operator supports the complex ones when it has a loop for them.  Start reading at DType.
#pragma once

#include <array>
#include <complex>
#include <cstddef>
#include <cstdint>

#include "core/half.h"

namespace pullback {

// Ordered so that one comparison answers what is asked often; checked below.
enum class DType : std::uint8_t {
  Float32,
  Float64,
  Float16,
  BFloat16,
  Complex64,
  Complex128,
  Int8,
  Int16,
  UInt8,
  Int32,
  Int64,
  Bool,
};

inline constexpr int kNumDTypes = 12;

// Categories are ordered: a wider category wins a promotion.
enum class Category : std::uint8_t { Bool, Integral, Floating, Complex };

struct DTypeInfo {
  const char* name;         // "float32"
  const char* alias;        // "float", or null
  const char* scalar_name;  // "Float", the word of PyTorch's messages
  const char* c_name;       // "float", in other messages
  const char* number_name;  // "float", in messages on numbers that do not fit
  std::uint8_t size;        // bytes of one element
  Category category;
  DType wide;  // in which it is computed: itself, unless it is narrow
  DType real;  // of its real part, or itself
};

inline constexpr DTypeInfo kDTypeInfo[kNumDTypes] = {
    {"float32", "float", "Float", "float", "float", 4, Category::Floating, DType::Float32,
     DType::Float32},
    {"float64", "double", "Double", "double", "double", 8, Category::Floating, DType::Float64,
     DType::Float64},
    {"float16", "half", "Half", "c10::Half", "at::Half", 2, Category::Floating, DType::Float32,
     DType::Float16},
    {"bfloat16", nullptr, "BFloat16", "c10::BFloat16", "at::BFloat16", 2, Category::Floating,
     DType::Float32, DType::BFloat16},
    {"complex64", "cfloat", "ComplexFloat", "c10::complex<float>", "c10::complex<float>", 8,
     Category::Complex, DType::Complex64, DType::Float32},
    {"complex128", "cdouble", "ComplexDouble", "c10::complex<double>", "c10::complex<double>", 16,
     Category::Complex, DType::Complex128, DType::Float64},
    {"int8", "char", "Char", "signed char", "int8_t", 1, Category::Integral, DType::Int32,
     DType::Int8},
    {"int16", "short", "Short", "short int", "int16_t", 2, Category::Integral, DType::Int32,
     DType::Int16},
    {"uint8", nullptr, "Byte", "unsigned char", "uint8_t", 1, Category::Integral, DType::UInt8,
     DType::UInt8},
    {"int32", "int", "Int", "int", "int", 4, Category::Integral, DType::Int32, DType::Int32},
    {"int64", "long", "Long", "long int", "int64_t", 8, Category::Integral, DType::Int64,
     DType::Int64},
    {"bool", nullptr, "Bool", "bool", "bool", 1, Category::Bool, DType::Bool, DType::Bool},
};

constexpr const DTypeInfo& info(DType d) { return kDTypeInfo[static_cast<int>(d)]; }
constexpr const char* name(DType d) { return info(d).name; }

// Without a look into the table.
constexpr bool is_floating(DType d) { return d <= DType::BFloat16; }
constexpr bool is_complex(DType d) { return d == DType::Complex64 || d == DType::Complex128; }
constexpr bool is_integral(DType d) { return d >= DType::Int8 && d <= DType::Int64; }
// Whether tensors of it can have gradients and tangents.
constexpr bool is_differentiable(DType d) { return d <= DType::Complex128; }
// Whether every kernel has loops for it: it is neither narrow nor complex.
constexpr bool has_loops(DType d) { return d <= DType::Float64 || d >= DType::UInt8; }

namespace detail {

template <typename T, typename Field>
constexpr std::array<T, kNumDTypes> table_of(Field field) {
  std::array<T, kNumDTypes> table{};
  for (std::size_t d = 0; d < kNumDTypes; ++d) table[d] = field(kDTypeInfo[d]);
  return table;
}
inline constexpr auto kSizes = table_of<std::uint8_t>([](auto& d) { return d.size; });
inline constexpr auto kCategories = table_of<Category>([](auto& d) { return d.category; });
inline constexpr auto kWide = table_of<DType>([](auto& d) { return d.wide; });
inline constexpr auto kReal = table_of<DType>([](auto& d) { return d.real; });

}  // namespace detail

constexpr std::size_t item_size(DType d) { return detail::kSizes[static_cast<std::size_t>(d)]; }
constexpr Category category(DType d) { return detail::kCategories[static_cast<std::size_t>(d)]; }
// See NOTE [Narrow types] in kernels/narrow.h.
constexpr DType wide_of(DType d) { return detail::kWide[static_cast<std::size_t>(d)]; }
constexpr bool is_narrow(DType d) { return wide_of(d) != d; }
constexpr DType real_of(DType d) { return detail::kReal[static_cast<std::size_t>(d)]; }
// Half has no complex type of its own.
constexpr DType complex_of(DType d) {
  return is_complex(d) ? d : d == DType::Float64 ? DType::Complex128 : DType::Complex64;
}

namespace detail {

// The smallest dtype that holds both.
constexpr DType promoted(DType a, DType b) {
  if (category(a) != category(b)) {
    const DType wider = category(a) < category(b) ? b : a;
    const DType other = category(a) < category(b) ? a : b;
    return is_complex(wider) && other == DType::Float64 ? DType::Complex128 : wider;
  }
  // The only pairs of which neither holds the other.
  if (item_size(a) == item_size(b) && a != b) {
    return is_integral(a) ? DType::Int16 : DType::Float32;
  }
  return item_size(a) < item_size(b) ? b : a;
}

inline constexpr auto kPromoted = [] {
  std::array<std::array<DType, kNumDTypes>, kNumDTypes> table{};
  for (std::size_t a = 0; a < kNumDTypes; ++a) {
    for (std::size_t b = 0; b < kNumDTypes; ++b) {
      table[a][b] = promoted(static_cast<DType>(a), static_cast<DType>(b));
    }
  }
  return table;
}();

constexpr bool order_is_kept() {
  bool kept = true;
  for (int i = 0; i < kNumDTypes; ++i) {
    const DType d{static_cast<std::uint8_t>(i)};
    kept = kept && is_integral(d) == (category(d) == Category::Integral) &&
           is_floating(d) == (category(d) == Category::Floating) &&
           is_complex(d) == (category(d) == Category::Complex) &&
           has_loops(d) == !(is_narrow(d) || is_complex(d));
  }
  return kept;
}
static_assert(order_is_kept());

}  // namespace detail

constexpr DType promote_types(DType a, DType b) {
  return detail::kPromoted[static_cast<std::size_t>(a)][static_cast<std::size_t>(b)];
}

// How a copy lies in memory: like its model, row-major, or, images of two and of three dimensions,
// with the channels innermost.
enum class MemoryFormat : std::uint8_t { Preserve, Contiguous, ChannelsLast, ChannelsLast3d };

// Maps a C++ type to its dtype.
template <DType dtype>
struct IsDType {
  static constexpr DType value = dtype;
};
template <typename T>
struct DTypeOf;
template <>
struct DTypeOf<bool> : IsDType<DType::Bool> {};
template <>
struct DTypeOf<std::uint8_t> : IsDType<DType::UInt8> {};
template <>
struct DTypeOf<std::int8_t> : IsDType<DType::Int8> {};
template <>
struct DTypeOf<std::int16_t> : IsDType<DType::Int16> {};
template <>
struct DTypeOf<std::int32_t> : IsDType<DType::Int32> {};
template <>
struct DTypeOf<std::int64_t> : IsDType<DType::Int64> {};
template <>
struct DTypeOf<Half> : IsDType<DType::Float16> {};
template <>
struct DTypeOf<BFloat16> : IsDType<DType::BFloat16> {};
template <>
struct DTypeOf<float> : IsDType<DType::Float32> {};
template <>
struct DTypeOf<double> : IsDType<DType::Float64> {};
template <>
struct DTypeOf<std::complex<float>> : IsDType<DType::Complex64> {};
template <>
struct DTypeOf<std::complex<double>> : IsDType<DType::Complex128> {};
template <typename T>
inline constexpr DType kDTypeOf = DTypeOf<T>::value;

}  // namespace pullback
