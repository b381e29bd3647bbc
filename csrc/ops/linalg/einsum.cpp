// einsum: sums of products in index notation.
//
// Three steps: Equation reads the text; bind_operands gives every dimension a label, takes
// diagonals and drops dimensions of size 1 (which broadcast); Contraction multiplies two operands
// at a time in a cheap order (the best one up to kOptimal operands, greedy above), each step one
// matrix product.  Everything is made of recorded operators, so there is no derivative here.
#include <algorithm>
#include <bitset>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "ops/basic.h"
#include "ops/linalg/matmul.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/reduce/reduction.h"
#include "ops/shape/view.h"
#include "ops/table.h"

namespace pullback {
namespace {

// Labels: A-Z are 0..25, a-z 26..51, the dimensions of the ellipsis follow.
constexpr int kLetters = 52;
constexpr int kEllipsis = -1;
constexpr int kMaxLabels = kLetters + kMaxDims;
constexpr std::size_t kOptimal = 7;

using Labels = std::vector<int>;
using LabelSet = std::bitset<kMaxLabels>;

std::string text_of(int label) {
  if (label >= kLetters || label == kEllipsis) return "...";
  return std::string(1, static_cast<char>(label < 26 ? 'A' + label : 'a' + label - 26));
}

bool has(const Labels& labels, int label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

LabelSet set_of(const Labels& labels) {
  LabelSet set;
  for (const int label : labels) set.set(static_cast<std::size_t>(label));
  return set;
}

class Equation {
 public:
  Equation(std::string_view text, std::size_t num_operands) : text_(text), inputs_(num_operands) {
    check(ErrorKind::Value, num_operands > 0,
          "einsum(): must specify the equation string and at least one operand, or at least one "
          "operand and its subscripts list");
    parse_inputs();
    if (explicit_) parse_output();
  }
  const std::vector<Labels>& inputs() const { return inputs_; }
  const Labels& output() const { return output_; }
  bool is_explicit() const { return explicit_; }

 private:
  int letter(std::size_t at) const {
    const char c = text_[at];
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    fail("einsum(): invalid subscript given at index ", at,
         " in the equation string, subscripts must be in [a-zA-Z]");
  }
  bool dots_at(std::size_t at) const { return text_.substr(at, 3) == "..."; }

  void parse_inputs() {
    std::size_t operand = 0;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      Labels& labels = inputs_[operand];
      if (c == ' ') continue;
      if (c == ',') {
        check(++operand < inputs_.size(),
              "einsum(): fewer operands were provided than specified in the equation");
      } else if (c == '.') {
        check(!has(labels, kEllipsis), "einsum(): found '.' for operand ", operand,
              " for which an ellipsis was already found");
        check(dots_at(at_), "einsum(): found '.' for operand ", operand,
              " that is not part of any ellipsis");
        at_ += 2;
        labels.push_back(kEllipsis);
      } else if (text_.substr(at_, 2) == "->") {
        explicit_ = true;
        at_ += 2;
        break;
      } else {
        labels.push_back(letter(at_));
      }
    }
    check(operand + 1 == inputs_.size(),
          "einsum(): more operands were provided than specified in the equation");
  }

  void parse_output() {
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == ' ') continue;
      if (text_[at_] == '.') {
        check(!has(output_, kEllipsis),
              "einsum(): found '.' for output but an ellipsis (...) was already found");
        check(dots_at(at_),
              "einsum(): found '.' for output that is not part of any ellipsis (...)");
        at_ += 2;
        output_.push_back(kEllipsis);
        continue;
      }
      const int label = letter(at_);
      check(!has(output_, label), "einsum(): output subscript ", text_of(label),
            " appears more than once in the output");
      const bool known = std::any_of(inputs_.begin(), inputs_.end(),
                                     [&](const Labels& labels) { return has(labels, label); });
      check(known, "einsum(): output subscript ", text_of(label),
            " does not appear in the equation for any input operand");
      output_.push_back(label);
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Labels> inputs_;
  Labels output_;
  bool explicit_ = false;
};

// A tensor with a label for each dimension, all different.
struct Term {
  Tensor tensor;
  Labels labels;
};

// Replaces ellipses by labels for the dimensions they cover; those of a shorter one are the last.
class Binding {
 public:
  Binding(const Equation& equation, const std::vector<Tensor>& operands) {
    for (std::size_t i = 0; i < operands.size(); ++i) {
      const Labels& labels = equation.inputs()[i];
      const auto named = static_cast<int>(labels.size()) - (has(labels, kEllipsis) ? 1 : 0);
      const int ndim = operands[i].ndim();
      if (has(labels, kEllipsis)) {
        check(named <= ndim, "einsum(): the number of subscripts in the equation (", named,
              ") is more than the number of dimensions (", ndim, ") for operand ", i);
        ellipsis_ = std::max(ellipsis_, ndim - named);
      } else {
        check(named == ndim, "einsum(): the number of subscripts in the equation (", named,
              ") does not match the number of dimensions (", ndim, ") for operand ", i,
              " and no ellipsis was given");
      }
    }
    for (std::size_t i = 0; i < operands.size(); ++i) {
      const Labels& labels = equation.inputs()[i];
      const int covered =
          operands[i].ndim() - (static_cast<int>(labels.size()) - (has(labels, kEllipsis) ? 1 : 0));
      terms_.push_back({operands[i], spell_out(labels, covered)});
      note_sizes(terms_.back(), i);
    }
    output_ = equation.is_explicit() ? spell_out(equation.output(), ellipsis_) : implied(equation);
    for (Term& term : terms_) simplify(term);
  }

