// What the kernels of matrices ask of an element that is real or complex.
//
// Products are written out: the operator of the library looks for infinities among NaN, which costs
// more than the product.  Where a complex number is measured it is by |re| + |im|, as in LAPACK.
#pragma once

#include <cmath>
#include <complex>
#include <type_traits>
#include <utility>

#include "kernels/rows.h"

namespace pullback::kernels {

template <typename T>
struct RealOf {
  using type = T;
};
template <typename T>
struct RealOf<std::complex<T>> {
  using type = T;
};
template <typename T>
using Real = typename RealOf<T>::type;

template <typename T>
inline constexpr bool kIsComplex = !std::is_same_v<Real<T>, T>;

template <typename T>
T conjugate(T x) {
  if constexpr (kIsComplex<T>) {
    return std::conj(x);
  } else {
    return x;
  }
}
template <typename T>
T conjugate_if(bool wanted, T x) {
  if constexpr (kIsComplex<T>) {
    return wanted ? std::conj(x) : x;
  } else {
    return x;
  }
}
template <typename T>
Real<T> real_part(T x) {
  return std::real(x);
}
template <typename T>
Real<T> measure(T x) {
  if constexpr (kIsComplex<T>) {
    return std::abs(x.real()) + std::abs(x.imag());
  } else {
    return std::abs(x);
  }
}
// Zero, or NaN if it is not finite.
template <typename T>
Real<T> times_zero(T x) {
  if constexpr (kIsComplex<T>) {
    return x.real() * Real<T>(0) + x.imag() * Real<T>(0);
  } else {
    return x * T(0);
  }
}
template <typename T>
T product(T a, T b) {
  if constexpr (kIsComplex<T>) {
    return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
  } else {
    return a * b;
  }
}

// Calls body.template operator()<T>() with the type of the elements of a matrix.
template <typename Body>
decltype(auto) visit_matrices(DType dtype, const char* what, Body&& body) {
  if (dtype == DType::Complex64) return body.template operator()<std::complex<float>>();
  if (dtype == DType::Complex128) return body.template operator()<std::complex<double>>();
  return visit_floating(dtype, what, body);
}

}  // namespace pullback::kernels
