// The element types and the promotion rule of binary operations.
//
// A dtype is one byte; everything known about it stands in the tables below, so that a new dtype
// (int8, float16, complex64, ...) is a new row here and a new kernel instantiation, and no
// operator changes.  Start reading at DType; promote_types is torch's lattice.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pullback {

enum class DType : std::uint8_t { Bool, UInt8, Int32, Int64, Float32, Float64 };

inline constexpr int kNumDTypes = 6;

// Categories are ordered: a wider category wins a promotion.
enum class Category : std::uint8_t { Bool, Integral, Floating };

struct DTypeInfo {
  const char* name;         // "float32"
  const char* scalar_name;  // "Float", the word of PyTorch's messages
  const char* c_name;       // "float", in other messages
  std::uint8_t size;        // bytes of one element
  Category category;
};

inline constexpr DTypeInfo kDTypeInfo[kNumDTypes] = {
    {"bool", "Bool", "bool", 1, Category::Bool},
    {"uint8", "Byte", "unsigned char", 1, Category::Integral},
    {"int32", "Int", "int", 4, Category::Integral},
    {"int64", "Long", "long int", 8, Category::Integral},
    {"float32", "Float", "float", 4, Category::Floating},
    {"float64", "Double", "double", 8, Category::Floating},
};

constexpr const DTypeInfo& info(DType d) { return kDTypeInfo[static_cast<int>(d)]; }
constexpr std::size_t item_size(DType d) { return info(d).size; }
constexpr Category category(DType d) { return info(d).category; }
constexpr bool is_floating(DType d) { return category(d) == Category::Floating; }
constexpr bool is_integral(DType d) { return category(d) == Category::Integral; }
constexpr const char* name(DType d) { return info(d).name; }

// The smallest dtype that holds both; the dtypes happen to form a chain, so it is the larger one.
// (int8 and int16 will make uint8 the one exception to the chain.)
constexpr DType promote_types(DType a, DType b) { return a < b ? b : a; }

// How a copy lies in memory: like its model, or row-major.
enum class MemoryFormat : std::uint8_t { Preserve, Contiguous };

// Maps a C++ type to its dtype.
template <typename T>
struct DTypeOf;
template <>
struct DTypeOf<bool> {
  static constexpr DType value = DType::Bool;
};
template <>
struct DTypeOf<std::uint8_t> {
  static constexpr DType value = DType::UInt8;
};
template <>
struct DTypeOf<std::int32_t> {
  static constexpr DType value = DType::Int32;
};
template <>
struct DTypeOf<std::int64_t> {
  static constexpr DType value = DType::Int64;
};
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::Float32;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::Float64;
};
template <typename T>
inline constexpr DType kDTypeOf = DTypeOf<T>::value;

}  // namespace pullback