  std::vector<Term>& terms() { return terms_; }
  const Labels& output() const { return output_; }
  std::int64_t size(int label) const { return sizes_[label]; }

 private:
  Labels spell_out(const Labels& labels, int covered) const {
    Labels all;
    for (const int label : labels) {
      if (label != kEllipsis) {
        all.push_back(label);
        continue;
      }
      for (int k = ellipsis_ - covered; k < ellipsis_; ++k) all.push_back(kLetters + k);
    }
    return all;
  }

  void note_sizes(const Term& term, std::size_t operand) {
    LabelSet seen;
    for (int d = 0; d < term.tensor.ndim(); ++d) {
      const int label = term.labels[static_cast<std::size_t>(d)];
      const std::int64_t size = term.tensor.size(d);
      std::int64_t& known = sizes_[label];
      if (seen[static_cast<std::size_t>(label)]) {
        const auto first = std::find(term.labels.begin(), term.labels.end(), label);
        const std::int64_t before = term.tensor.size(static_cast<int>(first - term.labels.begin()));
        check(size == before, "einsum(): subscript ", text_of(label), " is repeated for operand ",
              operand, " but the sizes don't match, ", size, " != ", before);
        continue;
      }
      seen.set(static_cast<std::size_t>(label));
      check(known == 1 || size == 1 || size == known, "einsum(): subscript ", text_of(label),
            " has size ", size, " for operand ", operand,
            " which does not broadcast with previously seen size ", known);
      if (size != 1) known = size;
    }
  }

  // Without an arrow: the ellipsis, then every letter that occurs once.
  Labels implied(const Equation& equation) const {
    int count[kLetters] = {};
    for (const Labels& labels : equation.inputs()) {
      for (const int label : labels) {
        if (label != kEllipsis) ++count[label];
      }
    }
    Labels output;
    for (int k = 0; k < ellipsis_; ++k) output.push_back(kLetters + k);
    for (int label = 0; label < kLetters; ++label) {
      if (count[label] == 1) output.push_back(label);
    }
    return output;
  }

  // Diagonals of repeated labels; dimensions of size 1 go.
  static void simplify(Term& term) {
    for (std::size_t d = 0; d < term.labels.size(); ++d) {
      const int label = term.labels[d];
      const auto again = std::find(term.labels.begin() + static_cast<std::ptrdiff_t>(d) + 1,
                                   term.labels.end(), label);
      if (again == term.labels.end()) continue;
      term.tensor =
          diagonal(term.tensor, 0, static_cast<std::int64_t>(d), again - term.labels.begin());
      term.labels.erase(again);
      term.labels.erase(term.labels.begin() + static_cast<std::ptrdiff_t>(d));
      term.labels.push_back(label);
      --d;
    }
    Dims sizes;
    Labels kept;
    for (int d = 0; d < term.tensor.ndim(); ++d) {
      if (term.tensor.size(d) == 1) continue;
      sizes.push_back(term.tensor.size(d));
      kept.push_back(term.labels[static_cast<std::size_t>(d)]);
    }
    if (kept.size() == term.labels.size()) return;
    term.tensor = reshape(term.tensor, sizes);
    term.labels = kept;
  }

