// See pass.h: which nodes a pass runs, in which order, and for which inputs.
#include "transform/pass.h"

#include <algorithm>
#include <atomic>

namespace pullback {
namespace {

std::atomic<std::uint32_t> next_pass{1};

}  // namespace

Pass::Pass(const BackwardRequest& request) : request_(request), id_(next_pass.fetch_add(1)) {}

Pass::~Pass() {
  for (std::size_t i = done_; i < nodes_.size(); ++i) unmark(nodes_[i].node);
  for (Leaf& leaf : leaves_) unmark(leaf.body);
}

void Pass::visit(const Edge& edge) {
  if (!edge) return;
  if (edge.is_leaf()) {
    TensorBody* leaf = edge.leaf();
    const LeafLock lock(leaf);
    if (mark(make_meta(leaf).mark, leaf, static_cast<std::uint32_t>(leaves_.size()))) {
      leaves_.push_back({leaf, {}, -1, true, is_present(edge)});
    } else if (leaf->raw_output_nr && is_present(edge)) {
      leaves_[place_of(leaf)].reached = true;
    }
  } else {
    Node* node = edge.node();
    if (mark(node->mark, node, static_cast<std::uint32_t>(nodes_.size()))) {
      nodes_.push_back({node});
      pending_.push_back(node);
    }
  }
}

void Pass::find_nodes() {
  for (const Edge& root : roots_) visit(root);
  while (!pending_.empty()) {
    const Node* node = pending_.back();
    pending_.pop_back();
    for (const Edge& edge : node->edges()) visit(edge);
  }
}

void Pass::order_nodes() {
  const auto newer = [](const Step& a, const Step& b) {
    return a.node->sequence() > b.node->sequence();
  };
  if (!std::is_sorted(nodes_.begin(), nodes_.end(), newer)) {
    const auto [low, high] = std::minmax_element(nodes_.begin(), nodes_.end(), newer);
    const std::uint64_t newest = low->node->sequence();
    const std::uint64_t range = newest - high->node->sequence() + 1;
    if (range <= 8 * nodes_.size()) {
      // Sequence numbers are nearly dense: put every node at its number and close the gaps.
      memory::Vector<Step> ordered(range, Step{nullptr});
      for (const Step& step : nodes_) ordered[newest - step.node->sequence()] = step;
      std::erase_if(ordered, [](const Step& step) { return !step.node; });
      nodes_.swap(ordered);
    } else {
      std::sort(nodes_.begin(), nodes_.end(), newer);
    }
  }
  std::uint32_t slots = 0;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    Step& step = nodes_[i];
    const auto place = static_cast<std::uint32_t>(i);
    if (step.node->mark.is(id_)) {
      step.node->mark.slot = place;
    } else {
      others_[step.node] = place;
    }
    step.first_slot = slots;
    slots += static_cast<std::uint32_t>(step.node->num_outputs());
  }
  slots_.resize(slots);
}

void Pass::note_last_uses() {
  if (leaves_.empty()) return;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    for (const Edge& edge : nodes_[i].node->edges()) {
      if (edge && edge.is_leaf()) {
        leaves_[place_of(edge.leaf())].last = static_cast<std::int64_t>(i);
      }
    }
  }
}

void Pass::select_inputs() {
  if (request_.inputs.empty()) return;
  for (Step& step : nodes_) step.needed = false;
  for (Leaf& leaf : leaves_) leaf.needed = false;
  results_.resize(request_.inputs.size());
  for (std::size_t k = 0; k < request_.inputs.size(); ++k) {
    const Tensor& input = request_.inputs[k];
    const auto number = static_cast<std::uint32_t>(k);
    const Node* node = input.defined() ? node_of(input) : request_.input_edges[k].node();
    if (node) {
      if (!is_marked(node)) continue;
      Step& step = nodes_[place_of(node)];
      // As in torch the node itself runs when its output's gradient is only kept.
      if (request_.accumulate) {
        step.needed = true;
        continue;
      }
      step.captured = true;
      const std::uint32_t output_nr =
          input.defined() ? output_nr_of(input) : request_.input_edges[k].output_nr();
      captures_.push_back({false, place_of(node), output_nr, number});
    } else if (is_marked(input.body()) && leaves_[place_of(input.body())].reached) {
      leaves_[place_of(input.body())].needed = true;
      if (!request_.accumulate) captures_.push_back({true, place_of(input.body()), 0, number});
    }
  }
  for (std::size_t i = nodes_.size(); i-- > 0;) {
    for (const Edge& edge : nodes_[i].node->edges()) {
      if (edge && is_needed(edge)) nodes_[i].needed = true;
    }
  }
}

}  // namespace pullback
