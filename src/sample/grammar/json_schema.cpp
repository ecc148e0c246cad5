// SPDX-License-Identifier: MIT
#include "sample/grammar/json_schema.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/quote.h"
#include "sample/grammar/number_range.h"
#include "sample/grammar/pattern.h"
#include "sample/grammar/schema_facts.h"
#include "text/messages.h"

namespace hearth::sample {
namespace {

// Schemas looked at, also by way of several references: what allOf and anyOf can multiply.
constexpr size_t kMaxSchemas = 20'000;
constexpr size_t kMaxExclusive = 64;  // alternatives of oneOf

class SchemaCompiler {
 public:
  SchemaCompiler(JsonParts& json, const SchemaJson& root, const SchemaOptions& options)
      : json_(json), root_(root), options_(options) {}

  Result<Expr> run(const Schema& schema) {
    const Expr whole = rule_of(schema);
    while (!waiting_.empty()) {
      const auto [rule, next] = waiting_.back();
      waiting_.pop_back();
      TRY_LET(const Expr body, compile(next, 0));
      builder().define(rule, body);
    }
    return whole;
  }

  // What members of an object may be that are not listed: never() where there are none.
  Result<Expr> others(const Schema& object) {
    TRY_LET(const std::optional<Schema> schema, other_members(object));
    if (!schema) return builder().never();
    return run(*schema);
  }

  // The names in `required`, each once.
  static Status read_required(const Schema& schema, std::vector<std::string>& names) {
    const auto list = schema.json->find("required");
    if (list == schema.json->end()) return {};
    if (!list->is_array())
      return schema_error(ErrorCode::kInvalid, schema, "required", "is not a list of names");
    for (const SchemaJson& name : *list) {
      if (!name.is_string())
        return schema_error(ErrorCode::kInvalid, schema, "required", "is not a list of names");
      if (std::find(names.begin(), names.end(), name.get_ref<const std::string&>()) == names.end())
        names.push_back(name.get<std::string>());
    }
    return {};
  }

 private:
  // Schemas that hold all together: those without references and choices, and the choices.
  struct Together {
    std::vector<Schema> plain;
    std::vector<std::pair<Schema, std::string>> choices;  // and the keyword: anyOf or oneOf
  };

  GrammarBuilder& builder() { return json_.builder(); }

  // A schema that is referred to is a rule, so that it may refer to itself.
  Expr rule_of(const Schema& schema) {
    const auto [place, is_new] = rules_.try_emplace(schema.json);
    if (is_new) {
      place->second = builder().declare("schema " + schema.at);
      waiting_.emplace_back(place->second, schema);
    }
    return builder().call(place->second);
  }

  static bool is_only_reference(const SchemaJson& json) {
    if (!json.is_object() || !json.contains("$ref")) return false;
    return std::all_of(json.items().begin(), json.items().end(), [](const auto& item) {
      return item.key() == "$ref" || is_annotation(item.key());
    });
  }

  Result<Expr> compile(const Schema& schema, int depth) {
    if (is_only_reference(*schema.json)) {
      TRY_LET(const Schema target, resolve(root_, schema));
      return rule_of(target);
    }
    return compile_all({schema}, depth);
  }

  Result<Expr> compile_all(const std::vector<Schema>& schemas, int depth) {
    if (++n_schemas_ > kMaxSchemas)
      return over_limit("{}: more than {} schemas in schemas", schemas[0].at, kMaxSchemas);
    if (depth > kMaxGrammarDepth)
      return over_limit("{}: nested more than {} deep", schemas[0].at, kMaxGrammarDepth);
    Together all;
    for (const Schema& schema : schemas) TRY(split(schema, 0, all));
    Schema base{keep(true), schemas[0].at};
    for (const Schema& plain : all.plain) {
      TRY_LET(SchemaJson both, merged(base, plain));
      base.json = keep(std::move(both));
    }
    if (all.choices.empty()) return compile_plain(base, depth);
    return compile_choice(base, all, depth);
  }

