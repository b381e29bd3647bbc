// The operator table: what Python, the documentation and the tests know of an operator.
//
// NOTE [Table]
// An entry is a static object beside its operator:
//
//   static const Entry entry("sum(input, dim=None, keepdim=False, *, dtype=None)", function<sum>,
//                            kBoth, "The sum of the elements ...", "x(3,4) | x(3,4), 1, True");
//
// The signature gives names and defaults as in torch's documentation, the C++ function the types.
// `direct<sum>` in place of `function<sum>` spares out= a copy (NOTE [Targets] in ops/target.h).
// Entries of one name are overloads, tried in the order of definition.  From an entry come
// the function `pullback.sum`, the method `Tensor.sum` (its first parameter is self), the forms
// `sum_` and `out=`, the docstring, the stub and the tests.
//
// Marks on a name say what the C++ type does not, as torch's parser has it:
//   `*shape`         takes numbers or one tuple (in a function only as the first parameter)
//   `dim[1]`         takes one integer, too
//   `start:index`    takes everything with __index__, also tensors with one element
//   `input|self`     is called `input` when it is a tensor and `self` when it is a number
//   `reduction:name` text, of which anything else is a wrong value and not a wrong type
//   `inplace:truth`  takes numbers, too
//   `input:unnamed`  is given by position only
//   `*tensors:each`  takes no tuple in place of its tensors
// `old` lists the orders of arguments that torch deprecates but takes.
//
// Samples are argument lists separated by `|`, evaluated by tests/samples.py, which makes x(3,4) a
// tensor of that shape that wants a gradient, i(3, high=4) one of integers, and so on.  `checks`
// says how the results are compared where that is not as usual: dtypes=(float64,),
// tolerance={float32: (1e-4, 1e-4)}, vectors={0: -2}, see Checks there.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "graph/mode.h"
#include "ops/operand.h"
#include "ops/target.h"

