// CPU detection.  GCC's and clang's cpuid helpers also check that the system saves the registers.
#include "kernels/dispatch.h"

#include <cstdlib>
#include <cstring>

namespace pullback::kernels {
namespace {

Isa best_of_cpu() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                  __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
  return v4 ? Isa::V4 : v3 ? Isa::V3 : Isa::V2;
#else
  return Isa::Base;
#endif
}

// The request only ever lowers the choice; an unknown word changes nothing.
Isa requested() {
  const char* word = std::getenv("PULLBACK_ISA");
  if (word == nullptr) return Isa::V4;
  if (std::strcmp(word, "v2") == 0) return Isa::V2;
  if (std::strcmp(word, "v3") == 0) return Isa::V3;
  return Isa::V4;
}

Isa choose() {
  const Isa cpu = best_of_cpu();
  [[maybe_unused]] const Isa limit = requested() < cpu ? requested() : cpu;
  PULLBACK_IF_V4(if (limit >= Isa::V4) return Isa::V4;)
  PULLBACK_IF_V3(if (limit >= Isa::V3) return Isa::V3;)
  PULLBACK_IF_V2(if (limit >= Isa::V2) return Isa::V2;)
  PULLBACK_IF_BASE(return Isa::Base;)
  return Isa::V3;  // a development build has this one variant only
}

}  // namespace

Isa current_isa() {
  static const Isa isa = choose();
  return isa;
}

const char* name(Isa isa) {
  switch (isa) {
    case Isa::V2:
      return "v2";
    case Isa::V3:
      return "v3";
    case Isa::V4:
      return "v4";
    case Isa::Any:
    case Isa::Base:
      break;
  }
  return "base";
}

}  // namespace pullback::kernels