  int ellipsis_ = 0;
  std::vector<Term> terms_;
  Labels output_;
  std::array<std::int64_t, kMaxLabels> sizes_ = filled_with_ones();

  static std::array<std::int64_t, kMaxLabels> filled_with_ones() {
    std::array<std::int64_t, kMaxLabels> ones;
    ones.fill(1);
    return ones;
  }
};

// The tensor with its dimensions in this order of labels; the term has all of them.
Tensor arrange(const Term& term, const Labels& order) {
  if (order == term.labels) return term.tensor;
  Dims dims;
  for (const int label : order) {
    dims.push_back(std::find(term.labels.begin(), term.labels.end(), label) - term.labels.begin());
  }
  return permute(term.tensor, dims);
}

Labels joined(const Labels& a, const Labels& b, const Labels& c = {}) {
  Labels all = a;
  all.insert(all.end(), b.begin(), b.end());
  all.insert(all.end(), c.begin(), c.end());
  return all;
}

class Contraction {
 public:
  explicit Contraction(Binding& binding)
      : binding_(binding), terms_(binding.terms()), kept_(set_of(binding.output())) {}

  Tensor run() {
    for (std::size_t i = 0; i < terms_.size(); ++i) sum_out(i);
    if (terms_.size() <= 2) {
      if (terms_.size() == 2) merge(0, 1);
    } else if (terms_.size() <= kOptimal) {
      run_best();
    } else {
      while (terms_.size() > 1) run_cheapest_pair();
    }
    return finish();
  }

 private:
  double extent(const LabelSet& labels) const {
    double product = 1;
    for (int label = 0; label < kMaxLabels; ++label) {
      if (labels[static_cast<std::size_t>(label)]) {
        product *= static_cast<double>(binding_.size(label));
      }
    }
    return product;
  }

  // Labels that the output or a term outside of `inside` (one bit each) needs.
  LabelSet needed(std::uint64_t inside) const {
    LabelSet labels = kept_;
    for (std::size_t i = 0; i < terms_.size(); ++i) {
      if (!(inside >> i & 1)) labels |= set_of(terms_[i].labels);
    }
    return labels;
  }

  // Sums over the labels that no other term and not the output has.
  void sum_out(std::size_t i) {
    LabelSet others = kept_;
    for (std::size_t k = 0; k < terms_.size(); ++k) {
      if (k != i) others |= set_of(terms_[k].labels);
    }
    Term& term = terms_[i];
    Dims dims;
    Labels left;
    for (std::size_t d = 0; d < term.labels.size(); ++d) {
      if (others[static_cast<std::size_t>(term.labels[d])]) {
        left.push_back(term.labels[d]);
      } else {
        dims.push_back(static_cast<std::int64_t>(d));
      }
    }
    if (dims.empty()) return;
    term = {sum(term.tensor, dims), left};
  }

  // Replaces two terms by their product, summed over what nobody else needs.
  void merge(std::size_t i, std::size_t k) {
    LabelSet others = kept_;
    for (std::size_t n = 0; n < terms_.size(); ++n) {
      if (n != i && n != k) others |= set_of(terms_[n].labels);
    }
    terms_[i] = multiply(terms_[i], terms_[k], others);
    terms_.erase(terms_.begin() + static_cast<std::ptrdiff_t>(k));
  }

