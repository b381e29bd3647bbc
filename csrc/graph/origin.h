// Where a tensor without a node comes from, for messages.
//
// NOTE [Origins]
// A leaf remembers where it was made.  A tensor that was cut off from its history (by detach,
// .data, no_grad, inference mode, or an operation without derivative) remembers where and by what,
// and what is computed from it without being recorded inherits that.  It is two words, filled in
// outside of the backward pass only.
#pragma once

#include <string>

#include "core/tensor.h"

namespace pullback {

class Node;

// Keeps the place of the user's code as the origin of the tensor.
void note_origin(const Tensor& tensor, Origin origin);
// `made` was computed without being recorded; `from` requires a gradient, or was cut off itself.
void note_cut(const Tensor& made, const Tensor& from);
// `operand` was cut off, and the node does not save it.
void note_cut_operand(Node& node, const Tensor& operand);
// That operand's origin as a sentence, or "".
std::string cut_operand_of(const Node& node);
// What is known of a tensor, as a sentence with a space before it, or "".
std::string origin_of(const Tensor& tensor);

}  // namespace pullback