namespace pullback {

enum class Kind : std::uint8_t {
  Tensor,
  Operand,  // a tensor or a number
  Number,
  Int,
  Float,
  Bool,
  Ints,  // a tuple of integers
  DType,
  Tensors,  // a sequence of tensors
  DimPair,  // two tuples of integers
  Text,
  MemoryFormat,
  Sublists,  // tensors, a tuple of integers or ... behind each, perhaps one more at the end
  // Kinds that a mark in the signature makes, see NOTE [Table].
  Index,      // an Int, and what else has __index__
  OneOrInts,  // Ints, or one integer
  Name,       // Text
  Truth       // a Bool, or a number
};
inline constexpr std::size_t kNumKinds = std::size_t(Kind::Truth) + 1;

// `dims` of tensordot.
struct DimPair {
  Dims first;
  Dims second;
};

// Arguments of einsum in the form with a list of labels behind every tensor.
struct Sublists {
  static constexpr std::int64_t kEllipsis = -1;
  static constexpr std::int64_t kEnd = -2;
  std::vector<Tensor> operands;
  Dims labels;  // each list followed by kEnd
};

// One argument on its way from Python.
struct Value {
  bool none = true;
  DType dtype = DType::Float32;
  Tensor tensor;
  Scalar number;
  Dims ints;
  std::vector<Tensor> tensors;
  std::string_view text;
};

// What an operator returns on its way to Python.
struct Outcome {
  enum class Form : std::uint8_t { Nothing, Tensor, Tensors, Number, DType };
  Form form = Form::Nothing;
  DType dtype = DType::Float32;
  Tensor tensor;
  std::vector<Tensor> tensors;
  Scalar number;
};

// The result of a function that returns a tensor or a tuple, as its arguments say.
struct OneOrMore {
  std::vector<Tensor> tensors;
  bool one;
};

struct ParamType {
  Kind kind;
  bool optional;
};

namespace detail {

template <typename T>
struct Convert;
template <typename T>
struct Convert<const T&> : Convert<T> {};

template <>
struct Convert<Tensor> {
  static constexpr ParamType type{Kind::Tensor, false};
  static const Tensor& get(const Value& v) { return v.tensor; }
};
template <>
struct Convert<Operand> {
  static constexpr ParamType type{Kind::Operand, false};
  static Operand get(const Value& v) {
    return v.tensor.defined() ? Operand(v.tensor) : Operand(v.number);
  }
};
template <>
struct Convert<Scalar> {
  static constexpr ParamType type{Kind::Number, false};
  static Scalar get(const Value& v) { return v.number; }
};
template <>
struct Convert<std::int64_t> {
  static constexpr ParamType type{Kind::Int, false};
  static std::int64_t get(const Value& v) { return v.number.to_int(); }
};
template <>
struct Convert<double> {
  static constexpr ParamType type{Kind::Float, false};
  static double get(const Value& v) { return v.number.to_double(); }
};
template <>
struct Convert<bool> {
  static constexpr ParamType type{Kind::Bool, false};
  static bool get(const Value& v) { return v.number.to_bool(); }
};
template <>
struct Convert<Dims> {
  static constexpr ParamType type{Kind::Ints, false};
  static const Dims& get(const Value& v) { return v.ints; }
};
template <>
struct Convert<DimPair> {
  // `ints` holds both, `number` the length of the first.
  static constexpr ParamType type{Kind::DimPair, false};
  static DimPair get(const Value& v) {
    const Sizes all = v.ints;
    const auto cut = static_cast<std::size_t>(v.number.to_int());
    return {all.first(cut), all.subspan(cut)};
  }
};
template <>
struct Convert<Sublists> {
  static constexpr ParamType type{Kind::Sublists, false};
  static Sublists get(const Value& v) { return {v.tensors, v.ints}; }
};
template <>
struct Convert<DType> {
  static constexpr ParamType type{Kind::DType, false};
  static DType get(const Value& v) { return v.dtype; }
};
template <>
struct Convert<std::vector<Tensor>> {
  static constexpr ParamType type{Kind::Tensors, false};
  static const std::vector<Tensor>& get(const Value& v) { return v.tensors; }
};
template <>
struct Convert<std::string_view> {
  static constexpr ParamType type{Kind::Text, false};
  static std::string_view get(const Value& v) { return v.text; }
};
template <>
struct Convert<MemoryFormat> {
  static constexpr ParamType type{Kind::MemoryFormat, false};
  static MemoryFormat get(const Value& v) { return static_cast<MemoryFormat>(v.number.to_int()); }
};
// Not of the signature.
template <>
struct Convert<Target> {
  static constexpr ParamType type{};
};
template <typename T>
struct Convert<std::optional<T>> {
  static constexpr ParamType type{Convert<T>::type.kind, true};
  static std::optional<T> get(const Value& v) {
    return v.none ? std::nullopt : std::optional<T>(Convert<T>::get(v));
  }
};

inline void put(Outcome& out, Tensor&& t) {
  out.form = Outcome::Form::Tensor;
  out.tensor = std::move(t);
}
inline void put(Outcome& out, std::vector<Tensor>&& t) {
  out.form = Outcome::Form::Tensors;
  out.tensors = std::move(t);
}
inline void put(Outcome& out, OneOrMore&& t) {
  if (t.one) return put(out, std::move(t.tensors[0]));
  put(out, std::move(t.tensors));
}
template <std::size_t N>
void put(Outcome& out, std::array<Tensor, N>&& t) {
  out.form = Outcome::Form::Tensors;
  for (Tensor& each : t) out.tensors.push_back(std::move(each));
}
inline void put(Outcome& out, Scalar number) {
  out.form = Outcome::Form::Number;
  out.number = number;
}
inline void put(Outcome& out, DType dtype) {
  out.form = Outcome::Form::DType;
  out.dtype = dtype;
}

}  // namespace detail

// A C++ function as the table sees it.
struct Function {
  void (*call)(const Value* arguments, Outcome& out);
  const ParamType* params;
  int num_params;
  const char* result;  // the type of the result in Python
  bool offered;        // writes its result last: NOTE [Targets] in ops/target.h
};

namespace detail {

// What a result is in Python's words, for the stubs.
template <typename R>
inline constexpr const char* kPythonType = "tuple[Tensor, ...]";
template <>
inline constexpr const char* kPythonType<Tensor> = "Tensor";
template <>
inline constexpr const char* kPythonType<OneOrMore> = "Any";
template <>
inline constexpr const char* kPythonType<DType> = "dtype";
template <>
inline constexpr const char* kPythonType<Scalar> = "Any";
template <>
inline constexpr const char* kPythonType<bool> = "bool";
template <>
inline constexpr const char* kPythonType<std::int64_t> = "int";
template <>
inline constexpr const char* kPythonType<void> = "None";

template <typename... P>
inline constexpr bool kTakesTarget = (std::is_same_v<P, Target> || ...);

template <auto F, typename Signature>
struct Wrap;
template <auto F, typename R, typename... P>
struct Wrap<F, R (*)(P...)> {
  static constexpr bool takes_target = kTakesTarget<P...>;  // as the last one
  static constexpr std::size_t count = sizeof...(P) - takes_target;
  static constexpr ParamType params[sizeof...(P) + 1] = {Convert<P>::type...};

