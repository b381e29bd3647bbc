// See elementwise.h.  Start reading at run(): the quick road for operands of one shape and dtype,
// then the general one; the derivative is in elementwise_node.h.
#include "ops/elementwise.h"

#include <bit>

#include "kernels/copy.h"
#include "ops/basic.h"
#include "ops/destination.h"
#include "ops/elementwise_node.h"
#include "ops/op.h"
#include "ops/rebase.h"
#include "ops/recipe.h"

namespace pullback {

using detail::ElementwiseAttrs;
using detail::ElementwiseNode;
using detail::Operands;

namespace {

// Above this many elements the drivers of kernels/ split the work over threads.
constexpr std::int64_t kFlatLimit = 16384;

template <int N>
Tensor run(const Elementwise& op, const Operands<N>& x, const double* params);

// The operands and parameters that attributes and tensors stand for.
template <int N>
struct Arguments {
  Arguments(const void* attrs, In in) : attrs(*static_cast<const ElementwiseAttrs<N>*>(attrs)) {
    for (int i = 0; i < N; ++i) {
      operands[i] = in[i].defined() ? Operand(in[i]) : Operand(this->attrs.numbers[i]);
      x[static_cast<std::size_t>(i)] = &operands[i];
    }
  }
  const Elementwise& op() const { return *attrs.record; }
  const double* params() const { return attrs.has_params ? attrs.params : nullptr; }

