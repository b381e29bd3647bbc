// Loading OpenBLAS (see blas.h).
//
// dlopen happens once, under the lock of a static; the handle is never closed.
#include "kernels/linalg/blas.h"

#include <dlfcn.h>

#include "core/error.h"

#ifndef PULLBACK_BLAS_PREFIX
#define PULLBACK_BLAS_PREFIX "scipy_"
#endif

namespace pullback::kernels {
namespace {

std::string library_path() {
#ifdef PULLBACK_BLAS_LIBRARY
  return PULLBACK_BLAS_LIBRARY;
#else
  Dl_info own;
  check(dladdr(reinterpret_cast<const void*>(&blas_symbol), &own) != 0 && own.dli_fname != nullptr,
        "blas: cannot find the file this code was loaded from");
  const std::string file = own.dli_fname;
  const std::size_t slash = file.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : file.substr(0, slash);
  return directory + "/_libs/libscipy_openblas.so";
#endif
}

struct Library {
  std::string path;
  void* handle;

  Library() : path(library_path()), handle(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (handle != nullptr) return;
    const char* reason = dlerror();
    fail("blas: cannot load the linear algebra library: got '", path, "' (",
         reason == nullptr ? "no reason given" : reason,
         "). Reinstall pullback, or build it with PULLBACK_BLAS_LIBRARY set.");
  }

  void* find(const char* name) const {
    return dlsym(handle, (std::string(PULLBACK_BLAS_PREFIX) + name).c_str());
  }
};

const Library& library() {
  static const Library loaded;
  return loaded;
}

template <typename Function>
void bind(Function& slot, const char* name) {
  slot = reinterpret_cast<Function>(blas_symbol(name));
}

Blas load() {
  Blas table;
  table.path = library().path;
  bind(table.sgemm, "cblas_sgemm");
  bind(table.dgemm, "cblas_dgemm");
  bind(table.sgemv, "cblas_sgemv");
  bind(table.dgemv, "cblas_dgemv");
  bind(table.cgemm, "cblas_cgemm");
  bind(table.zgemm, "cblas_zgemm");
  // Absent from other implementations than OpenBLAS, which then have their own setting.
  if (void* set = library().find("openblas_set_num_threads"))
    reinterpret_cast<void (*)(int)>(set)(1);
  if (void* get = library().find("openblas_get_config")) {
    table.config = reinterpret_cast<const char* (*)()>(get)();
  }
  return table;
}

}  // namespace

const Blas& blas() {
  static const Blas table = load();
  return table;
}

void* blas_symbol(const char* name) {
  void* address = library().find(name);
  check(address != nullptr, "blas: function missing: got no '", PULLBACK_BLAS_PREFIX, name,
        "' in '", library().path, "'");
  return address;
}

}  // namespace pullback::kernels
