// OpenBLAS, loaded at the first call that needs it.
//
// The library is 25 MB, so nothing is loaded at import: blas() opens it once and keeps a table of
// the functions we use.  It is looked for at `_libs/libscipy_openblas.so` beside our own shared
// object, unless PULLBACK_BLAS_LIBRARY (a path or soname) and PULLBACK_BLAS_PREFIX are defined at
// build time. It is set to one thread: parallelism is ours.
#pragma once

#include <string>

namespace pullback::kernels {

// The C interface of the Fortran convention of CBLAS: order 101 is row-major, 111 is no transpose,
// 112 transpose.
struct Blas {
  void (*sgemm)(int order, int trans_a, int trans_b, int m, int n, int k, float alpha,
                const float* a, int lda, const float* b, int ldb, float beta, float* c, int ldc);
  void (*dgemm)(int order, int trans_a, int trans_b, int m, int n, int k, double alpha,
                const double* a, int lda, const double* b, int ldb, double beta, double* c,
                int ldc);
  void (*sgemv)(int order, int trans, int m, int n, float alpha, const float* a, int lda,
                const float* x, int incx, float beta, float* y, int incy);
  void (*dgemv)(int order, int trans, int m, int n, double alpha, const double* a, int lda,
                const double* x, int incx, double beta, double* y, int incy);
  // Complex numbers, the factors alpha and beta behind pointers.
  using ComplexGemm = void (*)(int order, int trans_a, int trans_b, int m, int n, int k,
                               const void* alpha, const void* a, int lda, const void* b, int ldb,
                               const void* beta, void* c, int ldc);
  ComplexGemm cgemm;
  ComplexGemm zgemm;
  std::string path;    // what was opened
  std::string config;  // what the library says of itself
};

// Loads the library at the first call; raises RuntimeError naming the path if it cannot.
const Blas& blas();

// The address of a LAPACK or BLAS function by its plain name ("dgetrf_"); raises if it is missing.
void* blas_symbol(const char* name);

}  // namespace pullback::kernels