  Term multiply(const Term& a, const Term& b, const LabelSet& others) const {
    Labels batch;
    Labels contracted;
    Labels left;
    Labels right;
    for (const int label : a.labels) {
      if (!has(b.labels, label)) {
        left.push_back(label);
      } else {
        (others[static_cast<std::size_t>(label)] ? batch : contracted).push_back(label);
      }
    }
    for (const int label : b.labels) {
      if (!has(a.labels, label)) right.push_back(label);
    }
    const Labels labels = joined(batch, left, right);
    if (contracted.empty()) return {spread_product(a, b, batch, left, right), labels};
    check(a.tensor.dtype() == b.tensor.dtype(), "expected scalar type ",
          info(a.tensor.dtype()).scalar_name, " but found ", info(b.tensor.dtype()).scalar_name);
    const Tensor rows =
        folded(arrange(a, joined(batch, left, contracted)), batch, left, contracted);
    const Tensor columns =
        folded(arrange(b, joined(batch, contracted, right)), batch, contracted, right);
    const Tensor result = product(rows, columns);
    if (labels.size() == static_cast<std::size_t>(result.ndim()) && left.size() == 1 &&
        right.size() == 1) {
      return {result, labels};
    }
    return {unsafe_view(result, sizes_of(labels), "ViewBackward0"), labels};
  }

  Dims sizes_of(const Labels& labels) const {
    Dims sizes;
    for (const int label : labels) sizes.push_back(binding_.size(label));
    return sizes;
  }

  // As a matrix, or as a stack of them when there is a batch.
  Tensor folded(const Tensor& t, const Labels& batch, const Labels& rows,
                const Labels& columns) const {
    const std::int64_t height = count_elements(sizes_of(rows));
    const std::int64_t width = count_elements(sizes_of(columns));
    const Dims sizes =
        batch.empty() ? Dims{height, width} : Dims{count_elements(sizes_of(batch)), height, width};
    return same(t.sizes(), sizes) ? t : reshape(t, sizes);
  }

  Tensor spread_product(const Term& a, const Term& b, const Labels& batch, const Labels& left,
                        const Labels& right) const {
    Tensor x = arrange(a, joined(batch, left));
    Tensor y = arrange(b, joined(batch, right));
    if (!right.empty() && !left.empty()) {
      y = reshape(y, sizes_with_gap(batch, left.size(), right));
    }
    if (!right.empty()) x = reshape(x, sizes_with_gap(joined(batch, left), right.size(), {}));
    if (right.empty() && !left.empty()) y = reshape(y, sizes_with_gap(batch, left.size(), {}));
    return x * y;
  }
  Dims sizes_with_gap(const Labels& before, std::size_t ones, const Labels& after) const {
    Dims sizes = sizes_of(before);
    for (std::size_t k = 0; k < ones; ++k) sizes.push_back(1);
    for (const int label : after) sizes.push_back(binding_.size(label));
    return sizes;
  }

  // The cheapest tree of products over all ways to halve every subset.
  void run_best() {
    const std::size_t n = terms_.size();
    const std::size_t all = (std::size_t{1} << n) - 1;
    std::vector<LabelSet> result(all + 1);
    std::vector<double> cost(all + 1, std::numeric_limits<double>::infinity());
    std::vector<std::size_t> half(all + 1, 0);
    for (std::size_t set = 1; set <= all; ++set) {
      LabelSet inside;
      for (std::size_t i = 0; i < n; ++i) {
        if (set >> i & 1) inside |= set_of(terms_[i].labels);
      }
      result[set] = inside & needed(set);
      if ((set & (set - 1)) == 0) {
        cost[set] = 0;
        continue;
      }
      for (std::size_t a = (set - 1) & set; a > 0; a = (a - 1) & set) {
        const std::size_t b = set ^ a;
        if (a < b) continue;
        const double total = cost[a] + cost[b] + extent(result[a] | result[b]);
        if (total < cost[set]) {
          cost[set] = total;
          half[set] = a;
        }
      }
    }
    const std::vector<Term> leaves = terms_;
    terms_ = {build(all, leaves, half, result)};
  }

  Term build(std::size_t set, const std::vector<Term>& leaves, const std::vector<std::size_t>& half,
             const std::vector<LabelSet>& result) const {
    if (half[set] == 0) {
      std::size_t i = 0;
      while (!(set >> i & 1)) ++i;
      return leaves[i];
    }
    const Term a = build(set ^ half[set], leaves, half, result);
    const Term b = build(half[set], leaves, half, result);
    return multiply(a, b, result[set]);
  }