  // References and allOf are followed, so `depth` is bounded here.
  Status split(const Schema& schema, int depth, Together& out) {
    const SchemaJson& json = *schema.json;
    if (++n_schemas_ > kMaxSchemas || depth > kMaxGrammarDepth)
      return over_limit("{}: references lead in a circle or too far", schema.at);
    if (json.is_boolean()) {
      out.plain.push_back(schema);
      return {};
    }
    if (!json.is_object()) return invalid("{}: a schema is an object, true or false", schema.at);
    SchemaJson rest = SchemaJson::object();
    for (const auto& [keyword, value] : json.items()) {
      if (!is_known_keyword(keyword))
        return with_hint(schema_error(ErrorCode::kUnsupported, schema, quote(keyword),
                                      "this keyword is not supported"),
                         "leave it out, and check for it after the answer has come");
      if (is_annotation(keyword)) continue;
      if (keyword == "$ref") {
        TRY_LET(const Schema target, resolve(root_, schema));
        TRY(split(target, depth + 1, out));
      } else if (keyword == "allOf" || keyword == "anyOf" || keyword == "oneOf") {
        TRY(check_list(schema, keyword));
        if (keyword != "allOf") {
          out.choices.emplace_back(schema, keyword);
          continue;
        }
        for (size_t i = 0; i < value.size(); ++i)
          TRY(split(schema.below(keyword, i), depth + 1, out));
      } else {
        rest[keyword] = value;
      }
    }
    if (!rest.empty()) out.plain.push_back({keep(std::move(rest)), schema.at});
    return {};
  }

  static Status check_list(const Schema& schema, const std::string& keyword) {
    const SchemaJson& list = schema.json->at(keyword);
    if (list.is_array() && !list.empty()) return {};
    return schema_error(ErrorCode::kInvalid, schema, keyword, "is not a list of schemas");
  }

  Result<Expr> compile_choice(const Schema& base, const Together& all, int depth) {
    const auto& [schema, keyword] = all.choices[0];
    const size_t n = schema.json->at(keyword).size();
    if (keyword == "oneOf") TRY(check_exclusive(base, schema, n));
    const bool has_others = all.choices.size() > 1 || !base.json->is_boolean();
    std::vector<Schema> others;
    if (has_others) others.push_back(base);
    for (size_t i = 1; i < all.choices.size(); ++i) {
      const auto& [also, its_keyword] = all.choices[i];
      SchemaJson one = {{its_keyword, also.json->at(its_keyword)}};
      others.push_back({keep(std::move(one)), also.at});
    }
    std::vector<Expr> ways;
    for (size_t i = 0; i < n; ++i) {
      const Schema way = schema.below(keyword, i);
      if (!has_others) {
        TRY_LET(const Expr one, compile(way, depth + 1));
        ways.push_back(one);
        continue;
      }
      std::vector<Schema> together = others;
      together.push_back(way);
      TRY_LET(const Expr one, compile_all(together, depth + 1));
      ways.push_back(one);
    }
    return builder().choice(std::move(ways));
  }

  // An answer that is written for one alternative must not be valid against another.
  Status check_exclusive(const Schema& base, const Schema& schema, size_t n) {
    if (n > kMaxExclusive)
      return schema_error(ErrorCode::kLimit, schema, "oneOf", "more than {} alternatives",
                          kMaxExclusive);
    std::vector<Schema> ways;
    for (size_t i = 0; i < n; ++i) {
      ways.push_back(schema.below("oneOf", i));
      if (base.json->is_boolean() || !ways.back().json->is_object()) continue;
      Together together;
      TRY(split(ways.back(), 0, together));
      if (!together.choices.empty()) continue;
      Schema whole = base;
      for (const Schema& plain : together.plain) {
        TRY_LET(SchemaJson both, merged(whole, plain));
        whole.json = keep(std::move(both));
      }
      ways.back().json = whole.json;
    }
    for (size_t i = 0; i < n; ++i) {
      for (size_t k = i + 1; k < n; ++k) {
        if (are_exclusive(root_, ways[i], ways[k], options_.is_closed)) continue;
        return with_hint(
            schema_error(ErrorCode::kUnsupported, schema, "oneOf",
                         "alternatives {} and {} do not surely exclude each other", i, k),
            "use anyOf, or give each a required member with a const of its own");
      }
    }
    return {};
  }

