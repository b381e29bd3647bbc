// LAPACK and the triangular part of BLAS, typed: one template for each function that we call, over
// the type of the elements.
//
// The functions are those of the library that blas.h opens, found at the first call.  Matrices are
// column-major; each function returns LAPACK's `info`.  Those with a workspace have it in a vector
// that the caller keeps for the next matrix of a stack (`Scratch`).  Of complex matrices the
// functions are those of Hermitian and unitary ones, under the names of the real ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/linalg/blas.h"
#include "kernels/linalg/elements.h"

namespace pullback::kernels::lapack {

template <typename T>
struct Scratch {
  std::vector<T> work;
  std::vector<Real<T>> reals;
  std::vector<int> integers;

  T* at_least(int size) {
    if (work.size() < static_cast<std::size_t>(size)) work.resize(static_cast<std::size_t>(size));
    return work.data();
  }
  Real<T>* reals_at_least(int size) {
    if (reals.size() < static_cast<std::size_t>(size)) {
      reals.resize(static_cast<std::size_t>(size));
    }
    return reals.data();
  }
  int* integers_at_least(int size) {
    if (integers.size() < static_cast<std::size_t>(size)) {
      integers.resize(static_cast<std::size_t>(size));
    }
    return integers.data();
  }
};

// The function of this name for elements of type T: "potrf" is spotrf_, dpotrf_, cpotrf_ or
// zpotrf_.
template <typename Signature, typename T>
Signature* function(const char* name) {
  static_assert(std::is_same_v<Real<T>, float> || std::is_same_v<Real<T>, double>);
  blas();  // sets the number of threads
  constexpr bool is_single = std::is_same_v<Real<T>, float>;
  const char letter = kIsComplex<T> ? (is_single ? 'c' : 'z') : is_single ? 's' : 'd';
  return reinterpret_cast<Signature*>(blas_symbol((letter + std::string(name) + "_").c_str()));
}

// Fortran passes the lengths of its characters behind everything else.
using Length = std::size_t;

// The size of the workspace as LAPACK tells it, in an element.
template <typename T>
int told(T size) {
  return static_cast<int>(std::real(size));
}

// --- triangles ---

// Solves op(A) X = alpha B (left) or X op(A) = alpha B in the place of B.
template <typename T>
void trsm(char side, char uplo, char trans, char diag, int m, int n, const T* a, int lda, T* b,
          int ldb) {
  static auto* const f =
      function<void(const char*, const char*, const char*, const char*, const int*, const int*,
                    const T*, const T*, const int*, T*, const int*, Length, Length, Length, Length),
               T>("trsm");
  const T one(1);
  f(&side, &uplo, &trans, &diag, &m, &n, &one, a, &lda, b, &ldb, 1, 1, 1, 1);
}

// --- Cholesky ---

template <typename T>
int potrf(char uplo, int n, T* a, int lda) {
  static auto* const f =
      function<void(const char*, const int*, T*, const int*, int*, Length), T>("potrf");
  int info = 0;
  f(&uplo, &n, a, &lda, &info, 1);
  return info;
}

// The inverse of A, one half of it, from its factor.
template <typename T>
int potri(char uplo, int n, T* a, int lda) {
  static auto* const f =
      function<void(const char*, const int*, T*, const int*, int*, Length), T>("potri");
  int info = 0;
  f(&uplo, &n, a, &lda, &info, 1);
  return info;
}

// --- LU ---

template <typename T>
int getrf(int m, int n, T* a, int lda, int* pivots) {
  static auto* const f =
      function<void(const int*, const int*, T*, const int*, int*, int*), T>("getrf");
  int info = 0;
  f(&m, &n, a, &lda, pivots, &info);
  return info;
}

template <typename T>
void getrs(char trans, int n, int columns, const T* lu, int ldlu, const int* pivots, T* b,
           int ldb) {
  static auto* const f = function<void(const char*, const int*, const int*, const T*, const int*,
                                       const int*, T*, const int*, int*, Length),
                                  T>("getrs");
  int info = 0;
  f(&trans, &n, &columns, lu, &ldlu, pivots, b, &ldb, &info, 1);
}

template <typename T>
int getri(int n, T* lu, int ldlu, const int* pivots, Scratch<T>& scratch) {
  static auto* const f =
      function<void(const int*, T*, const int*, const int*, T*, const int*, int*), T>("getri");
  int info = 0;
  int size = -1;
  T best(0);
  f(&n, lu, &ldlu, pivots, &best, &size, &info);
  size = told(best);
  f(&n, lu, &ldlu, pivots, scratch.at_least(size), &size, &info);
  return info;
}

// --- orthogonal factors ---

// Householder vectors below the diagonal, R on and above it.
template <typename T>
void geqrf(int m, int n, T* a, int lda, T* tau, Scratch<T>& scratch) {
  static auto* const f =
      function<void(const int*, const int*, T*, const int*, T*, T*, const int*, int*), T>("geqrf");
  int info = 0;
  int size = -1;
  T best(0);
  f(&m, &n, a, &lda, tau, &best, &size, &info);
  size = told(best);
  f(&m, &n, a, &lda, tau, scratch.at_least(size), &size, &info);
}

// The first n columns of the product of k reflectors.
template <typename T>
void orgqr(int m, int n, int k, T* a, int lda, const T* tau, Scratch<T>& scratch) {
  static auto* const f = function<
      void(const int*, const int*, const int*, T*, const int*, const T*, T*, const int*, int*), T>(
      kIsComplex<T> ? "ungqr" : "orgqr");
  int info = 0;
  int size = -1;
  T best(0);
  f(&m, &n, &k, a, &lda, tau, &best, &size, &info);
  size = told(best);
  f(&m, &n, &k, a, &lda, tau, scratch.at_least(size), &size, &info);
}

// --- eigenvalues and singular values ---

// Of a symmetric or Hermitian matrix, in rising order; the vectors in its place if they are wanted.
template <typename T>
int syevd(bool vectors, char uplo, int n, T* a, int lda, Real<T>* values, Scratch<T>& scratch) {
  const char job = vectors ? 'V' : 'N';
  int info = 0;
  int size = -1;
  int integers = -1;
  T best(0);
  int best_integers = 0;
  if constexpr (kIsComplex<T>) {
    using R = Real<T>;
    static auto* const f =
        function<void(const char*, const char*, const int*, T*, const int*, R*, T*, const int*, R*,
                      const int*, int*, const int*, int*, Length, Length),
                 T>("heevd");
    int reals = -1;
    R best_reals(0);
    f(&job, &uplo, &n, a, &lda, values, &best, &size, &best_reals, &reals, &best_integers,
      &integers, &info, 1, 1);
    size = told(best);
    reals = told(best_reals);
    integers = best_integers;
    T* const work = scratch.at_least(size);
    f(&job, &uplo, &n, a, &lda, values, work, &size, scratch.reals_at_least(reals), &reals,
      scratch.integers_at_least(integers), &integers, &info, 1, 1);
  } else {
    static auto* const f = function<void(const char*, const char*, const int*, T*, const int*, T*,
                                         T*, const int*, int*, const int*, int*, Length, Length),
                                    T>("syevd");
    f(&job, &uplo, &n, a, &lda, values, &best, &size, &best_integers, &integers, &info, 1, 1);
    size = told(best);
    integers = best_integers;
    T* const work = scratch.at_least(size);
    f(&job, &uplo, &n, a, &lda, values, work, &size, scratch.integers_at_least(integers), &integers,
      &info, 1, 1);
  }
  return info;
}

// `job`: 'A' all vectors, 'S' the first min(m, n), 'N' none.  A is destroyed.
template <typename T>
int gesdd(char job, int m, int n, T* a, int lda, Real<T>* s, T* u, int ldu, T* vh, int ldvh,
          Scratch<T>& scratch) {
  const int least = m < n ? m : n;
  int info = 0;
  int size = -1;
  T best(0);
  int* const integers = scratch.integers_at_least(8 * least);
  if constexpr (kIsComplex<T>) {
    using R = Real<T>;
    static auto* const f =
        function<void(const char*, const int*, const int*, T*, const int*, R*, T*, const int*, T*,
                      const int*, T*, const int*, R*, int*, int*, Length),
                 T>("gesdd");
    const int most = m < n ? n : m;
    const int needed = 5 * least * least + 7 * least;
    const int needed_by_vectors = 2 * most * least + 2 * least * least + least;
    R* const reals =
        scratch.reals_at_least(needed < needed_by_vectors ? needed_by_vectors : needed);
    f(&job, &m, &n, a, &lda, s, u, &ldu, vh, &ldvh, &best, &size, reals, integers, &info, 1);
    size = told(best);
    f(&job, &m, &n, a, &lda, s, u, &ldu, vh, &ldvh, scratch.at_least(size), &size, reals, integers,
      &info, 1);
  } else {
    static auto* const f =
        function<void(const char*, const int*, const int*, T*, const int*, T*, T*, const int*, T*,
                      const int*, T*, const int*, int*, int*, Length),
                 T>("gesdd");
    f(&job, &m, &n, a, &lda, s, u, &ldu, vh, &ldvh, &best, &size, integers, &info, 1);
    size = told(best);
    f(&job, &m, &n, a, &lda, s, u, &ldu, vh, &ldvh, scratch.at_least(size), &size, integers, &info,
      1);
  }
  return info;
}

// Of any square matrix, which is destroyed: real ones in two halves, `values` and `imaginary`, and
// the vectors of a pair of them as the real and the imaginary part of the first.
template <typename T>
int geev(bool vectors, int n, T* a, int lda, T* values, T* imaginary, T* right, int ldr,
         Scratch<T>& scratch) {
  const char none = 'N';
  const char job = vectors ? 'V' : 'N';
  const int one = 1;
  int info = 0;
  int size = -1;
  T best(0);
  if constexpr (kIsComplex<T>) {
    using R = Real<T>;
    static auto* const f =
        function<void(const char*, const char*, const int*, T*, const int*, T*, T*, const int*, T*,
                      const int*, T*, const int*, R*, int*, Length, Length),
                 T>("geev");
    R* const reals = scratch.reals_at_least(2 * n);
    f(&none, &job, &n, a, &lda, values, nullptr, &one, right, &ldr, &best, &size, reals, &info, 1,
      1);
    size = told(best);
    f(&none, &job, &n, a, &lda, values, nullptr, &one, right, &ldr, scratch.at_least(size), &size,
      reals, &info, 1, 1);
  } else {
    static auto* const f =
        function<void(const char*, const char*, const int*, T*, const int*, T*, T*, T*, const int*,
                      T*, const int*, T*, const int*, int*, Length, Length),
                 T>("geev");
    f(&none, &job, &n, a, &lda, values, imaginary, nullptr, &one, right, &ldr, &best, &size, &info,
      1, 1);
    size = told(best);
    f(&none, &job, &n, a, &lda, values, imaginary, nullptr, &one, right, &ldr,
      scratch.at_least(size), &size, &info, 1, 1);
  }
  return info;
}

// --- symmetric or Hermitian indefinite matrices, of which the lower half is read ---

template <typename T>
int sytrf(bool hermitian, int n, T* a, int lda, int* pivots, Scratch<T>& scratch) {
  using Function =
      void(const char*, const int*, T*, const int*, int*, T*, const int*, int*, Length);
  static Function* const of_symmetric = function<Function, T>("sytrf");
  static Function* const of_hermitian =
      kIsComplex<T> ? function<Function, T>("hetrf") : of_symmetric;
  Function* const f = hermitian ? of_hermitian : of_symmetric;
  const char half = 'L';
  int info = 0;
  int size = -1;
  T best(0);
  f(&half, &n, a, &lda, pivots, &best, &size, &info, 1);
  size = told(best);
  f(&half, &n, a, &lda, pivots, scratch.at_least(size), &size, &info, 1);
  return info;
}

template <typename T>
void sytrs(bool hermitian, int n, int columns, const T* factors, int ldf, const int* pivots, T* b,
           int ldb) {
  using Function = void(const char*, const int*, const int*, const T*, const int*, const int*, T*,
                        const int*, int*, Length);
  static Function* const of_symmetric = function<Function, T>("sytrs");
  static Function* const of_hermitian =
      kIsComplex<T> ? function<Function, T>("hetrs") : of_symmetric;
  Function* const f = hermitian ? of_hermitian : of_symmetric;
  const char half = 'L';
  int info = 0;
  f(&half, &n, &columns, factors, &ldf, pivots, b, &ldb, &info, 1);
}

}  // namespace pullback::kernels::lapack
