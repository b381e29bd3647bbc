// Putting tensors together: cat, stack, and what is made of them.
#include "ops/shape/join.h"

#include <cstring>

#include "kernels/copy.h"
#include "ops/basic.h"
#include "ops/destination.h"
#include "ops/format.h"
#include "ops/operand.h"
#include "ops/shape/view.h"
#include "ops/shape/window.h"
#include "ops/table.h"

namespace pullback {
namespace {

// Joins of few elements are copied row by row, without a view of the result for each input.
constexpr std::int64_t kFewElements = 4096;

// The inputs are row-major, `lengths` counts what a row of each holds (nullptr: all the same).
bool join_rows(In in, const Tensor& out, std::int64_t rows, const Dims* lengths) {
  if (out.numel() > kFewElements || !out.is_contiguous()) return false;
  for (int i = 0; i < in.size(); ++i) {
    if (!in[i].is_contiguous()) return false;
  }
  const auto item = static_cast<std::int64_t>(item_size(out.dtype()));
  char* to = out.bytes();
  for (std::int64_t row = 0; row < rows; ++row) {
    for (int i = 0; i < in.size(); ++i) {
      if (lengths && (*lengths)[i] <= 0) continue;
      const std::int64_t bytes = in[i].numel() / rows * item;
      std::memcpy(to, in[i].bytes() + row * bytes, static_cast<std::size_t>(bytes));
      to += bytes;
    }
  }
  return true;
}

std::int64_t count_rows(const Tensor& out, int dim) {
  std::int64_t rows = 1;
  for (int d = 0; d < dim; ++d) rows *= out.size(d);
  return rows;
}

struct Cat {
  static constexpr const char* kNode = "CatBackward0";
  static constexpr int kInputs = kVariadic;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
  static constexpr bool kLinear = true;
  struct Attrs {
    int dim;
    Dims lengths;  // -1: an input of shape [0], which is skipped
    int model;     // an input that is not
    Attrs batched(std::int64_t) const { return {dim + 1, lengths, model}; }
  };
  static Spec spec(const Attrs& a, In in) {
    Dims sizes = in[a.model].shape();
    sizes[a.dim] = 0;
    for (const std::int64_t length : a.lengths) {
      sizes[a.dim] += std::max<std::int64_t>(length, 0);
    }
    return {sizes, in[0].dtype()};
  }
  // In the format that all inputs have.
  static Tensor make_for(const Attrs& a, In in, const Spec& spec) {
    const MemoryFormat format = format_of(in[a.model]);
    const auto has_it = [&](int i) { return a.lengths[i] < 0 || format_of(in[i]) == format; };
    bool all = true;
    for (int i = 0; i < in.size(); ++i) all = all && has_it(i);
    return empty_in(all ? format : MemoryFormat::Contiguous, spec.sizes, spec.dtype);
  }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    if (out.numel() == 0 || join_rows(in, out, count_rows(out, a.dim), &a.lengths)) return;
    std::int64_t start = 0;
    for (int i = 0; i < in.size(); ++i) {
      if (a.lengths[i] <= 0) continue;
      const Window part{Window::Kind::Slice, a.dim, 0, start, a.lengths[i]};
      kernels::copy(view_of(part.show(out)), view_of(in[i]));
      start += a.lengths[i];
    }
  }
  static void vjp(Vjp<Cat>& v) {
    const Attrs& a = v.attrs();
    std::int64_t start = 0;
    for (int i = 0; i < v.num_inputs(); ++i) {
      const std::int64_t length = a.lengths[i];
      if (length < 0) {
        if (v.wants(i)) v.give(i, Tensor::zeros({{0}}, v.grad().dtype()));
        continue;
      }
      if (v.wants(i)) v.give(i, narrow(v.grad(), a.dim, start, length));
      start += length;
    }
  }
};

struct Stack {
  static constexpr const char* kNode = "StackBackward0";
  static constexpr int kInputs = kVariadic;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
  static constexpr bool kLinear = true;
  struct Attrs {
    int dim;
    Attrs batched(std::int64_t) const { return {dim + 1}; }
  };
  static Spec spec(const Attrs& a, In in) {
    Dims sizes = in[0].shape();
    sizes.insert(a.dim, in.size());
    return {sizes, in[0].dtype()};
  }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    if (out.numel() == 0 || join_rows(in, out, count_rows(out, a.dim), nullptr)) return;
    for (int i = 0; i < in.size(); ++i) {
      const Window part{Window::Kind::Select, a.dim, 0, i};
      kernels::copy(view_of(part.show(out)), view_of(in[i]));
    }
  }
  static void vjp(Vjp<Stack>& v) {
    for (int i = 0; i < v.num_inputs(); ++i) {
      if (v.wants(i)) v.give(i, select(v.grad(), v.attrs().dim, i));
    }
  }
};

