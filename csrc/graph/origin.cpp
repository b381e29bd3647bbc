// See origin.h.
#include "graph/origin.h"

#include <algorithm>
#include <array>

#include "graph/meta.h"
#include "graph/mode.h"
#include "graph/node.h"
#include "graph/saved.h"

namespace pullback {

void note_origin(const Tensor& tensor, Origin origin) {
  TensorBody* body = tensor.body();
  body->origin = origin;
  body->made.capture();
  tensor.set(kCut, origin > Origin::Made);
}

void note_leaf_cut(const Tensor& leaf, Origin how, const Provenance& where) {
  if (!(leaf.raw_flags() & kRequiresGrad) || raw_node_of(leaf)) return;
  AutogradMeta& meta = make_meta(leaf);
  meta.cut_how = how;
  meta.cut.share(where);
}

void note_cut(const Tensor& made, const Tensor& from) {
  // What is written in place keeps what it has.
  if (made.requires_grad() || made.is_same(from)) return;
  TensorBody* body = made.body();
  if (from.requires_grad()) {
    const Origin stopped = mode.grad ? Origin::NotDifferentiable : Origin::NoGrad;
    note_origin(made, mode.inference ? Origin::Inference : stopped);
    note_leaf_cut(from, body->origin, body->made);
  } else {
    body->origin = from.body()->origin;
    body->made.share(from.body()->made);
    made.set(kCut, true);
  }
}

namespace {

struct Readings {
  static constexpr std::size_t kKept = 16;
  struct Entry {
    Origin how = Origin::None;
    std::uint64_t sequence = 0;
    union {
      Provenance where;  // not given back when the thread ends: nobody may hold Python's lock then
    };
    Entry() : where() {}
    ~Entry() {}
  };
  std::array<Entry, kKept> entries;
  std::size_t next = 0;
};
thread_local Readings kept_readings;

// How, of a tensor that was cut off.
const char* words(Origin origin) {
  switch (origin) {
    case Origin::None:
      return "";
    case Origin::Made:
      return " It was made at ";
    case Origin::Detach:
      return " It was cut off from its history by detach() at ";
    case Origin::Data:
      return " It was cut off from its history by .data at ";
    case Origin::NoGrad:
      return " It was computed without recording, under no_grad, at ";
    case Origin::Inference:
      return " It was computed without recording, in inference mode, at ";
    case Origin::Frozen:
      return " It was told not to require a gradient at ";
    case Origin::Gradient:
      return " It is a gradient that was computed without recording (create_graph=False) at ";
    case Origin::Constant:
      return " It is a gradient that depends on no tensor that requires one: a derivative that is "
             "constant, or zero, computed at ";
    case Origin::NotDifferentiable:
      return " It was cut off from its history by an operation without derivative at ";
    case Origin::Number:
      return " A value with a history was read as a number at ";
    case Origin::Array:
      return " A value with a history was read as an array at ";
  }
  return "";
}

// How, of a leaf that was used.
const char* words_of_use(Origin how) {
  switch (how) {
    case Origin::Detach:
      return " It was last used without its history, by detach(), at ";
    case Origin::Data:
      return " It was last used without its history, by .data, at ";
    case Origin::NoGrad:
      return " It was last used without recording, under no_grad, at ";
    case Origin::Inference:
      return " It was last used without recording, in inference mode, at ";
    case Origin::NotDifferentiable:
      return " It was last used by an operation without derivative at ";
    case Origin::Number:
      return " Its value was last read as a number at ";
    case Origin::Array:
      return " Its value was last read as an array at ";
    default:
      return "";
  }
}

std::string with_place(const char* how, const Provenance& where) {
  const std::string place = where.describe();
  return *how && !place.empty() ? how + place + "." : "";
}

}  // namespace

std::string origin_of(const Tensor& tensor) {
  if (const Node* node = raw_node_of(tensor)) return node->recorded_at();
  return with_place(words(tensor.body()->origin), tensor.body()->made);
}

namespace {
std::string (*namer)(const Tensor&) = nullptr;
}

void set_namer(std::string (*name_of)(const Tensor&)) { namer = name_of; }

std::string described(const Tensor& tensor) {
  const bool asks = namer && tensor.raw_flags() & kRequiresGrad && !raw_node_of(tensor);
  const std::string name = asks ? namer(tensor) : std::string();
  return (name.empty() ? "" : " It is the parameter " + name + ".") + origin_of(tensor);
}

std::string origin_sentence(Origin origin, void* code, std::int32_t offset) {
  Provenance where;
  where.code = code;
  where.offset = offset;
  std::string text = with_place(words(origin), where);
  where.code = nullptr;
  return text;
}

void note_reading(const Tensor& tensor, Origin how) {
  Readings::Entry& entry = kept_readings.entries[kept_readings.next++ % Readings::kKept];
  entry.how = how;
  entry.sequence = Node::next_number();
  entry.where.capture();
  note_leaf_cut(tensor, how, entry.where);
}

void note_cleared(const Tensor& tensor) {
  if (AutogradMeta* meta = meta_of(tensor)) meta->cleared.capture();
}

std::string last_cut_of(const Tensor& leaf) {
  const AutogradMeta* meta = meta_of(leaf);
  return meta ? with_place(words_of_use(meta->cut_how), meta->cut) : "";
}

std::string cleared_at(const Tensor& tensor) {
  const AutogradMeta* meta = meta_of(tensor);
  return meta ? with_place(" Its gradient was last taken away, by zero_grad() or .grad = None, at ",
                           meta->cleared)
              : "";
}

std::size_t count_readings() { return kept_readings.next; }

std::vector<std::string> readings(std::uint64_t oldest, std::uint64_t newest) {
  const std::size_t since = readings_before_pass(oldest);
  std::vector<std::string> found;
  for (std::size_t k = kept_readings.next; k > since && k + Readings::kKept > kept_readings.next;) {
    const Readings::Entry& entry = kept_readings.entries[--k % Readings::kKept];
    if (entry.sequence > newest) continue;
    std::string text = with_place(words(entry.how), entry.where);
    if (!text.empty() && std::find(found.begin(), found.end(), text) == found.end()) {
      found.push_back(std::move(text));
    }
  }
  return found;
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
  return extra && extra->cut ? with_place(words(extra->cut->origin), extra->cut->made) : "";
}

std::string last_reading() {
  const std::uint64_t now = Node::next_number();
  const std::vector<std::string> found = readings(now, now);
  return found.empty() ? std::string() : found.front();
}

std::string hint_without_origin() {
  return " Nothing that it was computed from was recorded: make the parameters with "
         "requires_grad=True, and a gradient (.grad) with create_graph=True." +
         last_reading();
}

}  // namespace pullback
