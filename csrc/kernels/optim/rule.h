// What an optimizer is whose step treats every element of a parameter alike: one record.
//
// NOTE [Optimizers]
// A record is a struct in rules/, in the words of the paper: the settings as a Python signature,
// what they must satisfy, the state of a parameter, and `step`, the formula for one element.
// describe<> makes a Rule of it. The loops for each instruction set, the step that autograd records
// (`differentiable=True`), the Python class with its checks and its documentation, the stub and the
// tests all come from the rule. `step` is written for a type T that is a float, a double or a
// recorded tensor: constants enter as T(...), a choice that depends on elements is a select.
// Each statement of it rounds where the sequence of torch's operators rounds.
#pragma once

#include <cstdint>
#include <span>

namespace pullback::kernels {

// A value of the state of a parameter, under torch's name and in the order of torch's dictionary.
struct Slot {
  const char* name;
  bool number = false;         // a 0-d tensor; otherwise a tensor like the parameter
  const char* initial = "0";   // a number, or the setting that gives it
  const char* when = nullptr;  // the setting without which this is not there
  bool late = false;           // may be missing in a state that is there, and is made then
};

// A condition on the settings and what is said when it does not hold, both in Python; words in
// braces are expressions.
struct Check {
  const char* condition;
  const char* message;
};

inline constexpr int kMaxTensors = 3;      // slots like the parameter
inline constexpr int kMaxSlots = 6;        // all slots
inline constexpr int kMaxOptions = 12;     // numbers among the settings
inline constexpr int kMaxConstants = 192;  // bytes of what `step` reads

// The numbers of a state at the beginning of a step; what `prepare` writes is there afterwards.
struct Numbers {
  double* values;
  unsigned singles;     // bit i: number i is kept in float32
  bool default_single;  // the default dtype is narrower than float64
  double& operator[](int i) const { return values[i]; }
  bool single(int i) const { return (singles >> i & 1) != 0; }
};

// One parameter as flat memory in one layout; null where a slot is not there.
struct Flat {
  std::int64_t count;
  void* param;
  const void* grad;
  void* state[kMaxTensors];
};

struct Rule {
  const char* name;
  const char* base;       // the optimizer of which this is a special case, or null
  const char* signature;  // of the settings
  const char* fixed;      // settings that are no arguments: "name=value"
  const char* order;      // of the settings in a group where it is not the signature's, or null
  bool at_once;           // the state is made with the optimizer, not at the first step
  std::span<const Check> checks;
  std::span<const Slot> slots;
  const char* reads;    // the settings that are numbers; name[2] for pairs
  const char* doc;      // what the step is, for the docstring
  const char* example;  // arguments of the example
  const char* example_result;
  // From the settings and the numbers, which it brings up to date, to what `step` reads. `made`:
  // the state is new.
  void (*prepare)(const double* options, Numbers numbers, bool made, void* constants);
  void (*update32)(const Flat& flat, const void* constants);
  void (*update64)(const Flat& flat, const void* constants);
};

// All rules, in the order of rules/all.h, for the instruction set of this machine.
std::span<const Rule> optimizer_rules();
// Runs a rule's update over the elements, on several threads when it pays. The flat memory holds
// float32 or float64.
void run(const Rule& rule, bool is_double, const Flat& flat, const void* constants);

}  // namespace pullback::kernels