struct BlockDiag {
  static constexpr const char* kNode = "BlockDiagBackward0";
  static constexpr int kInputs = kVariadic;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
  static constexpr bool kLinear = true;
  struct Attrs {
    int lead;  // dimensions before the matrices
    Dims rows;
    Dims columns;
    Attrs batched(std::int64_t) const { return {lead + 1, rows, columns}; }
  };
  static Spec spec(const Attrs& a, In in) {
    Dims sizes = in[0].shape();
    sizes[a.lead] = sizes[a.lead + 1] = 0;
    for (const std::int64_t n : a.rows) sizes[a.lead] += n;
    for (const std::int64_t n : a.columns) sizes[a.lead + 1] += n;
    return {sizes, in[0].dtype()};
  }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    constexpr Element zero;
    kernels::fill(view_of(out), &zero);
    std::int64_t row = 0;
    std::int64_t column = 0;
    for (int i = 0; i < in.size(); ++i) {
      const Window rows{Window::Kind::Slice, a.lead, 0, row, a.rows[i]};
      const Window columns{Window::Kind::Slice, a.lead + 1, 0, column, a.columns[i]};
      kernels::copy(view_of(columns.show(rows.show(out))), view_of(in[i]));
      row += a.rows[i];
      column += a.columns[i];
    }
  }
  static void vjp(Vjp<BlockDiag>& v) {
    const Attrs& a = v.attrs();
    std::int64_t row = 0;
    std::int64_t column = 0;
    for (int i = 0; i < v.num_inputs(); ++i) {
      if (v.wants(i)) {
        const Tensor rows = narrow(v.grad(), a.lead, row, a.rows[i]);
        v.give(i, narrow(rows, a.lead + 1, column, a.columns[i]));
      }
      row += a.rows[i];
      column += a.columns[i];
    }
  }
};

bool have_one_dtype(const std::vector<Tensor>& tensors) {
  for (const Tensor& t : tensors) {
    if (t.dtype() != tensors[0].dtype()) return false;
  }
  return true;
}

// All in the dtype that they promote to.
std::vector<Tensor> promoted(const std::vector<Tensor>& tensors) {
  Promotion promotion;
  for (const Tensor& t : tensors) promotion.add(t);
  std::vector<Tensor> casts;
  for (const Tensor& t : tensors) casts.push_back(cast(t, promotion.result()));
  return casts;
}

template <Tensor (*kEach)(const Tensor&)>
std::vector<Tensor> each(const std::vector<Tensor>& tensors) {
  std::vector<Tensor> results;
  for (const Tensor& t : tensors) results.push_back(kEach(t));
  return results;
}

bool is_legacy_empty(const Tensor& t) { return t.ndim() == 1 && t.size(0) == 0; }

// A TypeError, as in torch.
void check_out_holds(DType dtype, const Target& target) {
  const DType out = target.dtype_or(dtype);
  check(ErrorKind::Type, can_cast(dtype, out),
        "torch.cat(): input types can't be cast to the desired output type ",
        info(out).scalar_name);
}

Tensor cat_into(const std::vector<Tensor>& tensors, std::int64_t dim, Target target) {
  check(ErrorKind::Value, !tensors.empty(), "torch.cat(): expected a non-empty list of Tensors");
  // Tensors of shape [0] are skipped, as in torch.
  std::size_t model = 0;
  while (model < tensors.size() && is_legacy_empty(tensors[model])) ++model;
  if (model == tensors.size()) model = 0;
  const Tensor& first = tensors[model];
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& t = tensors[i];
    check(t.ndim() > 0, "zero-dimensional tensor (at position ", i, ") cannot be concatenated");
    if (t.ndim() == first.ndim()) continue;
    check(is_legacy_empty(t), "Tensors must have same number of dimensions: got ", first.ndim(),
          " and ", t.ndim());
  }
  // Of nothing but tensors of shape [0] any dimension is the same.
  const int d = is_legacy_empty(first) ? 0 : wrap_dim(dim, first.ndim());
  if (!have_one_dtype(tensors)) return cat_into(promoted(tensors), dim, target);
  check_out_holds(first.dtype(), target);
  Dims lengths(static_cast<int>(tensors.size()));
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& t = tensors[i];
    if (t.ndim() != first.ndim()) {
      lengths[static_cast<int>(i)] = -1;
      continue;
    }
    for (int k = 0; k < t.ndim(); ++k) {
      check(k == d || t.size(k) == first.size(k),
            "Sizes of tensors must match except in dimension ", d, ". Expected size ",
            first.size(k), " but got size ", t.size(k), " for tensor number ", i, " in the list.");
    }
    lengths[static_cast<int>(i)] = t.size(d);
  }
  const Offer last(target);
  return apply<Cat>({d, lengths, static_cast<int>(model)}, tensors);
}