  // No references and choices any more.
  Result<Expr> compile_plain(const Schema& schema, int depth) {
    if (schema.json->is_boolean())
      return schema.json->get<bool>() ? json_.any_value() : builder().never();
    TRY_LET(const uint8_t types, types_of(schema));
    if (schema.json->contains("enum") || schema.json->contains("const"))
      return compile_values(schema, types);
    const bool says_nothing =
        std::all_of(schema.json->items().begin(), schema.json->items().end(),
                    [](const auto& item) { return item.key() == "nullable"; });
    if (types == kAllTypes && says_nothing) return json_.any_value();
    std::vector<Expr> ways;
    if ((types & kTypeObject) != 0) {
      TRY_LET(const Expr one, compile_object(schema, depth));
      ways.push_back(one);
    }
    if ((types & kTypeArray) != 0) {
      TRY_LET(const Expr one, compile_array(schema, depth));
      ways.push_back(one);
    }
    if ((types & kTypeString) != 0) {
      TRY_LET(const Expr one, compile_string(schema));
      ways.push_back(one);
    }
    if ((types & (kTypeNumber | kTypeInteger)) != 0) {
      TRY_LET(const Expr one, compile_number(schema, (types & kTypeNumber) == 0));
      ways.push_back(one);
    }
    if ((types & kTypeBoolean) != 0) ways.push_back(json_.boolean());
    if ((types & kTypeNull) != 0) ways.push_back(json_.null());
    return builder().choice(std::move(ways));
  }

  // enum and const: the values as they stand, those that the schema's type allows.
  Result<Expr> compile_values(const Schema& schema, uint8_t types) {
    std::vector<SchemaJson> values;
    if (const auto list = schema.json->find("enum"); list != schema.json->end()) {
      if (!list->is_array())
        return schema_error(ErrorCode::kInvalid, schema, "enum", "is not a list of values");
      values.assign(list->begin(), list->end());
    }
    if (const auto one = schema.json->find("const"); one != schema.json->end()) {
      if (!schema.json->contains("enum")) values.push_back(*one);
      std::erase_if(values, [&one](const SchemaJson& value) { return value != *one; });
    }
    for (const auto& [keyword, value] : schema.json->items()) {
      if (keyword == "enum" || keyword == "const" || keyword == "type" || keyword == "nullable")
        continue;
      return schema_error(ErrorCode::kUnsupported, schema, keyword,
                          "is not supported beside enum or const");
    }
    if (!schema.json->contains("type")) types = kAllTypes;
    std::vector<Expr> ways;
    for (const SchemaJson& value : values) {
      uint8_t type = type_of_value(value);
      if (type == kTypeInteger) type |= kTypeNumber;
      if (type == kTypeNumber && value.get<double>() == std::floor(value.get<double>()))
        type |= kTypeInteger;
      if ((type & types) != 0) ways.push_back(json_.literal(value));
    }
    return builder().choice(std::move(ways));
  }

  Result<Expr> compile_string(const Schema& schema) {
    TRY_LET(const uint32_t min, count_in(schema, "minLength", 0));
    TRY_LET(const uint32_t max, count_in(schema, "maxLength", kUnbounded));
    if (min > max) return builder().never();
    std::string_view keyword;
    Pattern pattern;
    for (const std::string_view name : {"pattern", "format"}) {
      const auto found = schema.json->find(std::string(name));
      if (found == schema.json->end()) continue;
      if (!found->is_string())
        return schema_error(ErrorCode::kInvalid, schema, name, "is not a text");
      const std::string& text = found->get_ref<const std::string&>();
      auto read = name == "pattern" ? read_pattern(json_, text) : read_format(json_, text);
      if (!read && read.error().code == ErrorCode::kNotFound) continue;
      if (!read) return schema_error(read.error().code, schema, name, "{}", read.error().message);
      if (!keyword.empty())
        return schema_error(ErrorCode::kUnsupported, schema, name,
                            "pattern and format together are not supported");
      keyword = name;
      pattern = *read;
    }
    if (keyword.empty()) return json_.string(min, max);
    for (const auto& [name, fits] :
         {std::pair{"minLength", pattern.min >= min},
          std::pair{"maxLength", max == kUnbounded || pattern.max <= max}}) {
      if (fits) continue;
      return with_hint(schema_error(ErrorCode::kUnsupported, schema, name,
                                    "the {} does not keep to it by itself", keyword),
                       "say the length in the pattern, as in ^[a-z]{{2,20}}$");
    }
    return builder().shared("string " + schema.at, json_.quoted(pattern.text));
  }

