// See saved_names.h.  One row for each node whose names are not the usual ones: the inputs, the
// outputs and the attributes in the order of the operator's record, "-" for what has no name, "!"
// behind a list of one dimension that is shown as a number.
#include "bind/saved_names.h"

#include <algorithm>

namespace pullback::bind {
namespace {

struct Names {
  std::string_view inputs = "self other";
  std::string_view outputs = "result";
  std::string_view attributes;
};
struct Row {
  std::string_view node;
  Names names;
};

// In order of the names.
constexpr Row kRows[] = {
    {"AddBackward0", {"-", "", ""}},
    {"AddbmmBackward0", {"- batch1 batch2", "", "- beta alpha"}},
    {"AddcdivBackward0", {"- tensor1 tensor2", "", "value"}},
    {"AddcmulBackward0", {"- tensor1 tensor2", "", "value"}},
    {"AddmmBackward0", {"- mat1 mat2", "", "- beta alpha"}},
    {"AddmvBackward0", {"- mat vec", "", "- beta alpha"}},
    {"AddrBackward0", {"- vec1 vec2", "", "- beta alpha"}},
    {"AmaxBackward0", {"self", "result", "dim - keepdim"}},
    {"AminBackward0", {"self", "result", "dim - keepdim"}},
    {"AsStridedBackward0", {"", "", "size stride storage_offset"}},
    {"BaddbmmBackward0", {"- batch1 batch2", "", "- beta alpha"}},
    {"BinaryCrossEntropyBackward0", {"self target weight", "", "- reduction"}},
    {"BinaryCrossEntropyWithLogitsBackward0", {"self target weight pos_weight", "", "- reduction"}},
    {"BmmBackward0", {"self mat2", "", ""}},
    {"CatBackward0", {"", "", "dim"}},
    {"CdistBackward0", {"x1 x2", "result", "p"}},
    {"CeluBackward0", {"self", "", "alpha"}},
    {"ClampBackward0", {"self min max", "", ""}},
    {"ClampBackward1", {"self min max", "", ""}},
    {"ClampMaxBackward0", {"self max", "", ""}},
    {"ClampMinBackward0", {"self min", "", ""}},
    {"CopySlices", {"", "", ""}},
    {"CummaxBackward0", {"self", "- indices", "dim"}},
    {"CumminBackward0", {"self", "- indices", "dim"}},
    {"CumprodBackward0", {"self", "result", "dim"}},
    {"CumsumBackward0", {"", "", "dim"}},
    {"DiagonalBackward0", {"", "", "- dim1 dim2 offset - - self_sym_sizes"}},
    {"DotBackward0", {"self tensor", "", ""}},
    {"EluBackward0", {"self", "", "alpha"}},
    {"ExpandBackward0", {"", "", "- self_sym_sizes"}},
    {"FlipBackward0", {"", "", "dims"}},
    {"GatherBackward0", {"self index", "", "dim"}},
    {"HardtanhBackward0", {"self min_val max_val", "", ""}},
    {"HuberLossBackward0", {"self target", "", "- reduction delta"}},
    {"IndexAddBackward0", {"- index source", "", "dim alpha"}},
    {"IndexBackward0", {"", "", ""}},
    {"IndexCopyBackward0", {"- index source", "", "dim"}},
    {"IndexFillBackward0", {"- index", "", "dim"}},
    {"IndexFillBackward1", {"- index", "", "dim"}},
    {"IndexPutBackward0", {"", "", ""}},
    {"IndexSelectBackward0", {"self index", "", "dim self_sym_sizes"}},
    {"LeakyReluBackward0", {"self", "", "negative_slope"}},
    {"LerpBackward0", {"self end weight", "", ""}},
    {"LerpBackward1", {"self end weight", "", ""}},
    {"LinalgCrossBackward0", {"self other", "", "dim"}},
    {"LinalgVectorNormBackward0", {"self", "result", "dim ord - keepdim"}},
    {"LogSoftmaxBackward0", {"", "result", "dim"}},
    {"LogcumsumexpBackward0", {"self", "result", "dim"}},
    {"LogsumexpBackward0", {"self", "result", "- dim - keepdim"}},
    {"MaskedFillBackward0", {"mask", "", ""}},
    {"MaskedFillBackward1", {"mask", "", ""}},
    {"MaskedScatterBackward0", {"- mask", "", ""}},
    {"MaskedSelectBackward0", {"self mask", "", ""}},
    {"MaxBackward0", {"", "- indices", "self_sym_sizes dim! - keepdim"}},
    {"MaxBackward1", {"self", "result", ""}},
    {"MeanBackward0", {"", "", "self_sym_sizes"}},
    {"MeanBackward1", {"", "", "self_sym_sizes dim - - keepdim"}},
    {"MinBackward0", {"", "- indices", "self_sym_sizes dim! - keepdim"}},
    {"MinBackward1", {"self", "result", ""}},
    {"MmBackward0", {"self mat2", "", ""}},
    {"MseLossBackward0", {"self target", "", "- reduction"}},
    {"MvBackward0", {"self vec", "", ""}},
    {"NllLoss2DBackward0", {"self target weight", "", "- ignore_index reduction"}},
    {"NllLossBackward0", {"self target weight", "", "- ignore_index reduction"}},
    {"PermuteBackward0", {"", "", "dims"}},
    {"PowBackward0", {"self exponent", "result", ""}},
    {"PowBackward1", {"self exponent", "result", ""}},
    {"PowBackward2", {"self exponent", "result", ""}},
    {"ProdBackward0", {"self", "result", ""}},
    {"ProdBackward1", {"self", "result", "- dim! keepdim"}},
    {"RepeatBackward0", {"", "", "repeats"}},
    {"ScatterAddBackward0", {"- index", "", "dim"}},
    {"ScatterBackward0", {"- index", "", "dim"}},
    {"ScatterBackward1", {"- index", "", "dim"}},
    {"ScatterReduceBackward0", {"self index src", "result", "dim - include_self"}},
    {"SelectBackward0", {"", "", "- dim - index - - self_sym_sizes"}},
    {"SliceBackward0", {"", "", "- dim - start - step self_sym_sizes"}},
    {"SmoothL1LossBackward0", {"self target", "", "- reduction beta"}},
    {"SoftmaxBackward0", {"", "result", "dim"}},
    {"SoftplusBackward0", {"self", "", "beta threshold"}},
    {"SortBackward0", {"", "- indices", "- dim self_sym_sizes descending"}},
    {"SplitBackward0", {"", "", "dim split_size - self_sym_sizes"}},
    {"SplitWithSizesBackward0", {"", "", "dim - split_sizes self_sym_sizes"}},
    {"StackBackward0", {"", "", "dim"}},
    {"StdBackward0", {"self", "result", "- dim correction keepdim"}},
    {"StdMeanBackward0", {"self", "result", "- dim correction keepdim"}},
    {"SumBackward0", {"", "", "self_sym_sizes"}},
    {"SumBackward1", {"", "", "self_sym_sizes dim - - keepdim"}},
    {"ThresholdBackward0", {"self", "", "threshold"}},
    {"TopkBackward0", {"", "- indices", "- dim self_sym_sizes largest k"}},
    {"TransposeBackward0", {"", "", "-"}},
    {"TrilBackward0", {"", "", "- diagonal"}},
    {"TriuBackward0", {"", "", "- diagonal"}},
    {"UnbindBackward0", {"", "", "dim"}},
    {"UnsafeViewBackward0", {"", "", "- self_sym_sizes"}},
    {"UnsqueezeBackward0", {"", "", "dim"}},
    {"VarBackward0", {"self", "-", "- dim correction keepdim"}},
    {"VarMeanBackward0", {"self", "-", "- dim correction keepdim"}},
    {"ViewBackward0", {"", "", "- self_sym_sizes"}},
    {"WhereBackward0", {"condition self other", "", ""}},
};
static_assert(std::is_sorted(std::begin(kRows), std::end(kRows),
                             [](const Row& a, const Row& b) { return a.node < b.node; }));

// Word `index` of the list; "" for "-" and behind the end.
std::string_view word(std::string_view list, int index) {
  while (index-- > 0) {
    const std::size_t space = list.find(' ');
    if (space == std::string_view::npos) return {};
    list.remove_prefix(space + 1);
  }
  list = list.substr(0, list.find(' '));
  return list == "-" ? std::string_view() : list;
}

}  // namespace

SavedName saved_name(const Node& node, const SavedItem& item) {
  const std::string_view name = node.name();
  const Row* row = std::lower_bound(std::begin(kRows), std::end(kRows), name,
                                    [](const Row& a, std::string_view b) { return a.node < b; });
  const Names names = row != std::end(kRows) && row->node == name ? row->names : Names();
  std::string_view found;
  switch (item.role) {
    case SavedItem::Role::Input:
      found = word(names.inputs, item.index);
      break;
    case SavedItem::Role::Output:
      found = word(names.outputs, item.index);
      break;
    case SavedItem::Role::Attribute:
      found = word(names.attributes, item.index);
      break;
    case SavedItem::Role::Constant:
      break;
  }
  const bool one_dim = found.ends_with('!');
  if (one_dim) found.remove_suffix(1);
  return {found, one_dim};
}

}  // namespace pullback::bind
