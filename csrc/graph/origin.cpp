// See origin.h.
#include "graph/origin.h"

#include "graph/meta.h"
#include "graph/mode.h"
#include "graph/node.h"

namespace pullback {

void note_origin(const Tensor& tensor, Origin origin) {
  TensorBody* body = tensor.body();
  body->origin = origin;
  body->made.capture();
  tensor.set(kCut, origin > Origin::Made);
}

void note_cut(const Tensor& made, const Tensor& from) {
  // What is written in place keeps what it has.
  if (made.requires_grad() || made.is_same(from)) return;
  if (from.requires_grad()) {
    const Origin stopped = mode.grad ? Origin::NotDifferentiable : Origin::NoGrad;
    note_origin(made, mode.inference ? Origin::Inference : stopped);
  } else {
    TensorBody* body = made.body();
    body->origin = from.body()->origin;
    body->made.share(from.body()->made);
    made.set(kCut, true);
  }
}

namespace {

std::string sentence(Origin origin, const Provenance& made) {
  const std::string place = made.describe();
  if (place.empty()) return "";
  switch (origin) {
    case Origin::None:
      return "";
    case Origin::Made:
      return " It was made at " + place + ".";
    case Origin::Detach:
      return " It was cut off from its history by detach() at " + place + ".";
    case Origin::Data:
      return " It was cut off from its history by .data at " + place + ".";
    case Origin::NoGrad:
      return " It was computed without recording, under no_grad, at " + place + ".";
    case Origin::Inference:
      return " It was computed without recording, in inference mode, at " + place + ".";
    case Origin::Frozen:
      return " It was told not to require a gradient at " + place + ".";
    case Origin::Gradient:
      return " It is a gradient that was computed without recording (create_graph=False) at " +
             place + ".";
    case Origin::Constant:
      return " It is a gradient that depends on no tensor that requires one: a derivative that is "
             "constant, or zero, computed at " +
             place + ".";
    case Origin::NotDifferentiable:
      return " It was cut off from its history by an operation without derivative at " + place +
             ".";
  }
  return "";
}

}  // namespace

std::string origin_of(const Tensor& tensor) {
  if (Node* node = node_of(tensor)) return node->recorded_at();
  return sentence(tensor.body()->origin, tensor.body()->made);
}

void note_cut_operand(Node& node, const Tensor& operand) {
  NodeExtra& extra = node.make_extra();
  if (extra.cut) return;
  extra.cut = std::make_unique<CutOperand>();
  extra.cut->origin = operand.body()->origin;
  extra.cut->made.share(operand.body()->made);
}

std::string cut_operand_of(const Node& node) {
  const NodeExtra* extra = node.extra();
  return extra && extra->cut ? sentence(extra->cut->origin, extra->cut->made) : "";
}

}  // namespace pullback