  struct Bound {
    double value = 0;
    std::optional<int64_t> integer;  // where it is written as one
    bool is_exclusive = false;
    std::string keyword;
  };

  // The tighter one of `minimum` and `exclusiveMinimum`, or of their like.
  Result<std::optional<Bound>> bound_in(const Schema& schema, bool is_low) {
    std::optional<Bound> tightest;
    for (const bool is_exclusive : {false, true}) {
      const std::string keyword = is_low ? (is_exclusive ? "exclusiveMinimum" : "minimum")
                                         : (is_exclusive ? "exclusiveMaximum" : "maximum");
      const auto found = schema.json->find(keyword);
      if (found == schema.json->end()) continue;
      if (!found->is_number())
        return schema_error(ErrorCode::kInvalid, schema, keyword, "is not a number");
      Bound bound{found->get<double>(), {}, is_exclusive, keyword};
      if (found->is_number_integer() && std::fabs(bound.value) < 9e18)
        bound.integer = found->get<int64_t>();
      const bool is_tighter =
          !tightest || (is_low ? bound.value >= tightest->value : bound.value <= tightest->value);
      if (is_tighter) tightest = bound;
    }
    return tightest;
  }

  Result<Expr> compile_number(const Schema& schema, bool is_integer) {
    if (const auto factor = schema.json->find("multipleOf"); factor != schema.json->end()) {
      if (!factor->is_number() || !(factor->get<double>() > 0))
        return schema_error(ErrorCode::kInvalid, schema, "multipleOf", "is not a number above 0");
      if (factor->get<double>() != 1)
        return schema_error(ErrorCode::kUnsupported, schema, "multipleOf",
                            "only 1 can be said by a grammar");
      is_integer = true;
    }
    TRY_LET(const std::optional<Bound> low, bound_in(schema, true));
    TRY_LET(const std::optional<Bound> high, bound_in(schema, false));
    if (!low && !high) return is_integer ? json_.integer() : json_.number();
    if (is_integer) {
      return integer_range(builder(), low ? integer_bound(*low, true) : -kLargestInteger,
                           high ? integer_bound(*high, false) : kLargestInteger);
    }
    TRY_LET(const std::optional<NumberBound> least, number_bound(schema, low, true));
    TRY_LET(const std::optional<NumberBound> most, number_bound(schema, high, false));
    return number_range(builder(), least, most);
  }

  // The first (or last) integer within a bound; one beyond the largest where there is none.
  static int64_t integer_bound(const Bound& bound, bool is_low) {
    constexpr int64_t kBeyond = kLargestInteger + 1;
    if (bound.integer) {
      const int64_t value = std::clamp(*bound.integer, -kBeyond, kBeyond);
      return std::clamp(value + (bound.is_exclusive ? (is_low ? 1 : -1) : 0),
                        is_low ? -kLargestInteger : -kBeyond, is_low ? kBeyond : kLargestInteger);
    }
    const double limit = static_cast<double>(kLargestInteger);
    if (bound.value > limit) return is_low ? kBeyond : kLargestInteger;
    if (bound.value < -limit) return is_low ? -kLargestInteger : -kBeyond;
    const double whole = is_low ? std::ceil(bound.value) : std::floor(bound.value);
    const bool is_hit = whole == bound.value && bound.is_exclusive;
    return static_cast<int64_t>(whole) + (is_hit ? (is_low ? 1 : -1) : 0);
  }

