// Views and copies made of those in view.cpp and basic.cpp: flatten, movedim, expand, meshgrid, ...
#include "core/warning.h"
#include "ops/as_strided.h"
#include "ops/basic.h"
#include "ops/format.h"
#include "ops/op.h"
#include "ops/shape/view.h"
#include "ops/table.h"

namespace pullback {

Tensor flatten(const Tensor& input, std::int64_t start_dim, std::int64_t end_dim) {
  const int first = wrap_dim(start_dim, input.ndim());
  const int last = wrap_dim(end_dim, input.ndim());
  check(first <= last, "flatten() has invalid args: start_dim cannot come after end_dim");
  if (input.ndim() == 0) return reshape(input, {{1}});
  if (first == last) return input;
  Dims sizes = input.shape();
  for (int d = last; d > first; --d) {
    sizes[first] *= sizes[first + 1];
    sizes.erase(first + 1);
  }
  return reshape(input, sizes);
}

static Tensor unflatten(const Tensor& input, std::int64_t dim, const Dims& sizes) {
  const int d = wrap_dim(dim, input.ndim());
  check(!sizes.empty(), "unflatten: sizes must be non-empty");
  check(input.ndim() > 0, "unflatten: got a 0-dim tensor, expected at least one dimension.");
  std::int64_t known = 1;
  int unknown = 0;
  for (const std::int64_t size : sizes) {
    if (size == -1) {
      ++unknown;
    } else {
      known *= size;
    }
  }
  check(unknown <= 1, "only one dimension can be inferred");
  const std::int64_t whole = input.size(d);
  const bool fits = unknown ? known > 0 && whole % known == 0 : known == whole;
  check(fits, "unflatten: Provided sizes ", sizes, " don't multiply up to the size of dim ", d,
        " (", whole, ") in the input tensor");
  Dims shape;
  for (int k = 0; k < d; ++k) shape.push_back(input.size(k));
  for (const std::int64_t size : sizes) shape.push_back(size == -1 ? whole / known : size);
  for (int k = d + 1; k < input.ndim(); ++k) shape.push_back(input.size(k));
  return view(input, shape);
}

// The bytes read as another dtype, without a history; the last dimension shrinks or grows with the
// size of an element.
static Tensor view_dtype(const Tensor& input, DType dtype) {
  const auto from = static_cast<std::int64_t>(item_size(input.dtype()));
  const auto to = static_cast<std::int64_t>(item_size(dtype));
  if (input.has(kBatched) && (from == to || input.ndim() > 0)) {
    const Tensor* pointer = &input;
    const detail::Unwrapped u = detail::unwrap(In(&pointer, 1));
    return make_batched(view_dtype(u.tensors[0], dtype), u.level);
  }
  Dims sizes = input.shape();
  Dims strides(input.strides());
  if (from != to) {
    const int last = input.ndim() - 1;
    const std::int64_t ratio = std::max(from / to, to / from);
    const auto require = [&](bool holds, const char* what, std::int64_t got) {
      check(holds, what, " to view ", info(input.dtype()).scalar_name, " as ",
            info(dtype).scalar_name, " (different element sizes), but got ", got);
    };
    require(input.ndim() > 0, "self.dim() cannot be 0", 0);
    require(strides[last] == 1, "self.stride(-1) must be 1", strides[last]);
    const bool grows = from < to;
    const auto divide = [&](std::int64_t value, const char* what) {
      require(value % ratio == 0, what, value);
      return value / ratio;
    };
    if (grows) divide(memory_offset(input), "self.storage_offset() must be divisible");
    sizes[last] =
        grows ? divide(sizes[last], "self.size(-1) must be divisible") : sizes[last] * ratio;
    for (int d = 0; d < last; ++d) {
      strides[d] =
          grows ? divide(strides[d], "self.stride() must be divisible") : strides[d] * ratio;
    }
  }
  Tensor made = Tensor::over(input.body()->storage, input.bytes(), sizes, strides, dtype);
  made.set(kInference, input.has(kInference));
  return made;
}
static const Entry entry_view_dtype("view(input, dtype)", function<view_dtype>,
                                    kMethodForm | kNoGrad,
                                    "A view of the same bytes read as another dtype.",
                                    "x(3,4), pb.float64 | c(3,4), pb.int64 | c(3,4), pb.float32 "
                                    "| i(2,4, high=9), pb.uint8 | c(), pb.int64",
                                    nullptr, nullptr, "dtypes=(float64,)");

static Tensor ravel(const Tensor& input) { return reshape(contiguous(input), {{-1}}); }

Tensor movedim(const Tensor& input, const Dims& source, const Dims& destination) {
  check(source.size() == destination.size(), "movedim: Invalid source or destination dims: source ",
        "(", source, " dims) should contain the same number of dims as destination (", destination,
        " dims)");
  const int n = input.ndim();
  Dims from;
  Dims to;
  const auto wrap = [n](const Dims& dims, const char* which, Dims& wrapped) {
    for (const std::int64_t dim : dims) {
      const int d = wrap_dim(dim, n);
      check(!wrapped.contains(d), "movedim: repeated dim in `", which, "` (", dims, ")");
      wrapped.push_back(d);
    }
  };
  wrap(source, "source", from);
  wrap(destination, "destination", to);
  if (n == 0) return alias_view(input);
  Dims order(n, -1);
  for (int k = 0; k < from.size(); ++k) order[static_cast<int>(to[k])] = from[k];
  int next = 0;
  for (std::int64_t& d : order) {
    if (d >= 0) continue;
    while (from.contains(next)) ++next;
    d = next++;
  }
  return permute(input, order);
}

static Tensor movedim_one(const Tensor& input, std::int64_t source, std::int64_t destination) {
  return movedim(input, {source}, {destination});
}

// What torch's compiler says with `implicit` changes nothing.
static Tensor expand_entry(const Tensor& input, const Dims& size, bool) {
  return expand(input, size);
}
static Tensor broadcast_to(const Tensor& input, const Dims& size) { return expand(input, size); }
static Tensor expand_as(const Tensor& input, const Tensor& other) {
  return expand(input, other.sizes());
}
static Tensor reshape_as(const Tensor& input, const Tensor& other) {
  return reshape(input, other.sizes());
}
static Tensor view_as(const Tensor& input, const Tensor& other) {
  return view(input, other.shape());
}
static Tensor contiguous_in(const Tensor& input, MemoryFormat format) {
  check(format != MemoryFormat::Preserve,
        "preserve memory format is unsupported by the contiguous operator");
  return is_in(format, input) ? input : clone(input, format);
}
static Tensor clone_in(const Tensor& input, std::optional<MemoryFormat> format) {
  return clone(input, format.value_or(MemoryFormat::Preserve));
}
static Tensor sum_to_size(const Tensor& input, const Dims& size) {
  if (is_differentiable(input.dtype()) || same(input.sizes(), size)) return sum_to(input, size);
  return sum_to(cast(input, DType::Int64), size);
}

static std::vector<Tensor> broadcast_tensors(const std::vector<Tensor>& tensors) {
  Dims sizes;
  for (const Tensor& t : tensors) sizes = broadcast(sizes, t.sizes());
  std::vector<Tensor> results;
  for (const Tensor& t : tensors) {
    results.push_back(same(t.sizes(), sizes) ? t : expand(t, sizes));
  }
  return results;
}

std::vector<Tensor> meshgrid(const std::vector<Tensor>& tensors,
                             std::optional<std::string_view> indexing) {
  if (!indexing) {
    warn(
        "torch.meshgrid: in an upcoming release, it will be required to pass the indexing "
        "argument.");
  }
  check(!tensors.empty(), "meshgrid expects a non-empty TensorList");
  const std::string_view order = indexing.value_or("ij");
  check(order == "ij" || order == "xy",
        "torch.meshgrid: indexing must be one of \"xy\" or \"ij\", but received: ", order);
  Dims sizes;
  for (const Tensor& t : tensors) {
    check(t.ndim() <= 1, "torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got ",
          "shape ", t.shape());
    check(t.dtype() == tensors[0].dtype(),
          "torch.meshgrid expects all tensors to have the same dtype");
    sizes.push_back(t.numel());
  }
  const int n = sizes.size();
  if (order == "xy" && n > 1) std::swap(sizes[0], sizes[1]);
  std::vector<Tensor> grids;
  for (int i = 0; i < n; ++i) {
    const int d = order == "xy" && i < 2 && n > 1 ? 1 - i : i;
    Dims ones(n, 1);
    ones[d] = sizes[d];
    grids.push_back(expand(view(tensors[static_cast<std::size_t>(i)], ones), sizes));
  }
  return grids;
}

static const Entry entry_flatten("flatten(input, start_dim=0, end_dim=-1)", function<flatten>,
                                 kView, "The dimensions from start_dim to end_dim as one.",
                                 "x(2,3,4) | x(2,3,4), 1 | x(2,3,4), 0, 1 | xs(3,4) | x() | x(3) "
                                 "| x(0,3)");
static const Entry entry_unflatten("unflatten(input, dim, sizes)", function<unflatten>, kView,
                                   "A view with one dimension cut into several.",
                                   "x(6), 0, (2,3) | x(2,6), -1, (3,-1) | xs(4,2), 0, (2,2)");
static const Entry entry_ravel("ravel(input)", function<ravel>, kView,
                               "The elements in one dimension, row by row.",
                               "x(2,3) | xs(2,3) | x() | x(3)");
#define PB_MOVEDIM(NAME)                                                                           \
  static const Entry entry_##NAME(#NAME "(input, source, destination)", function<movedim_one>,     \
                                  kView, "A view with one dimension in another place.",            \
                                  "x(2,3,4), 0, 2 | x(2,3,4), -1, 0 | xs(3,4), 0, 0 | x(), 0, 0"); \
  static const Entry entry_##NAME##_several(                                                       \
      #NAME "(input, source, destination)", function<movedim>, kView,                              \
      "A view with some dimensions in other places.", "x(2,3,4), (0,1), (1,2) | x(2,3), (), ()");