Tensor stack_into(const std::vector<Tensor>& tensors, std::int64_t dim, Target target) {
  check(!tensors.empty(), "stack expects a non-empty TensorList");
  const int d = wrap_dim(dim, tensors[0].ndim() + 1);
  for (std::size_t i = 1; i < tensors.size(); ++i) {
    check(same(tensors[i].sizes(), tensors[0].sizes()),
          "stack expects each tensor to be equal size, but got ", tensors[0].shape(),
          " at entry 0 and ", tensors[i].shape(), " at entry ", i);
  }
  if (!have_one_dtype(tensors)) return stack_into(promoted(tensors), dim, target);
  check_out_holds(tensors[0].dtype(), target);
  const Offer last(target);
  return apply<Stack>({d}, tensors);
}

}  // namespace

Tensor cat(const std::vector<Tensor>& tensors, std::int64_t dim) {
  return cat_into(tensors, dim, {});
}

Tensor stack(const std::vector<Tensor>& tensors, std::int64_t dim) {
  return stack_into(tensors, dim, {});
}

static Tensor atleast_1d(const Tensor& input) {
  return input.ndim() == 0 ? reshape(input, {{1}}) : input;
}

static Tensor atleast_2d(const Tensor& input) {
  if (input.ndim() == 0) return reshape(input, {{1, 1}});
  return input.ndim() == 1 ? unsqueeze(input, 0) : input;
}

static Tensor atleast_3d(const Tensor& input) {
  if (input.ndim() == 0) return reshape(input, {{1, 1, 1}});
  if (input.ndim() == 1) return unsqueeze(unsqueeze(input, 0), -1);
  return input.ndim() == 2 ? unsqueeze(input, -1) : input;
}

static Tensor hstack(const std::vector<Tensor>& tensors, Target target) {
  check(!tensors.empty(), "hstack expects a non-empty TensorList");
  const std::vector<Tensor> parts = each<atleast_1d>(tensors);
  return cat_into(parts, parts[0].ndim() == 1 ? 0 : 1, target);
}

static Tensor vstack(const std::vector<Tensor>& tensors, Target target) {
  check(!tensors.empty(), "vstack expects a non-empty TensorList");
  return cat_into(each<atleast_2d>(tensors), 0, target);
}

static Tensor dstack(const std::vector<Tensor>& tensors, Target target) {
  check(!tensors.empty(), "dstack expects a non-empty TensorList");
  return cat_into(each<atleast_3d>(tensors), 2, target);
}

static Tensor as_column(const Tensor& input) {
  return input.ndim() <= 1 ? reshape(input, {{input.numel(), 1}}) : input;
}

static Tensor column_stack(const std::vector<Tensor>& tensors, Target target) {
  check(!tensors.empty(), "column_stack expects a non-empty TensorList");
  return cat_into(each<as_column>(tensors), 1, target);
}

static Tensor block_diag(const std::vector<Tensor>& tensors) {
  if (tensors.empty()) return Tensor::empty({{1, 0}}, default_dtype());
  Dims rows;
  Dims columns;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    check(tensors[i].ndim() <= 2, "torch.block_diag: Input tensors must have 2 or fewer ",
          "dimensions. Input ", i, " has ", tensors[i].ndim(), " dimensions");
  }
  const std::vector<Tensor> blocks = promoted(each<atleast_2d>(tensors));
  for (const Tensor& block : blocks) {
    rows.push_back(block.size(0));
    columns.push_back(block.size(1));
  }
  return apply<BlockDiag>({0, rows, columns}, blocks);
}