  Result<std::optional<NumberBound>> number_bound(const Schema& schema,
                                                  const std::optional<Bound>& bound, bool is_low) {
    if (!bound) return std::nullopt;
    if (const auto decimal = Decimal::of(bound->value))
      return NumberBound{*decimal, bound->is_exclusive};
    // A bound further out than all numbers that are written.
    if (is_low ? bound->value <= -1e15 : bound->value >= 1e15) return std::nullopt;
    return schema_error(ErrorCode::kUnsupported, schema, bound->keyword,
                        "has more digits than numbers are written with");
  }

  Result<Expr> compile_array(const Schema& schema, int depth) {
    ListParts list;
    TRY_LET(list.min, count_in(schema, "minItems", 0));
    TRY_LET(list.max, count_in(schema, "maxItems", kUnbounded));
    if (list.min > list.max) return builder().never();
    TRY(check_unique(schema, list.max));
    list.is_prefix = true;
    const auto prefix = schema.json->find("prefixItems");
    if (prefix != schema.json->end()) {
      TRY(check_list(schema, "prefixItems"));
      for (size_t i = 0; i < prefix->size(); ++i) {
        TRY_LET(const Expr item, compile(schema.below("prefixItems", i), depth + 1));
        list.parts.push_back(item);
      }
    }
    list.is_optional.assign(list.parts.size(), true);
    const auto items = schema.json->find("items");
    if (items == schema.json->end()) {
      const bool has_more = prefix == schema.json->end() || !options_.is_closed;
      list.more = has_more ? json_.any_value() : builder().never();
    } else if (items->is_array()) {
      return with_hint(schema_error(ErrorCode::kUnsupported, schema, "items",
                                    "a list of schemas is of an older draft"),
                       "use prefixItems");
    } else {
      TRY_LET(const Expr item, compile(schema.below("items"), depth + 1));
      // Copies of a long item would be many states.
      list.more = item == builder().never() ? item : builder().shared("item " + schema.at, item);
    }
    return json_.array(std::move(list));
  }

  static Status check_unique(const Schema& schema, uint32_t max) {
    const auto unique = schema.json->find("uniqueItems");
    if (unique != schema.json->end() && *unique != false && max > 1)
      return schema_error(ErrorCode::kUnsupported, schema, "uniqueItems",
                          "a grammar cannot compare items");
    TRY(check_unevaluated(schema, "unevaluatedItems"));
    return {};
  }

  static Status check_unevaluated(const Schema& schema, const std::string& keyword) {
    const auto found = schema.json->find(keyword);
    if (found == schema.json->end() || found->is_boolean()) return {};
    return schema_error(ErrorCode::kUnsupported, schema, keyword, "only true and false are known");
  }

  Result<Expr> compile_object(const Schema& schema, int depth) {
    ListParts list;
    TRY_LET(list.min, count_in(schema, "minProperties", 0));
    TRY_LET(list.max, count_in(schema, "maxProperties", kUnbounded));
    if (list.min > list.max) return builder().never();
    std::vector<std::string> required, names;
    TRY(read_required(schema, required));
    TRY_LET(const std::optional<Schema> others, other_members(schema));
    const bool is_counted = list.min > 0 || list.max != kUnbounded;
    const auto add = [&](const std::string& name, Expr value) {
      const bool is_required = std::find(required.begin(), required.end(), name) != required.end();
      names.push_back(name);
      if (value == builder().never() && !is_required) return;
      if (is_counted && value != builder().never()) value = builder().shared("member", value);
      list.parts.push_back(json_.member(json_.key(name), value));
      list.is_optional.push_back(!is_required);
    };
    if (const auto members = schema.json->find("properties"); members != schema.json->end()) {
      if (!members->is_object())
        return schema_error(ErrorCode::kInvalid, schema, "properties", "is not an object");
      for (const auto& [name, member] : members->items()) {
        TRY_LET(const Expr value, compile(schema.below("properties", name), depth + 1));
        add(name, value);
      }
    }
    // Members that are required and not listed are like the others.
    for (const std::string& name : required) {
      if (std::find(names.begin(), names.end(), name) != names.end()) continue;
      if (schema.json->contains("patternProperties") || schema.json->contains("propertyNames"))
        return schema_error(ErrorCode::kUnsupported, schema, "required", "{} is not in properties",
                            quote(name));
      const Schema any{keep(true), schema.at};
      const bool is_refused = schema.json->contains("additionalProperties") && !others;
      TRY_LET(
          const Expr value,
          compile(is_refused ? Schema{keep(false), schema.at} : others.value_or(any), depth + 1));
      add(name, value);
    }
    TRY_LET(list.more, compile_others(schema, names, others, depth));
    if (list.more != builder().never() && list.min > required.size())
      return schema_error(ErrorCode::kUnsupported, schema, "minProperties",
                          "cannot be counted where any member may come, perhaps twice");
    return json_.object(std::move(list));
  }

