// SPDX-License-Identifier: MIT
// The functions that every template has: range, dict, namespace, cycler, joiner, and Hugging Face's
// raise_exception and strftime_now.
#include "text/jinja/builtin.h"
#include "text/jinja/interpreter.h"

namespace hearth::text::jinja {
namespace {

using In = Interpreter;

constexpr int64_t kMaxRange = 100'000;                // as jinja2's sandbox
constexpr int64_t kMaxRangeBound = int64_t{1} << 40;  // so that no step overflows

Result<Value> global_range(In& in, const Bound& args) {
  const auto& given = args.all.positional;
  if (given.empty() || given.size() > 3 || !args.all.named.empty())
    return invalid("range takes one to three integers");
  int64_t bounds[3] = {0, 0, 1};
  for (size_t i = 0; i < given.size(); ++i) {
    if (!given[i].is_integral())
      return invalid("range needs integers, not {}", type_name(given[i]));
    const int64_t value = given[i].as_int();
    if (value > kMaxRangeBound || value < -kMaxRangeBound)
      return over_limit("range: {} is too large", value);
    bounds[given.size() == 1 ? 1 : i] = value;
  }
  if (bounds[2] == 0) return invalid("the step of a range can't be zero");
  Range* range = in.heap().object<Range>(bounds[0], bounds[1], bounds[2]);
  if (range->size() > kMaxRange) return over_limit("a range of more than {} items", kMaxRange);
  return Value(range);
}

// The entries that dict(...) and namespace(...) are given: a dict or pairs, then names.
Result<Dict> entries_of(In& in, const CallArgs& args) {
  if (args.positional.size() > 1) return invalid("takes at most one dict and names");
  Dict dict;
  if (!args.positional.empty() && args.positional[0].is_dict()) {
    dict = args.positional[0].dict();
  } else if (!args.positional.empty()) {
    TRY_LET(const std::vector<Value> pairs, in.collect(args.positional[0]));
    for (const Value& pair : pairs) {
      TRY_LET(const std::vector<Value> parts, in.collect(pair));
      if (parts.size() != 2) return invalid("needs pairs of a key and a value");
      TRY(check_key(parts[0]));
      dict.set(parts[0], parts[1]);
    }
  }
  for (const auto& [name, value] : args.named) dict.set(in.heap().str(name), value);
  TRY(in.step(dict.entries.size()));
  return dict;
}

Result<Value> global_dict(In& in, const Bound& args) {
  TRY_LET(Dict dict, entries_of(in, args.all));
  return in.heap().dict(std::move(dict));
}

Result<Value> global_namespace(In& in, const Bound& args) {
  TRY_LET(Dict dict, entries_of(in, args.all));
  for (const auto& [key, value] : dict.entries)
    if (key.is_str() && key.text().starts_with('_'))
      return invalid("a namespace takes no name that begins with an underscore: '{}'", key.text());
  auto* space = in.heap().object<Namespace>();
  space->attributes = std::move(dict);
  return Value(space);
}

Result<Value> global_cycler(In& in, const Bound& args) {
  if (args.all.positional.empty() || !args.all.named.empty())
    return invalid("cycler needs items by place");
  return Value(in.heap().object<Cycler>(args.all.positional));
}

Result<Value> global_joiner(In& in, const Bound& args) {
  return Value(in.heap().object<Joiner>(args.get(0, in.heap().str(", "))));
}

Result<Value> global_raise_exception(In& in, const Bound& args) {
  TRY_LET(const std::string message, in.to_text(args[0]));
  return invalid("{}", message);
}

Result<Value> global_strftime_now(In& in, const Bound& args) {
  if (!args[0].is_str()) return invalid("strftime_now needs text, not {}", type_name(args[0]));
  constexpr size_t kMaxFormat = 256, kMaxResult = 4096;
  const std::string& format = args[0].text();
  if (format.size() > kMaxFormat) return over_limit("a time format above {} bytes", kMaxFormat);
  if (format.empty()) return in.heap().str("");
  // the byte in front tells an empty result from one that does not fit
  const std::string marked = "x" + format;
  char buffer[kMaxResult];
  const size_t n_bytes = std::strftime(buffer, sizeof(buffer), marked.c_str(), &in.now());
  if (n_bytes == 0) return over_limit("the time takes more than {} bytes", kMaxResult);
  return in.heap().str(std::string(buffer + 1, n_bytes - 1));
}

Result<Value> global_lipsum(In&, const Bound&) {
  return unsupported("lipsum is refused: a prompt must not be random");
}

constexpr Builtin kGlobals[] = {
    {"range", global_range, 0, {}, Passing::kAnything},
    {"dict", global_dict, 0, {}, Passing::kAnything},
    {"namespace", global_namespace, 0, {}, Passing::kAnything},
    {"cycler", global_cycler, 0, {}, Passing::kAnything},
    {"joiner", global_joiner, 0, {"sep"}},
    {"raise_exception", global_raise_exception, 1, {"message"}},
    {"strftime_now", global_strftime_now, 1, {"format"}},
    {"lipsum", global_lipsum, 0, {}, Passing::kAnything},
};

}  // namespace

const Builtin* find_global(std::string_view name) { return find_in(kGlobals, name); }

}  // namespace hearth::text::jinja