static Tensor cartesian_prod(const std::vector<Tensor>& tensors) {
  check(!tensors.empty(), "cartesian_prod expects a non-empty TensorList");
  for (const Tensor& t : tensors) {
    check(t.ndim() == 1, "Expect a 1D vector, but got shape ", t.shape());
  }
  if (tensors.size() == 1) return tensors[0];
  std::vector<Tensor> columns;
  for (const Tensor& grid : meshgrid(tensors, "ij")) columns.push_back(flatten(grid));
  return stack(columns, 1);
}

static std::vector<Tensor> atleast_1d_all(const std::vector<Tensor>& tensors) {
  return each<atleast_1d>(tensors);
}
static std::vector<Tensor> atleast_2d_all(const std::vector<Tensor>& tensors) {
  return each<atleast_2d>(tensors);
}
static std::vector<Tensor> atleast_3d_all(const std::vector<Tensor>& tensors) {
  return each<atleast_3d>(tensors);
}

inline constexpr std::uint32_t kOfLists = kFunctionForm | kCastOutForm;

#define PB_CAT(NAME, SAMPLES)                                                   \
  static const Entry entry_##NAME(#NAME "(tensors, dim=0)", function<cat_into>, \
                                  kOfLists | kOutApart,                         \
                                  "The tensors behind one another along dim.", SAMPLES);
PB_CAT(cat,
       "[x(2,3), x(4,3)] | [x(2,3), x(2,1)], 1 | [x(2,3), xs(2,3)], dim=-1 | [x(3)] "
       "| [x(0), x(2,3)] | [x(0,3), x(2,3)] | [x(2), x(3), x(4)]")
PB_CAT(concat, "[x(2,3), x(4,3)]")
PB_CAT(concatenate, "[x(2,3), x(4,3)], 0")
#undef PB_CAT
static const Entry entry_stack("stack(tensors, dim=0)", function<stack_into>, kOfLists,
                               "Tensors of one shape along a new dimension.",
                               "[x(2,3), x(2,3)] | [x(2,3), xs(2,3)], 1 | [x(), x(), x()] "
                               "| [x(3)], dim=-1 | [x(0,2), x(0,2)]");
static const Entry entry_hstack("hstack(tensors)", function<hstack>, kOfLists,
                                "The tensors side by side: along dim 1, vectors along dim 0.",
                                "[x(2,3), x(2,1)] | [x(2), x(3)] | [x(), x(2)]");
static const Entry entry_vstack("vstack(tensors)", function<vstack>, kOfLists,
                                "The tensors one above the other, along dim 0.",
                                "[x(2,3), x(1,3)] | [x(3), x(3)] | [x(), x()]");
static const Entry entry_row_stack("row_stack(tensors)", function<vstack>, kOfLists,
                                   "The tensors one above the other, along dim 0.",
                                   "[x(2,3), x(1,3)] | [x(3), x(3)]");
static const Entry entry_dstack("dstack(tensors)", function<dstack>, kOfLists,
                                "The tensors one behind the other, along dim 2.",
                                "[x(2,3), x(2,3)] | [x(3), x(3)] | [x(), x()]");
static const Entry entry_column_stack("column_stack(tensors)", function<column_stack>, kOfLists,
                                      "The tensors side by side, vectors as columns.",
                                      "[x(3), x(3,2)] | [x(), x()]");
static const Entry entry_block_diag("block_diag(*tensors:each)", function<block_diag>,
                                    kFunctionForm,
                                    "The matrix with the given blocks on its diagonal.",
                                    "x(2,3), x(1,2) | x(2,2), x(3), x() | x(2,0), x(2,1)");
static const Entry entry_cartesian_prod("cartesian_prod(*tensors:each)", function<cartesian_prod>,
                                        kFunctionForm,
                                        "All tuples of one element of each vector, one in a row.",
                                        "x(2), x(3) | x(2) | x(2), x(1), x(3)");
#define PB_ATLEAST(NAME)                                                                         \
  static const Entry entry_##NAME(#NAME "(input:unnamed)", function<NAME>, kFunctionForm,        \
                                  "A view with at least that many dimensions.",                  \
                                  "x() | x(3) | x(2,3) | x(2,1,3)");                             \
  static const Entry entry_##NAME##_all(#NAME "(*tensors)", function<NAME##_all>, kFunctionForm, \
                                        "Views with at least that many dimensions.",             \
                                        "x(), x(3), x(2,3)");
PB_ATLEAST(atleast_1d)
PB_ATLEAST(atleast_2d)
PB_ATLEAST(atleast_3d)
#undef PB_ATLEAST

}  // namespace pullback