  // The schema of members that are not listed; empty where there are none.
  Result<std::optional<Schema>> other_members(const Schema& schema) {
    TRY(check_unevaluated(schema, "unevaluatedProperties"));
    const auto found = schema.json->find("additionalProperties");
    if (found != schema.json->end()) {
      if (*found == false) return std::nullopt;
      return schema.below("additionalProperties");
    }
    const bool is_listed = schema.json->contains("properties");
    const auto rest = schema.json->find("unevaluatedProperties");
    const bool is_shut = rest != schema.json->end() && *rest == false;
    if (is_shut || (is_listed && options_.is_closed) || schema.json->contains("patternProperties"))
      return std::nullopt;
    return Schema{keep(true), schema.at};
  }

  // Members beside the listed ones: never() where none may come.
  Result<Expr> compile_others(const Schema& schema, const std::vector<std::string>& names,
                              const std::optional<Schema>& others, int depth) {
    const auto patterns = schema.json->find("patternProperties");
    const bool has_names = schema.json->contains("propertyNames");
    if (patterns != schema.json->end()) {
      if (!patterns->is_object() || patterns->size() != 1 || !names.empty() || others || has_names)
        return schema_error(ErrorCode::kUnsupported, schema, "patternProperties",
                            "only one pattern, with no other members beside it, can be said");
      const std::string& text = patterns->items().begin().key();
      const auto pattern = read_pattern(json_, text);
      if (!pattern)
        return schema_error(pattern.error().code, schema, "patternProperties", "{}",
                            pattern.error().message);
      TRY_LET(const Expr value, compile(schema.below("patternProperties", text), depth + 1));
      return member_of(json_.quoted(pattern->text), value);
    }
    if (has_names && !names.empty())
      return schema_error(ErrorCode::kUnsupported, schema, "propertyNames",
                          "is not supported beside listed members");
    if (!others) return builder().never();
    TRY_LET(const Expr value, compile(*others, depth + 1));
    Expr key = json_.string();
    if (!names.empty()) key = json_.other_key(names);
    if (has_names) {
      const SchemaJson text = {{"type", "string"}};
      TRY_LET(key,
              compile_all({{keep(text), schema.at}, schema.below("propertyNames")}, depth + 1));
    }
    return member_of(key, value);
  }

  Expr member_of(Expr key, Expr value) {
    if (key == builder().never() || value == builder().never()) return builder().never();
    return builder().shared("member", json_.member(key, value));
  }

  const SchemaJson* keep(SchemaJson made) {
    made_.push_back(std::move(made));
    return &made_.back();
  }

