// See saved_names.h.  One row for each node whose names are not the usual ones: the inputs, the
// outputs and the attributes in the order of the operator's record, "-" for what has no name, "!"
// behind a list of one dimension that is shown as a number, "~" behind a number of the other sign,
// "+" behind the first of the inputs that are the rest of a list; then what follows from these or
// is constant; then torch's inputs as places among ours.
#include "bind/saved_names.h"

#include <algorithm>
#include <string>

#include "bind/function.h"

namespace pullback::bind {
namespace {

struct Row {
  std::string_view node;
  SavedNames names;
};

// In order of the names.
constexpr Row kRows[] = {
    {"AddBackward0", {"-", "", "alpha", "alpha=1"}},
    {"AddbmmBackward0", {"- - -", "", "- beta alpha"}},
    {"AddcdivBackward0", {"- tensor1 tensor2", "", "value"}},
    {"AddcmulBackward0", {"- tensor1 tensor2", "", "value"}},
    {"AddmmBackward0",
     {"- mat1 mat2", "", "- beta alpha",
      "mat1_sym_sizes mat1_sym_strides mat2_sym_sizes mat2_sym_strides"}},
    {"AddmvBackward0", {"- mat vec", "", "- beta alpha"}},
    {"AddrBackward0", {"- - -", "", "- beta alpha"}},
    {"AmaxBackward0", {"self", "result", "dim - keepdim"}},
    {"AminBackward0", {"self", "result", "dim - keepdim"}},
    {"AminmaxBackward0", {"self", "min max", "dim - keepdim"}},
    {"AsStridedBackward0", {"", "", "size stride storage_offset"}},
    {"BaddbmmBackward0", {"- batch1 batch2", "", "- beta alpha"}},
    {"BinaryCrossEntropyBackward0", {"self target weight", "", "- reduction", "", "01"}},
    {"BinaryCrossEntropyWithLogitsBackward0",
     {"self target weight pos_weight", "", "- reduction", "", "01"}},
    {"BmmBackward0", {"self mat2", "", ""}},
    {"CatBackward0", {"", "", "dim"}},
    {"CdistBackward0", {"x1 x2", "result", "p"}},
    {"CeluBackward0", {"self", "", "alpha"}},
    {"CholeskyBackward0", {"", "result", "upper"}},
    {"CholeskyInverseBackward0", {"self", "result", "upper"}},
    {"CholeskySolveBackward0", {"- input2", "result", "upper"}},
    {"ClampBackward0", {"self min max", "", ""}},
    {"ClampBackward0.clamp_max", {"self max", "", "", "min=None", "0-1"}},
    {"ClampBackward0.clamp_min", {"self min", "", "", "max=None", "01-"}},
    {"ClampBackward1", {"self min max", "", "", "", "0"}},
    {"ClampBackward1.clamp_max", {"self max", "", "", "min=None", "0"}},
    {"ClampBackward1.clamp_min", {"self min", "", "", "max=None", "0"}},
    {"ClampMaxBackward0", {"self max", "", "", "", "0"}},
    {"ClampMaxBackward1", {"self max", "", ""}},
    {"ClampMinBackward0", {"self min", "", "", "", "0"}},
    {"ClampMinBackward1", {"self min", "", ""}},
    {"Col2ImBackward0", {"", "", "- kernel_size stride padding dilation"}},
    {"ConstantPadNdBackward0", {"", "", "pad"}},
    {"ConvolutionBackward0", {"input weight", "", "- - stride padding dilation groups"}},
    {"CopySlices", {"", "", ""}},
    {"CopysignBackward1", {"self other", "result", "", "", "0"}},
    {"CummaxBackward0", {"self", "- indices", "dim"}},
    {"CumminBackward0", {"self", "- indices", "dim"}},
    {"CumprodBackward0", {"self", "result", "dim"}},
    {"CumsumBackward0", {"", "", "dim"}},
    {"Deg2RadBackward0", {"", "", "", "", "0"}},
    {"DiagEmbedBackward0", {"", "", "- dim1 dim2 offset"}},
    {"DiagonalBackward0", {"", "", "- dim1 dim2 offset - - self_sym_sizes"}},
    {"DiagonalBackward0_copy", {"", "", "- dim1 dim2 offset - - self_sym_sizes"}},
    {"DiagonalScatterBackward0", {"", "", "- dim1 dim2 offset"}},
    {"DistBackward0", {"-", "result", "- p"}},
    {"DivBackward1", {"- other", "", "", "", "0"}},
    {"DotBackward0", {"self tensor", "", ""}},
    {"EluBackward0", {"self", "", "alpha scale input_scale"}},
    {"EmbeddingBackward0",
     {"- indices", "", "weight_sym_argsize_0 padding_idx scale_grad_by_freq", "sparse=False", "0"}},
    {"ExpandBackward0", {"", "", "- self_sym_sizes"}},
    {"FlipBackward0", {"", "", "dims"}},
    {"FmodBackward0", {"self other", "result", "", "", "0"}},
    {"GatherBackward0", {"- index", "", "dim", "sparse_grad=False", "0"}},
    {"GluBackward0", {"self", "", "dim"}},
    {"HardshrinkBackward0", {"self", "", "lambd"}},
    {"HardtanhBackward0", {"self min_val max_val", "", "", "", "0"}},
    {"HuberLossBackward0", {"self target", "", "- reduction delta"}},
    {"Im2ColBackward0", {"", "", "- kernel_size stride padding dilation"}},
    {"IndexAddBackward0", {"- index", "", "dim alpha", "", "02"}},
    {"IndexBackward0", {"- indices+", "", "- - - self_sym_sizes", "", "0"}},
    {"IndexCopyBackward0", {"- index", "", "dim", "", "02"}},
    {"IndexFillBackward0", {"- index", "", "dim", "", "0"}},
    {"IndexFillBackward1", {"- index", "", "dim", "", "02"}},
    {"IndexPutBackward0", {"- - indices+", "", "- - - - - - accumulate", "", "01"}},
    {"IndexSelectBackward0", {"- index", "", "dim self_sym_sizes", "", "0"}},
    {"KthvalueBackward0", {"", "- indices", "- dim self_sym_sizes - - keepdim"}},
    {"LeakyReluBackward0", {"self", "", "negative_slope"}},
    {"LerpBackward0", {"- - weight", "", "", "", "01"}},
    {"LerpBackward1", {"self end weight", "", ""}},
    {"LinalgCholeskyExBackward0", {"", "L", "upper"}},
    {"LinalgCrossBackward0", {"self other", "", "dim"}},
    {"LinalgDetBackward0", {"A", "result LU pivots", ""}},
    {"LinalgEigBackward0", {"", "eigenvalues eigenvectors", ""}},
    {"LinalgEighBackward0", {"", "eigenvalues eigenvectors", ""}},
    {"LinalgInvExBackward0", {"", "inverse", ""}},
    {"LinalgLuBackward0", {"", "P L U", "", "pivot=True"}},
    {"LinalgLuFactorExBackward0", {"", "LU pivots", "", "pivot=True"}},
    {"LinalgLuSolveBackward0", {"LU pivots", "result", "left adjoint", "", "02"}},
    {"LinalgMatrixExpBackward0", {"self", "", "", "", "0"}},
    {"LinalgPinvBackward0", {"self", "result", "", "", "0"}},
    {"LinalgQrBackward0", {"-", "Q R", "-"}},
    {"LinalgSlogdetBackward0", {"A", "sign - LU pivots", ""}},
    {"LinalgSolveExBackward0", {"A", "result LU pivots", "left"}},
    {"LinalgSolveTriangularBackward0", {"self", "result", "upper left unitriangular"}},
    {"LinalgSvdBackward0", {"", "U S Vh", "full_matrices"}},
    {"LinalgVectorNormBackward0", {"self", "result", "dim ord - keepdim"}},
    {"LogSoftmaxBackward0", {"", "result", "dim"}},
    {"LogcumsumexpBackward0", {"self", "result", "dim"}},
    {"LogitBackward0", {"self", "", "eps"}},
    {"LogsumexpBackward0", {"self", "result", "- dim - keepdim"}},
    {"LuUnpackBackward0", {"", "", "", "", "0"}},
    {"MaskedFillBackward0", {"mask", "", "", "", "2"}},
    {"MaskedFillBackward1", {"mask", "", "", "", "21"}},
    {"MaskedScatterBackward0", {"- mask", "", "source_sym_sizes", "", "02"}},
    {"MaskedSelectBackward0", {"- mask", "", "", "", "0"}},
    {"MaxBackward0", {"", "- indices", "self_sym_sizes dim! - keepdim"}},
    {"MaxBackward1", {"self", "result", ""}},
    {"MeanBackward0", {"", "", "self_sym_sizes", "self_sym_numel"}},
    {"MeanBackward1", {"", "", "self_sym_sizes dim - - keepdim", "self_sym_numel"}},
    {"MedianBackward1", {"", "- indices", "- dim self_sym_sizes - - keepdim"}},
    {"MinBackward0", {"", "- indices", "self_sym_sizes dim! - keepdim"}},
    {"MinBackward1", {"self", "result", ""}},
    {"MmBackward0",
     {"self mat2", "", "", "self_sym_sizes self_sym_strides mat2_sym_sizes mat2_sym_strides"}},
    {"ModeBackward0", {"", "- indices", "- dim self_sym_sizes - - keepdim"}},
    {"MseLossBackward0", {"self target", "", "- reduction"}},
    {"MulBackward1", {"self other", "result", "", "", "0"}},
    {"MvBackward0", {"self vec", "", ""}},
    {"NanmedianBackward1", {"", "- indices", "- dim self_sym_sizes - - keepdim"}},
    {"NansumBackward0", {"self", "", "- dim - keepdim"}},
    {"NllLoss2DBackward0", {"- target weight", "", "- ignore_index reduction", "", "0"}},
    {"NllLossBackward0", {"- target weight", "", "- ignore_index reduction", "", "0"}},
    {"NormBackward1", {"self", "result", "dim p - keepdim"}},
    {"PermuteBackward0", {"", "", "dims"}},
    {"PolarBackward0", {"- -", "result", ""}},
    {"PolygammaBackward0", {"self", "", "n"}},
    {"PowBackward0", {"self exponent", "result", "", "", "0"}},
    {"PowBackward1", {"self exponent", "result", ""}},
    {"PowBackward2", {"self exponent", "result", "", "", "1"}},
    {"PreluKernelBackward0", {"self weight", "", ""}},
    {"ProdBackward0", {"self", "result", ""}},
    {"ProdBackward1", {"self", "result", "- dim! keepdim"}},
    {"Rad2DegBackward0", {"", "", "", "", "0"}},
    {"RemainderBackward0", {"self other", "result", "", "", "0"}},
    {"RepeatBackward0", {"", "", "repeats self_sym_sizes"}},
    {"ReshapeAliasBackward0", {"", "", "- self_sym_sizes"}},
    {"RollBackward0", {"", "", "shifts dims"}},
    {"Rot90Backward0", {"", "", "k"}},
    {"RsubBackward0", {"", "", "", "alpha=1"}},
    {"RsubBackward1", {"", "", "", "alpha=1", "1"}},
    {"ScatterAddBackward0", {"- index", "", "dim", "", "02"}},
    {"ScatterBackward0", {"- index", "", "dim", "", "02"}},
    {"ScatterBackward1", {"- index", "", "dim", "", "0"}},
    {"ScatterReduceBackward0", {"self index src", "result", "dim - include_self", "", "02"}},
    {"SelectBackward0", {"", "", "- dim - index - - self_sym_sizes"}},
    {"SelectScatterBackward0", {"", "", "- dim - index"}},
    {"SincBackward0", {"self", "", ""}},
    {"SliceBackward0", {"", "", "- dim - start - step self_sym_sizes"}},
    {"SliceScatterBackward0", {"", "", "- dim - start - step"}},
    {"SmoothL1LossBackward0", {"self target", "", "- reduction beta"}},
    {"SoftmaxBackward0", {"", "result", "dim"}},
    {"SoftplusBackward0", {"self", "", "beta threshold"}},
    {"SoftshrinkBackward0", {"self", "", "lambd"}},
    {"SortBackward0", {"", "- indices", "- dim self_sym_sizes"}},
    {"SortBackward1", {"", "- indices", "- dim self_sym_sizes"}},
    {"SplitBackward0", {"", "", "dim split_size - self_sym_sizes"}},
    {"SplitWithSizesBackward0", {"", "", "dim - split_sizes self_sym_sizes"}},
    {"SqueezeBackward0", {"", "", ""}},
    {"SqueezeBackward4", {"", "", "- self_sym_sizes"}},
    {"StackBackward0", {"", "", "dim"}},
    {"StdBackward0", {"self", "result", "- dim correction keepdim"}},
    {"StdMeanBackward0", {"self", "result0", "- dim correction keepdim"}},
    {"SubBackward0", {"-", "", "alpha~", "alpha=1"}},
    {"SumBackward0", {"", "", "self_sym_sizes"}},
    {"SumBackward0.to_size", {"", "", "- self_sym_sizes"}},
    {"SumBackward1", {"", "", "self_sym_sizes dim - - keepdim"}},
    {"SumBackward1.to_size", {"", "", "- self_sym_sizes"}},
    {"TakeBackward0", {"- index", "", "", "", "0"}},
    {"ThresholdBackward0", {"self", "", "threshold"}},
    {"TopkBackward0", {"", "- indices", "- dim self_sym_sizes"}},
    {"TraceBackward0", {"", "", "- - - - - - self_sym_sizes"}},
    {"TransposeBackward0", {"", "", "-"}},
    {"TriangularSolveBackward0", {"A", "solution", "upper - unitriangular", "", "10"}},
    {"TrilBackward0", {"", "", "- diagonal"}},
    {"TriuBackward0", {"", "", "- diagonal"}},
    {"UnbindBackward0", {"", "", "dim"}},
    {"UnfoldBackward0", {"", "", "- dimension - - size step self_sym_sizes"}},
    {"UnsafeViewBackward0", {"", "", "- self_sym_sizes"}},
    {"UnsqueezeBackward0", {"", "", "dim"}},
    {"VarBackward0", {"self", "-", "- dim correction keepdim"}},
    {"VarMeanBackward0", {"self", "-", "- dim correction keepdim"}},
    {"VdotBackward0", {"self other", "", ""}},
    {"ViewBackward0", {"", "", "- self_sym_sizes"}},
    {"WhereBackward0", {"condition", "", "", "", "12"}},
    {"XlogyBackward1", {"self other", "result", "", "", "1"}},
    {"XlogyBackward2", {"self other", "result", "", "", "0"}},
};
static_assert(std::is_sorted(std::begin(kRows), std::end(kRows),
                             [](const Row& a, const Row& b) { return a.node < b.node; }));

// Word `index` of the list; "" for "-" and behind the end.
std::string_view word(std::string_view list, int index) {
  while (index-- > 0) {
    const std::size_t space = list.find(' ');
    // A list that ends with "+" goes on.
    if (space == std::string_view::npos) return list.ends_with('+') ? list : std::string_view();
    list.remove_prefix(space + 1);
  }
  list = list.substr(0, list.find(' '));
  return list == "-" ? std::string_view() : list;
}

const Row* find_row(std::string_view name) {
  const Row* row = std::lower_bound(std::begin(kRows), std::end(kRows), name,
                                    [](const Row& a, std::string_view b) { return a.node < b; });
  return row != std::end(kRows) && row->node == name ? row : nullptr;
}

}  // namespace

SavedNames names_of(Node& node) {
  if (context_of(node)) return {"", ""};
  const std::string_view name = node.name();
  const Row* row = nullptr;
  // One name stands for clamping on one side and on both, and for a sum to a size.
  if (name.starts_with("ClampBackward") || name.starts_with("SumBackward")) {
    SavedList list;
    node.list_saved(list);
    const bool to_size = name.starts_with("Sum") && list.items.size() == 2;
    row = find_row(std::string(name) + "." + (to_size ? "to_size" : list.operation));
  }
  if (!row) row = find_row(name);
  return row ? row->names : SavedNames();
}

SavedName saved_name(const SavedNames& names, const SavedItem& item) {
  SavedName found;
  switch (item.role) {
    case SavedItem::Role::Input:
      found.text = word(names.inputs, item.index);
      break;
    case SavedItem::Role::Output:
      found.text = word(names.outputs, item.index);
      break;
    case SavedItem::Role::Attribute:
      found.text = word(names.attributes, item.index);
      break;
    case SavedItem::Role::Constant:
      break;
  }
  found.one_dim = found.text.ends_with('!');
  found.is_list = found.text.ends_with('+');
  found.negated = found.text.ends_with('~');
  if (found.one_dim || found.is_list || found.negated) found.text.remove_suffix(1);
  return found;
}

std::vector<int> shown_inputs(Node& node) {
  const SavedNames names = names_of(node);
  const int count = static_cast<int>(node.edges().size());
  std::vector<int> shown;
  for (const char digit : names.edges) {
    const int place = digit == '-' ? -1 : digit - '0';
    if (place < count) shown.push_back(place);
  }
  if (names.edges.empty()) {
    for (int i = 0; i < count; ++i) shown.push_back(i);
  }
  return shown;
}

}  // namespace pullback::bind