  void run_cheapest_pair() {
    std::size_t best_i = 0;
    std::size_t best_k = 1;
    double best = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < terms_.size(); ++i) {
      for (std::size_t k = i + 1; k < terms_.size(); ++k) {
        const LabelSet a = set_of(terms_[i].labels);
        const LabelSet b = set_of(terms_[k].labels);
        const LabelSet left = (a | b) & needed(std::uint64_t{1} << i | std::uint64_t{1} << k);
        const double growth = extent(left) - extent(a) - extent(b);
        if (growth >= best) continue;
        best = growth;
        best_i = i;
        best_k = k;
      }
    }
    merge(best_i, best_k);
  }

  // The order of the output, with its dimensions of size 1.
  Tensor finish() {
    const Term& term = terms_.front();
    Labels present;
    Dims sizes;
    bool ones = false;
    for (const int label : binding_.output()) {
      sizes.push_back(binding_.size(label));
      if (has(term.labels, label)) {
        present.push_back(label);
      } else {
        ones = true;
      }
    }
    const Tensor ordered = arrange(term, present);
    return ones ? reshape(ordered, sizes) : ordered;
  }

  Binding& binding_;
  std::vector<Term> terms_;
  LabelSet kept_;
};

Tensor einsum(std::string_view equation, const std::vector<Tensor>& operands) {
  const Equation parsed(equation, operands.size());
  Binding binding(parsed, operands);
  const Tensor result = Contraction(binding).run();
  for (const Tensor& each : operands) {
    if (!result.is_same(each)) continue;
    Dims identity;
    for (int d = 0; d < each.ndim(); ++d) identity.push_back(d);
    return permute(each, identity);
  }
  return result;
}

// The lists of labels written as an equation.
Tensor einsum_of_lists(const Sublists& arguments) {
  check(ErrorKind::Value, !arguments.operands.empty(),
        "einsum(): must specify the equation string and at least one operand, or at least one "
        "operand and its subscripts list");
  std::string equation;
  std::size_t lists = 0;
  bool starts = true;
  for (const std::int64_t label : arguments.labels) {
    if (starts && lists > 0) equation += lists < arguments.operands.size() ? "," : "->";
    starts = label == Sublists::kEnd;
    if (starts) {
      ++lists;
    } else {
      equation += text_of(label == Sublists::kEllipsis ? kEllipsis : static_cast<int>(label));
    }
  }
  return einsum(equation, arguments.operands);
}

}  // namespace

static const Entry entry_einsum(
    "einsum(equation, *operands)", function<einsum>, kFunctionForm | kCastOutForm | kPlainNames,
    "Sums of products in index notation: letters name dimensions, repeated ones are summed unless "
    "the part behind the arrow names them.",
    "'ij,jk', x(3,4), x(4,2) | 'ij->ji', x(3,4) | 'ii', x(3,3) | 'ii->i', x(3,3) | 'ij->', x(3,4) "
    "| 'i,j->ij', x(3), x(4) | 'bij,bjk->bik', x(2,3,4), x(2,4,5) | '...ij,...jk->...ik', "
    "x(2,3,4), x(4,5) | 'i,ij,j', x(3), x(3,4), x(4) | 'ij,jk,kl,lm->im', x(2,3), x(3,4), x(4,2), "
    "x(2,3) | 'ij,ij->ij', x(3,4), x(3,1) | 'bhid,bhjd->bhij', x(2,2,3,4), x(2,2,5,4) "
    "| 'ij,kj->ik', xs(3,4), x(2,4) | 'i,i->i', x(3), x(3) | 'ij->i', x(0,3) | 'ij,jk', x(3,0), "
    "x(0,2) | ',', x(), x()");
static const Entry entry_einsum_of_lists(
    "einsum(*tensors_and_labels)", function<einsum_of_lists>,
    kFunctionForm | kCastOutForm | kPlainNames,
    "The same with a list of numbers below 52, or ..., behind every tensor and, for the result, at "
    "the end.",
    "x(3,4), [0,1], x(4,2), [1,2], [0,2] | x(3,4), [1,0] | x(2,3,4), [...,0,1], x(4,5), [1,2], "
    "[...,0,2] | x(3,3), (0,0), ()");

}  // namespace pullback
