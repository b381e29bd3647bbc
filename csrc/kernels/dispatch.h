// Which instruction set the kernels run on.
//
// A file named *_isa.cpp is compiled once for every instruction set of the build (CMakeLists.txt
// here), with PULLBACK_ISA naming the namespace (v2, v3, v4; base where the CPU is no x86).  It
// defines everything in pullback::kernels::PULLBACK_ISA or in an unnamed namespace, throws nothing
// and calls no inline or template function from elsewhere that may not be inlined: such a function
// is a weak symbol, and the linker would keep the copy of one instruction set for all callers.
// A plain .cpp declares the entry points with PULLBACK_ISA_DECLARE and picks one with
// PULLBACK_ISA_SELECT.  The environment variable PULLBACK_ISA=v2|v3|v4 asks for a lower set.
#pragma once

#include <cstdint>

namespace pullback::kernels {

enum class Isa : std::uint8_t { Any, Base, V2, V3, V4 };

// The best instruction set that is in this build and that this CPU can run; computed once.
Isa current_isa();
const char* name(Isa isa);

// What the namespaces stand for; `plain` is that of files that are compiled once.
namespace plain {
inline constexpr Isa kIsa = Isa::Any;
}
namespace base {
inline constexpr Isa kIsa = Isa::Base;
}
namespace v2 {
inline constexpr Isa kIsa = Isa::V2;
}
namespace v3 {
inline constexpr Isa kIsa = Isa::V3;
}
namespace v4 {
inline constexpr Isa kIsa = Isa::V4;
}

}  // namespace pullback::kernels

// For what must not become a weak symbol, and for loops that are vectorised where they are called.
#define PULLBACK_INLINE inline __attribute__((always_inline))

#ifdef PULLBACK_HAVE_V2
#define PULLBACK_IF_V2(...) __VA_ARGS__
#else
#define PULLBACK_IF_V2(...)
#endif
#ifdef PULLBACK_HAVE_V3
#define PULLBACK_IF_V3(...) __VA_ARGS__
#else
#define PULLBACK_IF_V3(...)
#endif
#ifdef PULLBACK_HAVE_V4
#define PULLBACK_IF_V4(...) __VA_ARGS__
#else
#define PULLBACK_IF_V4(...)
#endif
#ifdef PULLBACK_HAVE_BASE
#define PULLBACK_IF_BASE(...) __VA_ARGS__
#else
#define PULLBACK_IF_BASE(...)
#endif

// PULLBACK_ISA_DECLARE(void fill_table(Table&);) declares the function in every namespace built.
#define PULLBACK_ISA_DECLARE(...)               \
  PULLBACK_IF_BASE(namespace base{__VA_ARGS__}) \
  PULLBACK_IF_V2(namespace v2{__VA_ARGS__})     \
  PULLBACK_IF_V3(namespace v3{__VA_ARGS__})     \
  PULLBACK_IF_V4(namespace v4{__VA_ARGS__})

// PULLBACK_ISA_SELECT(fill_table) is the pointer to the variant of current_isa().
#define PULLBACK_ISA_SELECT(function)                                              \
  ([]() -> decltype(&PULLBACK_LOWEST_ISA::function) {                              \
    const ::pullback::kernels::Isa isa = ::pullback::kernels::current_isa();       \
    PULLBACK_IF_V4(if (isa == ::pullback::kernels::Isa::V4) return &v4::function;) \
    PULLBACK_IF_V3(if (isa == ::pullback::kernels::Isa::V3) return &v3::function;) \
    PULLBACK_IF_V2(if (isa == ::pullback::kernels::Isa::V2) return &v2::function;) \
    (void)isa;                                                                     \
    return &PULLBACK_LOWEST_ISA::function;                                         \
  }())