  template <typename Param>
  static decltype(auto) argument(const Value* v, std::size_t i) {
    if constexpr (std::is_same_v<Param, Target>) {
      return Target(std::exchange(mode.destination, nullptr));
    } else {
      return Convert<Param>::get(v[i]);
    }
  }
  template <std::size_t... I>
  static R invoke(const Value* v, std::index_sequence<I...>) {
    return F(argument<P>(v, I)...);
  }
  static void call(const Value* v, Outcome& out) {
    if constexpr (std::is_void_v<R>) {
      invoke(v, std::index_sequence_for<P...>{});
    } else {
      put(out, invoke(v, std::index_sequence_for<P...>{}));
    }
  }
  static constexpr Function function{&call, params, count, kPythonType<R>, takes_target};
};

}  // namespace detail

// For an overloaded name: function<static_cast<Tensor (*)(const Tensor&)>(name)>.
template <auto F>
inline constexpr Function function = detail::Wrap<F, decltype(F)>::function;

// The same for one that calls one operator and returns what it gives.
template <auto F>
inline constexpr Function direct = [] {
  Function marked = function<F>;
  marked.offered = true;
  return marked;
}();

enum EntryFlag : std::uint32_t {
  kFunctionForm = 1u << 0,  // pullback.name
  kMethodForm = 1u << 1,    // Tensor.name
  kInPlaceForm = 1u << 2,   // Tensor.name_ (and pullback.name_)
  kOutForm = 1u << 3,       // out=
  kTensorArgs = 1u << 7,    // every operand must be a tensor
  kNoBatch = 1u << 8,       // reads values: refuses batched tensors
  kFactory = 1u << 9,       // makes a tensor: takes dtype, device, requires_grad
  kRandom = 1u << 11,       // draws random numbers: takes generator=
  kNoGrad = 1u << 10,       // has no derivative, for the tests
  kWritesPart = 1u << 12,   // the other operands must not share memory with input in place or out=
  kCastOut = 1u << 13,      // out= may have any dtype that the result can be cast to
  kFlatOut = 1u << 14,      // out= of any shape with as many elements keeps its shape
  kOutApart = 1u << 15,     // out= must not share memory with an operand
  kPlainNames = 1u << 16,   // torch's function is in Python, which NumPy's names do not reach
  kSharesLast = 1u << 17,   // the last operand may share any memory with input in place
};
// The forms of an entry: flags, and the module in which it is public beside `pullback` itself.
struct Forms {
  std::uint32_t flags;
  const char* space;                                                 // "linalg"
  constexpr Forms(std::uint32_t flags, const char* space = nullptr)  // NOLINT: flags are forms
      : flags(flags), space(space) {}
};
constexpr Forms operator|(const Forms& a, const Forms& b) {
  return {a.flags | b.flags, a.space ? a.space : b.space};
}
inline constexpr Forms kNNForm{0, "nn.functional"};
inline constexpr Forms kLinalgForm{0, "linalg"};
inline constexpr Forms kSpecialForm{0, "special"};

inline constexpr std::uint32_t kBoth = kFunctionForm | kMethodForm | kOutForm;
inline constexpr std::uint32_t kCastOutForm = kOutForm | kCastOut;
inline constexpr std::uint32_t kCastBoth = kBoth | kCastOut;
inline constexpr std::uint32_t kPointwise = kCastBoth | kInPlaceForm;
// A view or a list of views: no out= form.
inline constexpr std::uint32_t kView = kFunctionForm | kMethodForm;

class Entry {
 public:
  // `fields`: the names of several results ("values, indices"), which make a named tuple.
  // `old`: deprecated orders, "input, alpha, other | ...".
  Entry(const char* signature, const Function& function, const Forms& forms, const char* doc,
        const char* samples, const char* fields = nullptr, const char* old = nullptr,
        const char* checks = "");
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  const char* const signature;
  const Function function;
  const std::uint32_t flags;
  const char* const space;  // of Forms, or null
  const char* const doc;
  const char* const samples;
  const char* const fields;
  const char* const old;
  const char* const checks;
  const Entry* next = nullptr;  // in the order of definition within a file

  // All entries; complete once static initialisers have run.
  static const Entry* first();
};

}  // namespace pullback