PB_MOVEDIM(movedim)
PB_MOVEDIM(moveaxis)
#undef PB_MOVEDIM
static const Entry entry_expand("expand(input, *size, *, implicit=False)", function<expand_entry>,
                                kMethodForm,
                                "A view that repeats dimensions of size 1; -1 keeps a size.",
                                "x(3,1), 3, 4 | x(3,1), (2,-1,4) | x(3), 2, 3 | x(), 2 | x(1,3), "
                                "(0,3)");
static const Entry entry_expand_as("expand_as(input, other)", function<expand_as>, kMethodForm,
                                   "A view expanded to the shape of other.",
                                   "x(3,1), c(3,4) | x(3), c(2,3) | x(), c(2)");
static const Entry entry_broadcast_to("broadcast_to(input, *size)", function<broadcast_to>, kView,
                                      "A view that repeats dimensions of size 1.",
                                      "x(3,1), (3,4) | x(3), (2,3) | x(), (2,)");
static const Entry entry_view_as("view_as(input, other)", function<view_as>, kMethodForm,
                                 "A view in the shape of other.", "x(3,4), c(2,6)");
static const Entry entry_reshape_as("reshape_as(input, other)", function<reshape_as>, kMethodForm,
                                    "The elements in the shape of other.",
                                    "x(3,4), c(2,6) | xs(3,4), c(12)");
