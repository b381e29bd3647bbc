// How loops enter the entries of kernels, and the driver that walks strided operands with them.
#include "kernels/elementwise.h"

#include "core/error.h"
#include "kernels/dispatch.h"
#include "kernels/narrow.h"
#include "kernels/nest.h"

namespace pullback::kernels {

namespace {

// From how many elements on threads pay, and the size of their blocks.
struct Work {
  std::int64_t threshold, grain;
};

constexpr Work work(Cost cost) {
  switch (cost) {
    case Cost::Light:
      return {1 << 17, 1 << 15};
    case Cost::Math:
      return {1 << 15, 1 << 13};
    case Cost::Slow:
      return {1 << 13, 1 << 11};
  }
  __builtin_unreachable();
}

template <typename T>
bool has_zero(const View& b) {
  const Nest<1> nest({&b});
  const std::int64_t stride = nest.numel() == 0 ? 0 : nest.inner_stride(0);
  bool found = false;
  nest.run(nest.numel() + 1, 1, [&](const auto& at, std::int64_t n) {
    bool any = false;
    for (std::int64_t i = 0; i < n; ++i) {
      any |= *reinterpret_cast<const T*>(at[0] + i * stride) == 0;
    }
    found |= any;
  });
  return found;
}

}  // namespace

void check_divisor(const View& b) {
  bool found = false;
  switch (b.dtype) {
    case DType::UInt8:
      found = has_zero<std::uint8_t>(b);
      break;
    case DType::Int32:
      found = has_zero<std::int32_t>(b);
      break;
    case DType::Int64:
      found = has_zero<std::int64_t>(b);
      break;
    case DType::Int8:
      found = has_zero<std::int8_t>(b);
      break;
    case DType::Int16:
      found = has_zero<std::int16_t>(b);
      break;
    case DType::Bool:
    case DType::Float16:
    case DType::BFloat16:
    case DType::Float32:
    case DType::Float64:
    case DType::Complex64:
    case DType::Complex128:
      break;
  }
  check(!found, "ZeroDivisionError");
}

template <int N>
void enter(Kernel<N>& kernel, const Offer<N>& offer, Cost cost) {
  if (offer.isa != Isa::Any && offer.isa != current_isa()) return;
  kernel.name = offer.name;
  kernel.chooses |= offer.chooses;
  kernel.divides |= offer.divides;
  for (const typename Offer<N>::One& one : offer.loops) {
    Loop<N>& place = kernel.loops[static_cast<int>(one.compute)];
    check(place == nullptr, "internal error: kernel ", offer.name, " has two loops for ",
          pullback::name(one.compute), ".");
    place = one.loop;
    for (int d = 0; d < kNumDTypes; ++d) {
      const DType dtype{static_cast<std::uint8_t>(d)};
      if (wide_of(dtype) != one.compute && dtype != one.compute) continue;
      kernel.results[d] = one.result == one.compute ? dtype : one.result;
      kernel.costs[d] = cost;
    }
  }
}

template <int N>
void apply(const Kernel<N>* kernel, const View& out,
           const std::type_identity_t<std::array<View, N>>& in, const double* params) {
  const DType dtype = in[N - 1].dtype;
  bool converts = !kernel->loop(dtype);
  for (std::size_t i = kernel->chooses ? 1 : 0; i + 1 < N; ++i) converts |= in[i].dtype != dtype;
  const DType compute = converts ? wide_of(dtype) : dtype;
  const Loop<N> loop = kernel->loop(compute);
  check(ErrorKind::NotImplemented, loop != nullptr, "elementwise: not implemented for '",
        info(dtype).scalar_name, "'");
  std::array<const View*, N + 1> operands{&out};
  for (std::size_t i = 0; i < N; ++i) operands[i + 1] = &in[i];
  if (kernel->divides && out.numel() != 0) check_divisor(in[N - 1]);
  const auto [threshold, grain] = work(kernel->costs[static_cast<int>(compute)]);
  if (converts) [[unlikely]] {
    std::array<DType, N + 1> dtypes;
    dtypes.fill(compute);
    dtypes[0] = kernel->result(compute);
    if (kernel->chooses) dtypes[1] = DType::Bool;
    return run_converted<N>(operands, dtypes, threshold, grain,
                            [&](const auto& at, const auto& strides, std::int64_t n) {
                              call<N>(loop, at, strides, n, params);
                            });
  }
  const Nest<N + 1> nest(operands);
  if (nest.numel() == 0) return;
  std::array<std::int64_t, N + 1> strides;
  for (std::size_t i = 0; i <= N; ++i) strides[i] = nest.inner_stride(static_cast<int>(i));
  nest.run(threshold, grain,
           [&](const auto& at, std::int64_t n) { call<N>(loop, at, strides, n, params); });
}

template void enter(Kernel<1>&, const Offer<1>&, Cost);
template void enter(Kernel<2>&, const Offer<2>&, Cost);
template void enter(Kernel<3>&, const Offer<3>&, Cost);
template void apply(Unary, const View&, const std::array<View, 1>&, const double*);
template void apply(Binary, const View&, const std::array<View, 2>&, const double*);
template void apply(Ternary, const View&, const std::array<View, 3>&, const double*);

}  // namespace pullback::kernels
