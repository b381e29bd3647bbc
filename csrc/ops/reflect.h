// The attributes of an operator as a list of values, for `grad_fn._saved_dim` and the like.
//
// Attrs are plain structs: their fields are counted by trying to initialise them and read by a
// structured binding, structs inside them too.  A field that no Python value stands for is listed
// as empty.
#pragma once

#include <concepts>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "graph/saved.h"

namespace pullback::detail {

struct Anything {
  template <typename T>
  operator T() const;
};

template <class T, std::size_t... I>
constexpr bool takes(std::index_sequence<I...>) {
  return requires { T{(static_cast<void>(I), Anything())...}; };
}

template <class T, std::size_t n = 8>
constexpr std::size_t num_fields() {
  if constexpr (n == 0) {
    return 0;
  } else if constexpr (takes<T>(std::make_index_sequence<n>())) {
    return n;
  } else {
    return num_fields<T, n - 1>();
  }
}

template <class Struct, typename Visit>
void for_each_field(const Struct& fields, Visit&& visit) {
  if constexpr (constexpr std::size_t n = num_fields<Struct>(); n == 1) {
    const auto& [a] = fields;
    visit(a);
  } else if constexpr (n == 2) {
    const auto& [a, b] = fields;
    (visit(a), visit(b));
  } else if constexpr (n == 3) {
    const auto& [a, b, c] = fields;
    (visit(a), visit(b), visit(c));
  } else if constexpr (n == 4) {
    const auto& [a, b, c, d] = fields;
    (visit(a), visit(b), visit(c), visit(d));
  } else if constexpr (n == 5) {
    const auto& [a, b, c, d, e] = fields;
    (visit(a), visit(b), visit(c), visit(d), visit(e));
  } else if constexpr (n == 6) {
    const auto& [a, b, c, d, e, f] = fields;
    (visit(a), visit(b), visit(c), visit(d), visit(e), visit(f));
  } else if constexpr (n == 7) {
    const auto& [a, b, c, d, e, f, g] = fields;
    (visit(a), visit(b), visit(c), visit(d), visit(e), visit(f), visit(g));
  } else if constexpr (n == 8) {
    const auto& [a, b, c, d, e, f, g, h] = fields;
    (visit(a), visit(b), visit(c), visit(d), visit(e), visit(f), visit(g), visit(h));
  }
}

template <typename T>
inline constexpr bool kIsOptional = false;
template <typename T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

// A set of dimensions (ops/reduce/reduction.h).
template <typename T>
concept IsDimSet = requires(const T& set) {
  { set.has(0) } -> std::same_as<bool>;
  T::all(0);
};

// For eyes only, so one small copy per type is enough.
template <typename T>
[[gnu::cold, gnu::noinline]] void list_attribute(const T& field, SavedList& list) {
  if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, DType> || std::is_same_v<T, Dims> ||
                std::is_same_v<T, Scalar>) {
    list.add(field);
  } else if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
    list.add(static_cast<std::int64_t>(field));
  } else if constexpr (std::is_floating_point_v<T>) {
    list.add(static_cast<double>(field));
  } else if constexpr (IsDimSet<T>) {
    Dims dims;
    for (int d = 0; d < 64; ++d) {
      if (field.has(d)) dims.push_back(d);
    }
    list.add(dims);
  } else if constexpr (kIsOptional<T>) {
    if (field) {
      list_attribute(*field, list);
    } else {
      list.add({});
    }
  } else if constexpr (std::is_aggregate_v<T>) {
    for_each_field(field, [&](const auto& inner) { list_attribute(inner, list); });
  } else {
    list.add({});
  }
}

}  // namespace pullback::detail
