// The forms of views that are copies: what a view shows, in memory of its own.
//
// Copies are row-major, as in torch.  Those with options that a number may stand for are in Python
// (_compositions.py).  Start reading at own.
#include "ops/as_strided.h"
#include "ops/basic.h"
#include "ops/shape/view.h"
#include "ops/table.h"

namespace pullback {

namespace {

Tensor own(const Tensor& view) { return clone(view, MemoryFormat::Contiguous); }
std::vector<Tensor> own(std::vector<Tensor> views) {
  for (Tensor& view : views) view = own(view);
  return views;
}

Tensor alias_copy(const Tensor& input) { return own(input); }
Tensor as_strided_copy(const Tensor& input, const Dims& size, const Dims& stride,
                       std::optional<std::int64_t> storage_offset) {
  return own(as_strided(input, size, stride, storage_offset));
}
Tensor diagonal_copy(const Tensor& input, std::int64_t offset, std::int64_t dim1,
                     std::int64_t dim2) {
  return own(diagonal(input, offset, dim1, dim2));
}
Tensor expand_copy(const Tensor& input, const Dims& size, bool) { return own(expand(input, size)); }
Tensor permute_copy(const Tensor& input, const Dims& dims) { return own(permute(input, dims)); }
Tensor select_copy(const Tensor& input, std::int64_t dim, std::int64_t index) {
  return own(select(input, dim, index));
}
Tensor squeeze_copy(const Tensor& input) { return own(squeeze_all(input)); }
Tensor squeeze_copy_dim(const Tensor& input, std::int64_t dim) {
  return own(squeeze_dim(input, dim));
}
Tensor t_copy(const Tensor& input) { return own(t(input)); }
Tensor transpose_copy(const Tensor& input, std::int64_t dim0, std::int64_t dim1) {
  return own(transpose(input, dim0, dim1));
}
Tensor unsqueeze_copy(const Tensor& input, std::int64_t dim) { return own(unsqueeze(input, dim)); }
// Not of one piece of memory: then a copy of it, as in torch.
Tensor view_copy(const Tensor& input, const Dims& size) { return own(reshape(input, size)); }
Tensor view_as_real_copy(const Tensor& input) { return own(view_as_real(input)); }

std::vector<Tensor> split_copy(const Tensor& input, std::int64_t split_size, std::int64_t dim) {
  return own(split(input, split_size, dim));
}
std::vector<Tensor> split_with_sizes_copy(const Tensor& input, const Dims& split_sizes,
                                          std::int64_t dim) {
  return own(split_with_sizes(input, split_sizes, dim));
}
std::vector<Tensor> unbind_copy(const Tensor& input, std::int64_t dim) {
  return own(unbind(input, dim));
}

constexpr std::uint32_t kCopy = kFunctionForm | kOutForm;

const Entry entry_alias("alias_copy(input)", function<alias_copy>, kCopy, "A copy.",
                        "x(3,4) | xs(3,4) | x()");
const Entry entry_as_strided("as_strided_copy(input, size, stride, storage_offset:index=None)",
                             function<as_strided_copy>, kCopy,
                             "A copy of the memory in any geometry.",
                             "x(3,4), (2,3), (4,1) | x(4), (2,2), (0,1)");
const Entry entry_diagonal("diagonal_copy(input, offset=0, dim1=0, dim2=1)",
                           function<diagonal_copy>, kCopy,
                           "A copy of the diagonal of two dimensions, as the last dimension.",
                           "x(3,4) | x(3,4), 1 | x(2,3,4), 0, 1, 2");
const Entry entry_expand("expand_copy(input, size, *, implicit=False)", function<expand_copy>,
                         kCopy, "A copy broadcast to a size.", "x(3,1), (3,4) | x(), (2,)");
const Entry entry_permute("permute_copy(input, dims)", function<permute_copy>, kCopy,
                          "A copy with its dimensions in another order.",
                          "x(2,3,4), (2,0,1) | x(0,3), (-1,0)");
const Entry entry_select("select_copy(input, dim, index:index)", function<select_copy>, kCopy,
                         "A copy of one position of a dimension, which goes away.",
                         "x(3,4), 0, 1 | xs(3,4), -1, -2");
const Entry entry_squeeze("squeeze_copy(input)", function<squeeze_copy>, kCopy,
                          "A copy without the dimensions of size 1.", "x(1,3,1) | x(3,4) | x()");
const Entry entry_squeeze_dim("squeeze_copy(input, dim)", function<squeeze_copy_dim>, kCopy,
                              "A copy without dimension dim if that has size 1.",
                              "x(1,3,1), 0 | x(3,4), 1");
const Entry entry_t("t_copy(input)", function<t_copy>, kCopy, "A copy of the transpose.",
                    "x(3,4) | x(3) | x()");
const Entry entry_transpose("transpose_copy(input, dim0, dim1)", function<transpose_copy>, kCopy,
                            "A copy with two dimensions exchanged.",
                            "x(3,4), 0, 1 | x(2,3,4), -1, 0");
const Entry entry_unsqueeze("unsqueeze_copy(input, dim)", function<unsqueeze_copy>, kCopy,
                            "A copy with a dimension of size 1 put in at dim.",
                            "x(3,4), 0 | xs(3,4), -1");
const Entry entry_view("view_copy(input, size)", function<view_copy>, kCopy,
                       "A copy in another shape.", "x(3,4), (4,3) | x(3,4), (-1,)");
const Entry entry_real("view_as_real_copy(input)", function<view_as_real_copy>, kCopy,
                       "A copy of complex numbers as pairs of real ones.", "z(3,4) | z()");
const Entry entry_split("split_copy(input, split_size, dim=0)", function<split_copy>, kFunctionForm,
                        "Copies of consecutive parts of one size.", "x(5,2), 2 | x(2,4), 2, 1");
const Entry entry_split_sizes("split_with_sizes_copy(input, split_sizes, dim=0)",
                              function<split_with_sizes_copy>, kFunctionForm,
                              "Copies of consecutive parts of the given sizes.",
                              "x(5,2), [2,3] | x(2,4), [1,0,3], 1");
const Entry entry_unbind("unbind_copy(input, dim=0)", function<unbind_copy>, kFunctionForm,
                         "Copies of the positions of a dimension, which goes away.",
                         "x(3,2) | x(2,3), 1");

}  // namespace

}  // namespace pullback
