// Where a tensor without a node comes from, for messages.
//
// NOTE [Origins]
// A leaf remembers where it was made.  A tensor that was cut off from its history (by detach,
// .data, no_grad, inference mode, or an operation without derivative) remembers where and by what,
// and what is computed from it without being recorded inherits that.  It is two words, filled in
// outside of the backward pass only.  The place in a node that kept such a tensor keeps the two
// words when a pass frees the tensor.
//
// The other way round, a leaf that requires a gradient remembers in its metadata how its value was
// last used without being recorded, and where its gradient was taken away; a thread remembers where
// values with a history last left the library as numbers or arrays, since what is made of these has
// no trace of it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace pullback {

class Node;

// Keeps the place of the user's code as the origin of the tensor.
void note_origin(const Tensor& tensor, Origin origin);
// `made` was computed without being recorded; `from` requires a gradient, or was cut off itself.
void note_cut(const Tensor& made, const Tensor& from);
// The value of a leaf that requires a gradient was used without being recorded.
void note_leaf_cut(const Tensor& leaf, Origin how, const Provenance& where);
// `operand` was cut off, and the node does not save it.
void note_cut_operand(Node& node, const Tensor& operand);
// That operand's origin as a sentence, or "".
std::string cut_operand_of(const Node& node);
// What is known of a tensor, as a sentence with a space before it, or "".
std::string origin_of(const Tensor& tensor);
// The same for an error, with the name of a leaf that belongs to a module.
std::string described(const Tensor& tensor);
// Set once, by bind: the name, or "".
void set_namer(std::string (*name_of)(const Tensor&));
std::string origin_sentence(Origin origin, void* code, std::int32_t offset);

// The value of a tensor that has a history, or was cut off from one, left as a number or an array.
void note_reading(const Tensor& tensor, Origin how);
// The user's code took the gradient of a tensor away.
void note_cleared(const Tensor& tensor);
// Sentences with a space before them, or "": of a leaf, how it was last used without being
// recorded; where its gradient was taken away.
std::string last_cut_of(const Tensor& leaf);
std::string cleared_at(const Tensor& tensor);
// The latest readings of the thread, latest first: those that came after the pass before the node
// with number `oldest`, and before the one with number `newest`.
std::size_t count_readings();
std::vector<std::string> readings(std::uint64_t oldest, std::uint64_t newest);

// The latest of them since the last pass, or "".
std::string last_reading();
// What to say of a root without a history, of which nothing is known.
std::string hint_without_origin();

}  // namespace pullback