  JsonParts& json_;
  const SchemaJson& root_;
  SchemaOptions options_;
  std::map<const SchemaJson*, RuleId> rules_;
  std::vector<std::pair<RuleId, Schema>> waiting_;
  std::deque<SchemaJson> made_;  // schemas that were put together
  size_t n_schemas_ = 0;
};

// Text and nothing else, also behind references.
bool is_text(const SchemaJson& root, Schema schema) {
  for (int n = 0; schema.json->is_object() && schema.json->contains("$ref"); ++n) {
    const auto target = resolve(root, schema);
    if (!target || schema.json->size() > 1 || n > kMaxGrammarDepth) return false;
    schema = *target;
  }
  const SchemaJson& json = *schema.json;
  if (!json.is_object()) return false;
  for (const char* keyword : {"anyOf", "oneOf", "allOf"}) {
    if (json.contains(keyword)) return false;
  }
  if (!json.contains("type")) {
    const auto one = json.find("const");
    const auto list = json.find("enum");
    if (one != json.end()) return one->is_string();
    if (list != json.end() && list->is_array() && !list->empty())
      return std::all_of(list->begin(), list->end(), [](auto& value) { return value.is_string(); });
  }
  const auto types = types_of(schema);
  return types && *types == kTypeString;
}

// An object of which nothing is said but which members it has.
bool has_members_alone(const SchemaJson& schema) {
  if (!schema.is_object()) return false;
  return std::all_of(schema.items().begin(), schema.items().end(), [](const auto& item) {
    if (item.key() == "type") return item.value() == "object";
    if (item.key() == "properties") return item.value().is_object();
    return item.key() == "additionalProperties" || item.key() == "required" ||
           item.key() == "$defs" || item.key() == "definitions" || is_annotation(item.key());
  });
}

Result<std::shared_ptr<const Grammar>> schema_grammar(const nlohmann::ordered_json& schema,
                                                      const SchemaOptions& options) {
  GrammarBuilder builder;
  JsonParts json(builder);
  TRY_LET(const Expr root, add_json_schema(json, schema, options));
  return builder.finish(root);
}

}  // namespace

Result<Expr> add_json_schema(JsonParts& json, const nlohmann::ordered_json& schema,
                             const SchemaOptions& options) {
  TRY_LET(const Expr whole, SchemaCompiler(json, schema, options).run({&schema, "#"}));
  TRY(json.status());
  return whole;
}

std::vector<std::string> text_members(const nlohmann::ordered_json& schema) {
  std::vector<std::string> names;
  const auto members = schema.is_object() ? schema.find("properties") : schema.end();
  if (!schema.is_object() || members == schema.end() || !members->is_object()) return names;
  const Schema root{&schema, "#"};
  for (const auto& [name, member] : members->items()) {
    if (is_text(schema, root.below("properties", name))) names.push_back(name);
  }
  return names;
}

Result<std::optional<SchemaMembers>> add_json_members(JsonParts& json, JsonParts& texts,
                                                      const nlohmann::ordered_json& schema) {
  if (!has_members_alone(schema)) return std::nullopt;
  const Schema root{&schema, "#"};
  std::vector<std::string> required;
  TRY(SchemaCompiler::read_required(root, required));
  const auto is_in = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  const std::vector<std::string> text_names = text_members(schema);
  SchemaMembers made;
  SchemaCompiler of_values(json, schema, {}), of_texts(texts, schema, {});
  const SchemaJson none = SchemaJson::object();
  const auto listed = schema.find("properties");
  for (const auto& [name, member] : (listed == schema.end() ? none : *listed).items()) {
    SchemaMember one{name, 0, is_in(required, name), is_in(text_names, name)};
    TRY_LET(one.value, (one.is_text ? of_texts : of_values).run(root.below("properties", name)));
    made.listed.push_back(one);
  }
  TRY_LET(made.others, of_values.others(root));
  TRY(json.status());
  TRY(texts.status());
  const bool has_all = std::all_of(required.begin(), required.end(), [&](const std::string& name) {
    return std::any_of(made.listed.begin(), made.listed.end(),
                       [&](auto& one) { return one.name == name; });
  });
  return has_all ? std::optional(std::move(made)) : std::nullopt;
}

Result<std::shared_ptr<const Grammar>> json_schema_grammar(const nlohmann::ordered_json& schema,
                                                           const SchemaOptions& options) {
  return within("JSON schema", schema_grammar(schema, options));
}

Result<std::shared_ptr<const Grammar>> json_schema_grammar(std::string_view schema,
                                                           const SchemaOptions& options) {
  if (schema.size() > kMaxGrammarBytes)
    return over_limit("JSON schema: it has {} bytes, the bound is {}", schema.size(),
                      kMaxGrammarBytes);
  TRY_LET(const nlohmann::ordered_json json, within("JSON schema", text::parse_exact_json(schema)));
  return json_schema_grammar(json, options);
}

Result<std::shared_ptr<const Grammar>> json_object_grammar() {
  GrammarBuilder builder;
  JsonParts json(builder);
  return builder.finish(json.any_object());
}

}  // namespace hearth::sample