  const ElementwiseAttrs<N>& attrs;
  Operand operands[N];
  Operands<N> x;
};

template <int N>
const kernels::Kernel<N>& kernel_of(const Elementwise& op) {
  return static_cast<const kernels::Kernel<N>&>(*op.kernel);
}

// Whether this operand is not rounded to half or bfloat16, as in torch: the number (or one element)
// by which is multiplied or divided, and the weight of lerp.
template <int N>
bool keeps(const Elementwise& op, const Operands<N>& x, int operand, DType compute) {
  if (!is_floating(compute) || !is_narrow(compute)) return false;
  const bool is_number = !x[operand]->is_tensor();
  if (!is_number && x[operand]->tensor().numel() != 1) return false;
  using kernels::binary;
  if constexpr (N == 2) {
    if (operand == 0) return op.kernel == binary<"mul"> && is_number;
    return x[0]->is_tensor() &&
           (op.kernel == binary<"mul"> || op.kernel == binary<"div"> ||
            op.kernel == binary<"trunc_divide"> || op.kernel == binary<"floor_divide">);
  }
  return N == 3 && op.kernel == kernels::ternary<"lerp"> && operand == 2 && is_number;
}

struct DTypes {
  DType compute;
  DType result;
};

// The first operand of `where` does not take part in the promotion.
template <int N>
bool is_condition(const Elementwise& op, int operand) {
  return N == 3 && operand == 0 && op.kernel->chooses;
}

// `target` is what was offered to this call.
template <int N>
DTypes infer_dtypes(const Elementwise& op, const Operands<N>& x,
                    const Destination* target = nullptr) {
  Promotion promotion;
  for (int i = 0; i < N; ++i) {
    if (!is_condition<N>(op, i)) promotion.add(*x[i]);
  }
  DType compute = promotion.result();
  if (op.rule == DTypeRule::Float && !is_differentiable(compute)) compute = default_dtype();
  if (!kernel_of<N>(op).computes(compute)) {
    check(op.kernel->name != nullptr, "internal error: there is no kernel of the name that ",
          op.name, " gives. Please report it.");
    if (target) target->check_result(op.rule == DTypeRule::Bool ? DType::Bool : compute);
    fail(ErrorKind::NotImplemented, "\"", op.name, "\" not implemented for '",
         info(compute).scalar_name, "'");
  }
  return {compute, op.kernel->result(compute)};
}

// The operands have one shape, one layout without gaps and one dtype, or are numbers: one flat
// loop.
template <int N>
const Tensor* find_flat(const Elementwise& op, const Operands<N>& x) {
  const Tensor* first = nullptr;
  for (int i = 0; i < N; ++i) {
    if (!x[i]->is_tensor()) {
      if (is_condition<N>(op, i)) return nullptr;
      continue;
    }
    const Tensor& t = x[i]->tensor();
    if (!t.is_contiguous() || is_condition<N>(op, i)) return nullptr;
    if (!first) {
      first = &t;
    } else if (t.dtype() != first->dtype() || !same(t.sizes(), first->sizes())) {
      return nullptr;
    }
  }
  if (!first || first->numel() > kFlatLimit) return nullptr;
  for (int i = 0; i < N; ++i) {
    if (!x[i]->is_tensor() && x[i]->number().category() > category(first->dtype())) return nullptr;
  }
  if (op.rule == DTypeRule::Float && !is_differentiable(first->dtype())) return nullptr;
  if constexpr (N == 2) {
    if (!is_floating(first->dtype()) && op.kernel->divides) return nullptr;
  }
  return kernel_of<N>(op).loop(first->dtype()) ? first : nullptr;
}

template <int N>
Tensor compute_flat(const Elementwise& op, const Operands<N>& x, const Tensor& like,
                    const double* params, Destination* target) {
  const DType compute = like.dtype();
  const DType result = op.kernel->result(compute);
  Tensor out = target ? target->take(like.sizes(), result) : Tensor::empty(like.sizes(), result);
  if (!out.defined()) [[unlikely]]
    out = Tensor::empty(like.sizes(), result);
  const auto item = static_cast<std::int64_t>(item_size(compute));
  Element numbers[N];
  std::array<char*, N + 1> at;
  std::array<std::int64_t, N + 1> strides;
  at[0] = out.bytes();
  strides[0] = static_cast<std::int64_t>(item_size(result));
  for (std::size_t i = 0; i < N; ++i) {
    if (x[i]->is_tensor()) {
      at[i + 1] = x[i]->tensor().bytes();
      strides[i + 1] = item;
    } else {
      x[i]->number().store(compute, &numbers[i]);
      at[i + 1] = reinterpret_cast<char*>(&numbers[i]);
      strides[i + 1] = 0;
    }
  }
  kernels::call<N>(kernel_of<N>(op).loop(compute), at, strides, like.numel(), params);
  return out;
}

// A new result for operands of which some are not row-major: their common layout, or a dense one
// with the dimensions in the order that the operands have, the first of them first.
template <int N>
Tensor empty_permuted(const Operands<N>& x, Sizes sizes, DType dtype) {
  const Tensor* model = nullptr;
  bool one_layout = true;
  std::array<Dims, N> strides;
  for (int i = 0; i < N; ++i) {
    if (x[i]->ndim() == 0) continue;
    const Tensor& t = x[i]->tensor();
    one_layout &= same(t.sizes(), sizes) && (!model || same(t.strides(), model->strides()));
    model = &t;
    strides[i] = broadcast_strides(t, sizes);
  }
  if (one_layout) return empty_strided_like(*model, dtype);
  return Tensor::empty(sizes, dtype).alias(sizes, dense_strides(sizes, strides));
}

template <int N>
Tensor empty_result(const Operands<N>& x, Sizes sizes, DType dtype) {
  for (int i = 0; i < N; ++i) {
    if (x[i]->is_tensor() && !x[i]->tensor().is_contiguous()) [[unlikely]] {
      return empty_permuted<N>(x, sizes, dtype);
    }
  }
  return Tensor::empty(sizes, dtype);
}

template <int N>
Dims broadcast_sizes(const Operands<N>& x) {
  Dims sizes;
  bool any = false;
  for (int i = 0; i < N; ++i) {
    if (!x[i]->is_tensor()) continue;
    sizes = any ? broadcast(sizes, x[i]->sizes()) : Dims(x[i]->sizes());
    any = true;
  }
  return sizes;
}

// The dtype in which an operand is read, when the others are computed in `compute`.
template <int N>
DType read_as(const Elementwise& op, const Operands<N>& x, int operand, DType compute) {
  if (is_condition<N>(op, operand)) return DType::Bool;
  return keeps<N>(op, x, operand, compute) ? wide_of(compute) : compute;
}

// Calls need(operand, dtype) for each tensor that must be cast.
template <int N, typename Need>
void for_each_cast(const Elementwise& op, const Operands<N>& x, DType compute, Need need) {
  for (int i = 0; i < N; ++i) {
    const DType dtype = read_as<N>(op, x, i, compute);
    if (x[i]->is_tensor() && x[i]->tensor().dtype() != dtype) need(i, dtype);
  }
}

// `casts`: memory for the operands that must be cast.
template <int N>
void fill(const Elementwise& op, const Operands<N>& x, const double* params, DType compute,
          const Tensor& out, const Tensor* casts) {
  const Sizes sizes = out.sizes();
  const int ndim = out.ndim();
  Element numbers[N];
  Dims strides[N];
  std::array<kernels::View, N> views;
  for (int i = 0; i < N; ++i) {
    const DType dtype = read_as<N>(op, x, i, compute);
    strides[i] = Dims(ndim);
    char* data;
    if (x[i]->is_tensor()) {
      const Tensor& t = casts[i].defined() ? casts[i] : x[i]->tensor();
      if (casts[i].defined()) kernels::copy(view_of(t), view_of(x[i]->tensor()));
      strides[i] = broadcast_strides(t, sizes);
      data = t.bytes();
    } else {
      x[i]->number().store(dtype, &numbers[i]);
      data = reinterpret_cast<char*>(&numbers[i]);
    }
    views[i] = {data, sizes.data(), strides[i].data(), ndim, dtype};
  }
  kernels::apply(&kernel_of<N>(op), view_of(out), views, params);
}

template <int N>
[[gnu::noinline]] Tensor compute_general(const Elementwise& op, const Operands<N>& x,
                                         const double* params, Destination* target) {
  const DTypes dtypes = infer_dtypes<N>(op, x, target);
  const Dims sizes = broadcast_sizes<N>(x);
  Tensor out = target ? target->take(sizes, dtypes.result) : Tensor();
  if (!out.defined()) out = empty_result<N>(x, sizes, dtypes.result);
  Tensor casts[N];
  for_each_cast<N>(op, x, dtypes.compute,
                   [&](int i, DType dtype) { casts[i] = Tensor::empty(x[i]->sizes(), dtype); });
  fill<N>(op, x, params, dtypes.compute, out, casts);
  return out;
}

template <int N>
std::array<const Tensor*, N> tensors_of(const Operands<N>& x) {
  std::array<const Tensor*, N> tensors;
  for (int i = 0; i < N; ++i) tensors[std::size_t(i)] = &x[i]->tensor();
  return tensors;
}

template <int N>
int batch_level(const Operands<N>& x) {
  return detail::batch_level(In(tensors_of<N>(x).data(), N));
}

// See NOTE [Batching]; here an operand without a batch broadcasts, so it is left as it is.
template <int N>
[[gnu::noinline]] Tensor compute_batched(const Elementwise& op, const Operands<N>& x,
                                         const double* params,
                                         const Destination* target = nullptr) {
  const DTypes dtypes = infer_dtypes<N>(op, x, target);
  const int level = batch_level<N>(x);
  const detail::InsideBatch inside(level);
  int ndim = 0;
  for (int i = 0; i < N; ++i) {
    if (x[i]->is_tensor()) ndim = std::max(ndim, x[i]->ndim());
  }
  Operand physical[N];
  Operands<N> pointers;
  for (int i = 0; i < N; ++i) {
    physical[i] = *x[i];
    if (x[i]->is_tensor()) {
      Tensor t = x[i]->tensor();
      if (t.has(kBatched) && meta_of(t)->level == level) {
        const int missing = ndim - t.ndim();
        t = meta_of(t)->batch;
        for (int k = 0; k < missing; ++k) t = unsqueeze(t, 1);
      }
      if (!is_condition<N>(op, i)) t = cast(t, dtypes.compute);
      physical[i] = t;
    }
    pointers[i] = &physical[i];
  }
  return make_batched(run<N>(op, pointers, params), level);
}

template <int N>
Tensor tangent(const Arguments<N>& a, std::span<const Tensor> tangents, const Tensor& result) {
  const Elementwise& op = a.op();
  Saved s(op);
  for (int i = 0; i < N; ++i) s.operands[i] = a.operands[i];
  s.result = result;
  s.params = a.params();
  Tensor sum;
  for (int i = 0; i < N; ++i) {
    const Tensor& t = tangents[static_cast<std::size_t>(i)];
    if (!t.defined()) continue;
    check(ErrorKind::NotImplemented, op.partial[i].times != nullptr,
          "Trying to use forward AD with aten::", op.name, " that does not support it.");
    s.reads = op.partial[i].reads;
    Tensor part = op.partial[i].times(t, s);
    if (!part.defined()) continue;
    sum = sum.defined() ? add(sum, part) : part;
  }
  if (!sum.defined()) return sum;
  if (sum.dtype() != result.dtype()) sum = cast_gradient(sum, result.dtype());
  return same(sum.sizes(), result.sizes()) ? sum : expand(sum, result.sizes());
}

template <int N>
[[gnu::noinline]] void propagate_tangents(const Elementwise& op, const Operands<N>& x,
                                          const double* params, const Tensor& result) {
  const ElementwiseAttrs<N> attrs(op, x, params);
  detail::propagate_tangents(detail::elementwise_operation<N>(), &attrs,
                             In(tensors_of<N>(x).data(), N), as_span(result));
}

template <int N>
[[gnu::noinline, gnu::cold]] void note_recipe(Node& node, const Elementwise& op,
                                              const Operands<N>& x, const double* params,
                                              std::int64_t elements) {
  const ElementwiseAttrs<N> attrs(op, x, params);
  const auto item = static_cast<std::int64_t>(item_size(infer_dtypes<N>(op, x).result));
  detail::note_recipe(node, detail::elementwise_operation<N>(), &attrs,
                      In(tensors_of<N>(x).data(), N), elements * item);
}

// The description of all operations of N operands; which one it is stands in the attributes.
template <int N>
constexpr Operation describe_operands() {
  static_assert(std::is_trivially_copyable_v<ElementwiseAttrs<N>> &&
                sizeof(ElementwiseAttrs<N>) % 8 == 0);
  static_assert(sizeof(ElementwiseAttrs<N>) <= kMostAttrs);
  Operation op{};
  op.node_name = [](const void* attrs) {
    return static_cast<const ElementwiseAttrs<N>*>(attrs)->record->node;
  };
  op.inputs = N;
  op.outputs = 1;
  op.attrs_size = sizeof(ElementwiseAttrs<N>);
  op.differentiable = true;
  op.any_dtype = true;
  op.run = [](const void* attrs, In in, Tensor* out) {
    const Arguments<N> a(attrs, in);
    *out = run<N>(a.op(), a.x, a.params());
  };
  op.spec = [](const void* attrs, In in, Spec* spec) {
    const Arguments<N> a(attrs, in);
    new (spec) Spec{broadcast_sizes<N>(a.x), infer_dtypes<N>(a.op(), a.x).result};
  };
  op.make = [](const void* attrs, In in, const Spec* spec, Tensor* out) {
    *out = empty_result<N>(Arguments<N>(attrs, in).x, spec->sizes, spec->dtype);
  };
  static_assert(N <= Workspace::kMost);
  op.workspace = [](const void* attrs, In in, const Tensor*, Workspace& workspace) {
    const Arguments<N> a(attrs, in);
    for_each_cast<N>(a.op(), a.x, infer_dtypes<N>(a.op(), a.x).compute,
                     [&](int i, DType dtype) { workspace.need(i, a.x[i]->sizes(), dtype); });
  };
  op.fill = [](const void* attrs, In in, const Tensor* out, const Workspace* workspace) {
    const Arguments<N> a(attrs, in);
    fill<N>(a.op(), a.x, a.params(), infer_dtypes<N>(a.op(), a.x).compute, *out, &(*workspace)[0]);
  };
  op.vjp = [](const Node& node, BackwardCall& call) {
    static_cast<const ElementwiseNode<N>&>(node).give_gradients(call);
  };
  op.jvp = [](const void* attrs, In in, std::span<const Tensor> tangents,
              std::span<const Tensor> out,
              Tensor* result) { *result = tangent<N>(Arguments<N>(attrs, in), tangents, out[0]); };
  op.batch = [](const void* attrs, In in, int) {
    const Arguments<N> a(attrs, in);
    return compute_batched<N>(a.op(), a.x, a.params());
  };
  return op;
}
template <int N>
std::uint32_t refresh_operands(const Operands<N>& x) {
  std::uint32_t flags = 0;
  for (int i = 0; i < N; ++i) {
    if (x[i]->is_tensor()) refresh(x[i]->tensor());
    flags |= x[i]->raw_flags();
  }
  return flags;
}

template <int N>
Tensor run(const Elementwise& op, const Operands<N>& x, const double* params) {
  Destination* target = Destination::claim();
  std::uint32_t flags = 0;
  for (int i = 0; i < N; ++i) flags |= x[i]->raw_flags();
  if (flags & kFollowsBase) flags = refresh_operands<N>(x);
  // The tangent is made of operands, so they must not be overwritten before.
  if (flags & kDual) target = nullptr;
  const bool records = flags & mode.record && mode.grad && op.rule != DTypeRule::Bool;

  Tensor out;
  Ref<ElementwiseNode<N>> node;
  if (flags & kBatched) [[unlikely]] {
    out = compute_batched<N>(op, x, params, target);
    const RecordLevels inner(mode.record & ~mode.levels[batch_level<N>(x)].outer_record);
    if (records && flags & mode.record && is_differentiable(out.dtype())) {
      node = make_node<ElementwiseNode<N>>(op, x, params, out.sizes());
    }
  } else {
    const Tensor* like = target && target->is_strided() ? nullptr : find_flat<N>(op, x);
    // What is saved of an operand that is about to be overwritten must be saved before that.
    if (records) {
      if (target) target->check_history();
      Dims sizes = like ? Dims(like->sizes()) : Dims();
      if (!like) {
        for (int i = 0; i < N; ++i) sizes = broadcast(sizes, x[i]->sizes());
      }
      node = make_node<ElementwiseNode<N>>(op, x, params, sizes);
      if (detail::wants_recipes()) [[unlikely]] {
        note_recipe<N>(*node, op, x, params, count_elements(sizes));
      }
    }
    out = like ? compute_flat<N>(op, x, *like, params, target)
               : compute_general<N>(op, x, params, target);
  }
  const bool recorded = node && is_differentiable(out.dtype());
  if (recorded) set_history(out, node.get());
  if (recorded && node->extra()) [[unlikely]]
    detail::note_result(*node, out);
  if (flags & kDual && mode.forward && is_differentiable(out.dtype())) [[unlikely]] {
    propagate_tangents<N>(op, x, params, out);
  }
  if (recorded) {
    node->save_result(out);
  } else if (flags & (kRequiresGrad | kCut) && !mode.pass) {
    const auto tensors = tensors_of<N>(x);
    detail::note_cuts(In(tensors.data(), N), as_span(out));
  }
  if (mode.inference) [[unlikely]] {
    mark_inference(out);
  }
  return out;
}

}  // namespace

template <int N>
const Operation& detail::elementwise_operation() {
  static constexpr Operation operation = describe_operands<N>();
  return operation;
}

Saved Saved::in_float32() const {
  Saved wide = *this;
  wide.operands[0] = cast(operands[0].tensor(), DType::Float32);
  if (reads & kReadsY) wide.result = elementwise(op_, wide.operands[0], params);
  return wide;
}
Tensor in_float32(Elementwise::Function times, const Tensor& t, const Saved& s) {
  if (!is_narrow(t.dtype())) return times(t, s);
  return cast(times(cast(t, DType::Float32), s.in_float32()), t.dtype());
}

void Saved::report_unnamed(Reads what) const {
  const char* name = what == kReadsY   ? "the result"
                     : what == kReadsA ? "operand a"
                     : what == kReadsB ? "operand b"
                                       : "operand c";
  fail("internal error: a partial of ", op_.name, " reads ", name,
       ", which its record does not name. Please report it.");
}

void Elementwise::report_partials() const {
  fail("internal error: the record of ", name,
       " has partials for some of its operands only. Please report it.");
}

void scale_params(double* params, DType dtype, const Scalar& factor) {
  fitting(factor, dtype);
  const std::complex<double> parts = factor.to_complex();
  params[0] = is_differentiable(dtype) ? parts.real() : kernels::integral_param(factor.to_int());
  params[1] = parts.real();
  params[2] = parts.imag();
}

Tensor zero_slope(const Tensor& t, const Saved&) { return Tensor::zeros(t.sizes(), t.dtype()); }

Tensor elementwise(const Elementwise& op, const Operand& x, const double* params) {
  return run<1>(op, {&x}, params);
}

Tensor elementwise(const Elementwise& op, const Operand& a, const Operand& b,
                   const double* params) {
  return run<2>(op, {&a, &b}, params);
}

Tensor elementwise(const Elementwise& op, const Operand& a, const Operand& b, const Operand& c,
                   const double* params) {
  return run<3>(op, {&a, &b, &c}, params);
}

}  // namespace pullback