static const Entry entry_sum_to_size("sum_to_size(input, *size)", function<sum_to_size>,
                                     kMethodForm,
                                     "The sum over what expanding from `size` would repeat.",
                                     "x(3,4), 3, 1 | x(3,4), (4,) | x(3,4), (3,4) | x(2), ()");
static const Entry entry_contiguous("contiguous(input, *, memory_format=contiguous_format)",
                                    function<contiguous_in>, kMethodForm,
                                    "The tensor itself when it is in the format, else a copy that "
                                    "is.",
                                    "x(3,4) | xs(3,4) | x()");
static const Entry entry_clone("clone(input, *, memory_format=None)", function<clone_in>, kView,
                               "A copy, with the strides of input unless memory_format says "
                               "others.",
                               "x(3,4) | xs(3,4) | x() | x(0,3)");
static const Entry entry_broadcast_tensors("broadcast_tensors(*tensors:each)",
                                           function<broadcast_tensors>, kFunctionForm,
                                           "Views expanded to one common shape.",
                                           "x(3,1), x(4) | x(), x(2)");
static const Entry entry_meshgrid("meshgrid(*tensors, indexing=None)", function<meshgrid>,
                                  kFunctionForm,
                                  "Grids of coordinates made of vectors; indexing is 'ij' or "
                                  "'xy'.",
                                  "x(2), x(3), indexing='ij' | x(2), x(3), x(4), indexing='xy' "
                                  "| x(2), x(), indexing='ij' | x(3), indexing='ij'");

}  // namespace pullback
