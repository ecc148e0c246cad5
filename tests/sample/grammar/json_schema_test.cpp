// SPDX-License-Identifier: MIT
#include "sample/grammar/json_schema.h"

#include <chrono>

#include "sample/grammar/number_range.h"
#include "tests/sample/grammar/grammar_fixture.h"

namespace hearth::sample {
namespace {

using test::Match;
using test::match;
using test::matches;
using Json = nlohmann::ordered_json;

std::shared_ptr<const Grammar> grammar_of(std::string_view schema) {
  auto grammar = json_schema_grammar(schema);
  EXPECT_TRUE(grammar.has_value()) << schema << "\n" << (grammar ? "" : grammar.error().message);
  return grammar ? *grammar : *json_object_grammar();
}

std::string error_of(std::string_view schema) {
  const auto grammar = json_schema_grammar(schema);
  return grammar ? "no error" : grammar.error().message;
}

struct Case {
  const char* schema;
  std::vector<const char*> good, bad;
};

void check(const Case& one) {
  const auto grammar = grammar_of(one.schema);
  for (const char* text : one.good)
    EXPECT_TRUE(matches(*grammar, text)) << one.schema << "\n refuses " << text;
  for (const char* text : one.bad)
    EXPECT_FALSE(matches(*grammar, text)) << one.schema << "\n takes " << text;
}

void check_all(const std::vector<Case>& cases) {
  for (const Case& one : cases) check(one);
}

TEST(JsonSchema, types_are_what_they_say) {
  check_all({
      {R"({"type":"null"})", {"null"}, {"true", "0", "nul", ""}},
      {R"({"type":"boolean"})", {"true", "false"}, {"null", "\"true\""}},
      {R"({"type":"integer"})",
       {"0", "-1", "42", "123456789012345678"},
       {"-0", "01", "1.0", "1e3", "1234567890123456789", "+1", "-"}},
      {R"({"type":"number"})",
       {"0", "-0.5", "1e10", "2.5E-3", "123456789012345"},
       {"01", ".5", "1.", "1e", "1e100", "NaN"}},
      {R"({"type":"string"})",
       {R"("")", R"("a\"\\\/\b\f\n\r\t\u00e9")", R"("\ud83d\ude00")",
        "\"\xC3\xA9\xF0\x9F\x98\x80\""},
       {R"("a)", "\"\n\"", R"("\x")", R"("\ud83d")", R"("\ude00")", R"("\u00g0")", "\"\xFF\""}},
      {R"({"type":["integer","null","string"]})", {"1", "null", "\"x\""}, {"1.5", "true", "[]"}},
      {R"({"type":"integer","nullable":true})", {"1", "null"}, {"true"}},
      {R"({"type":"array"})", {"[]", "[1, [null], {\"a\":true}]"}, {"[1", "{}", "[,]", "[1,]"}},
      {R"({"type":"object"})", {"{}", R"({"a":1,"b":{}})"}, {"[]", R"({"a"})", R"({"a":1,})"}},
      {"true", {"null", "[1,2]", "{\"a\":[]}", "\"x\"", "-1.5e3"}, {"", "nul", "[1"}},
      {"{}", {"null", "{}", "0"}, {"x"}},
      {R"({"title":"t","description":"d","default":1,"examples":[1],"x-order":2})", {"1"}, {"x"}},
  });
}

TEST(JsonSchema, objects_have_their_members_in_order) {
  check_all({
      {R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"null"}},
           "required":["a"]})",
       {R"({"a":1})", R"({"a": 1, "b": null})", "{\n  \"a\": 1,\n  \"b\": null\n}"},
       {"{}", R"({"b":null})", R"({"b":null,"a":1})", R"({"a":1,"c":2})", R"({"a":1,"a":1})",
        R"({"a":null})", R"({"a":1,})"}},
      {R"({"properties":{"a":{},"b":{},"c":{}}})",
       {"{}", R"({"a":1})", R"({"b":1})", R"({"c":1})", R"({"a":1,"c":1})",
        R"({"a":1,"b":[],"c":1})"},
       {R"({"d":1})", R"({"b":1,"a":1})"}},
      {R"({"properties":{"ab":{"type":"integer"}},"additionalProperties":{"type":"boolean"}})",
       {"{}", R"({"ab":1})", R"({"ab":1,"a":true})", R"({"a":true,"abc":false,"":true})"},
       {R"({"ab":true})", R"({"x":1})", R"({"a":true,"ab":true})", R"({"a\u0062":true})"}},
      {R"({"additionalProperties":false})", {"{}"}, {R"({"a":1})"}},
      {R"({"properties":{"a":{}},"additionalProperties":true})", {R"({"a":1,"b":2})"}, {"[]"}},
      {R"({"required":["b"],"properties":{"a":{"type":"null"}}})",
       {R"({"b":1})", R"({"a":null,"b":{}})"},
       {"{}", R"({"a":null})"}},
      {R"({"type":"object","properties":{"a":{},"b":{},"c":{}},"minProperties":2})",
       {R"({"a":1,"b":1})", R"({"b":1,"c":1})", R"({"a":1,"b":1,"c":1})"},
       {"{}", R"({"a":1})", R"({"c":1})"}},
      {R"({"type":"object","properties":{"a":{},"b":{},"c":{}},"maxProperties":1})",
       {"{}", R"({"a":1})", R"({"c":1})"},
       {R"({"a":1,"b":1})"}},
      {R"({"type":"object","maxProperties":2})", {R"({"x":1,"y":1})"}, {R"({"x":1,"y":1,"z":1})"}},
      {R"({"patternProperties":{"^[a-c]+$":{"type":"integer"}},"additionalProperties":false})",
       {"{}", R"({"abc":1,"c":2})"},
       {R"({"d":1})", R"({"a":null})"}},
      {R"({"type":"object","propertyNames":{"maxLength":2},
           "additionalProperties":{"type":"null"}})",
       {R"({"ab":null})"},
       {R"({"abc":null})"}},
      {R"({"properties":{"a\"b":{"type":"null"},"\u00e9":{"type":"null"}}})",
       {R"({"a\"b":null})", "{\"\xC3\xA9\":null}"},
       {R"({"ab":null})"}},
      {R"({"type":"object","properties":{"a":{}},"unevaluatedProperties":false})",
       {R"({"a":1})"},
       {R"({"b":1})"}},
  });
}

TEST(JsonSchema, open_objects_take_what_the_specification_takes) {
  const auto grammar = json_schema_grammar(
      std::string_view(R"({"properties":{"a":{"type":"null"}}})"), {.is_closed = false});
  ASSERT_TRUE(grammar.has_value());
  EXPECT_TRUE(matches(**grammar, R"({"a":null,"b":1})"));
  EXPECT_FALSE(matches(**grammar, R"({"a":1})"));
}

TEST(JsonSchema, arrays_have_their_items) {
  check_all({
      {R"({"type":"array","items":{"type":"integer"}})",
       {"[]", "[1]", "[1, 2,3]", "[\n  1\n]"},
       {"[null]", "[1 2]"}},
      {R"({"items":{"type":"integer"},"minItems":2,"maxItems":3})",
       {"[1,2]", "[1,2,3]"},
       {"[]", "[1]", "[1,2,3,4]"}},
      {R"({"type":"array","maxItems":0})", {"[]"}, {"[1]"}},
      {R"({"prefixItems":[{"type":"integer"},{"type":"null"}]})",
       {"[]", "[1]", "[1,null]"},
       {"[null]", "[1,null,1]"}},
      {R"({"prefixItems":[{"type":"integer"}],"items":{"type":"null"},"minItems":2})",
       {"[1,null]", "[1,null,null]"},
       {"[1]", "[]", "[1,1]"}},
      {R"({"prefixItems":[{"type":"integer"},{}],"items":false,"minItems":2})",
       {"[1,[]]"},
       {"[1]", "[1,2,3]"}},
      {R"({"items":{"type":"integer"},"minItems":1,"maxItems":200})", {"[1]", "[1,2]"}, {"[]"}},
      {R"({"type":"array","uniqueItems":false,"items":{"type":"null"}})", {"[null,null]"}, {"[1]"}},
  });
}

TEST(JsonSchema, strings_keep_to_length_pattern_and_format) {
  check_all({
      {R"({"type":"string","minLength":2,"maxLength":3})",
       {R"("ab")", R"("a\u00e9\n")", R"("\ud83d\ude00x")", "\"\xF0\x9F\x98\x80xx\""},
       {R"("a")", R"("abcd")", R"("")"}},
      {R"({"minLength":1})", {R"("a")"}, {R"("")", "1"}},
      {R"({"pattern":"^[a-z]{2,4}-\\d+$"})",
       {R"("ab-1")", R"("abcd-123")"},
       {R"("a-1")", R"("ab-")", R"("xab-1x")"}},
      {R"({"pattern":"b+c"})", {R"("bc")", R"("abbcd\n")"}, {R"("ac")", R"("b")"}},
      {R"({"pattern":"^(a|b)*$|^c"})", {R"("abba")", R"("cxyz")", R"("")"}, {R"("ac")", R"("d")"}},
      {R"({"pattern":"^[^\"\\\\]\"$"})", {R"("a\"")", R"("\n\"")"}, {R"("\"\"")", R"("a\\")"}},
      {R"({"pattern":"^\\u00e9.\\x41[\\w\\-]?(?:x|y){2}(?<n>z)$"})",
       {"\"\xC3\xA9!A-xyz\"", "\"\xC3\xA9.Axxz\""},
       {"\"\xC3\xA9\n Axxz\"", R"("a.Axxz")"}},
      {R"({"pattern":"^a{2}b{1,}c{0,2}?d*?$"})",
       {R"("aab")", R"("aabbccdd")"},
       {R"("ab")", R"("aabccc")"}},
      {R"({"pattern":"^([a-z]|){40}$"})", {R"("")", R"("abc")"}, {R"("A")"}},
      {R"({"pattern":"^[a-z]{3,10}$","maxLength":12,"minLength":2})", {R"("abc")"}, {R"("ab")"}},
      {R"({"format":"date"})",
       {R"("2024-02-29")", R"("2000-02-29")", R"("1999-12-31")"},
       {R"("2023-02-29")", R"("1900-02-29")", R"("2024-13-01")", R"("2024-04-31")",
        R"("0000-01-01")"}},
      {R"({"format":"time"})",
       {R"("23:59:59Z")", R"("00:00:00.123+05:30")"},
       {R"("24:00:00Z")", R"("12:00:00")"}},
      {R"({"format":"date-time"})", {R"("2024-02-29T12:00:00Z")"}, {R"("2024-02-29 12:00:00Z")"}},
      {R"({"format":"uuid"})", {R"("123e4567-e89b-12d3-a456-426614174000")"}, {R"("123e4567")"}},
      {R"({"format":"ipv4"})",
       {R"("0.0.0.0")", R"("255.249.199.9")"},
       {R"("256.0.0.1")", R"("01.1.1.1")"}},
      {R"({"format":"ipv6"})",
       {R"("::")", R"("::1")", R"("1:2:3:4:5:6:7:8")", R"("fe80::1:2")", R"("1:2:3:4:5:6:7::")"},
       {R"("1:2")", R"(":1")", R"("1::2::3")"}},
      {R"({"format":"email"})", {R"("a.b@example.org")"}, {R"("a@b")", R"("@x.de")"}},
      {R"({"format":"hostname"})", {R"("a-b.example")"}, {R"("-a")", R"("a..b")"}},
      {R"({"format":"duration"})",
       {R"("P1DT2H")", R"("P3W")", R"("PT5S")"},
       {R"("P")", R"("P1H")"}},
      {R"({"format":"uri"})", {R"("https://example.org/a?b=c#d")"}, {R"("example")"}},
      {R"({"type":"string","format":"int32"})", {R"("any text")"}, {"1"}},
  });
}

TEST(JsonSchema, alternatives_references_and_values) {
  check_all({
      {R"({"enum":["a",1,null,{"x":[1,2]},1.5]})",
       {"\"a\"", "1", "null", R"({"x":[1,2]})", R"({"x": [1, 2]})", "1.5"},
       {"\"b\"", "2", "{}"}},
      {R"({"type":"string","enum":["a",1]})", {"\"a\""}, {"1"}},
      {R"({"const":{"a":"b"}})", {R"({"a":"b"})"}, {"{}"}},
      {R"({"anyOf":[{"type":"integer"},{"type":"null"}]})", {"1", "null"}, {"true"}},
      {R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"integer"}},
           "anyOf":[{"required":["a"]},{"required":["b"]}]})",
       {R"({"a":1})", R"({"b":1})", R"({"a":1,"b":2})"},
       {"{}"}},
      {R"({"oneOf":[{"type":"integer"},{"type":"string"}]})", {"1", "\"\""}, {"null"}},
      {R"({"oneOf":[{"type":"object","properties":{"k":{"const":"x"},
                     "v":{"type":"integer"}},
                     "required":["k"]},
                    {"type":"object","properties":{"k":{"const":"y"}},"required":["k"]}]})",
       {R"({"k":"x","v":1})", R"({"k":"y"})"},
       {R"({"k":"y","v":1})", "{}"}},
      {R"({"allOf":[{"properties":{"a":{"type":"integer","minimum":3}},"required":["a"]},
                    {"properties":{"b":{"type":"null"},"a":{"maximum":5}},"required":["b"]}]})",
       {R"({"a":4,"b":null})"},
       {R"({"a":4})", R"({"a":2,"b":null})", R"({"a":6,"b":null})"}},
      {R"({"allOf":[{"type":["integer","string"]},{"type":["number","null"]}]})",
       {"1"},
       {"1.5", "\"\""}},
      {R"({"$ref":"#/$defs/n","$defs":{"n":{"type":"object","properties":{"v":{"type":"integer"},
           "next":{"anyOf":[{"$ref":"#/$defs/n"},{"type":"null"}]}},"required":["v","next"]}}})",
       {R"({"v":1,"next":null})", R"({"v":1,"next":{"v":2,"next":null}})"},
       {R"({"v":1})"}},
      {R"({"properties":{"child":{"$ref":"#"}}})",
       {"{}", R"({"child":{"child":{}}})"},
       {R"({"child":1})"}},
      {R"({"$ref":"#/$defs/a~1b%20c","$defs":{"a/b c":{"type":"null"}}})", {"null"}, {"1"}},
      {R"({"$ref":"#here","$defs":{"x":{"$anchor":"here","type":"null"}}})", {"null"}, {"1"}},
      {R"({"$ref":"#/$defs/i","maximum":5,"$defs":{"i":{"type":"integer","minimum":3}}})",
       {"3", "5"},
       {"2", "6"}},
      {R"({"anyOf":[{"type":"integer"},{"const":"x"}],"type":["string","null","integer"]})",
       {"1", "\"x\""},
       {"null"}},
  });
}

TEST(JsonSchema, integers_are_exactly_those_within_the_bounds) {
  const int64_t bounds[] = {-1234, -1000, -999, -101, -100, -10, -9,  -1,  0,    1,
                            5,     9,     10,   11,   99,   100, 109, 345, 1000, 1203};
  for (const int64_t low : bounds) {
    for (const int64_t high : bounds) {
      if (low > high) continue;
      const auto grammar =
          grammar_of(fmt::format(R"({{"type":"integer","minimum":{},"maximum":{}}})", low, high));
      Pushdown pushdown(grammar->automaton());
      for (int64_t value = -1300; value <= 1300; ++value) {
        ASSERT_EQ(match(pushdown, std::to_string(value)) == Match::kWhole,
                  value >= low && value <= high)
            << value << " in " << low << " to " << high;
      }
    }
  }
  check_all({
      {R"({"type":"integer","exclusiveMinimum":3,"exclusiveMaximum":5})", {"4"}, {"3", "5"}},
      {R"({"type":"integer","minimum":2.5,"maximum":4.5})", {"3", "4"}, {"2", "5"}},
      {R"({"type":"integer","multipleOf":1,"maximum":9007199254740993})",
       {"9007199254740993", "-5"},
       {"9007199254740994"}},
      {R"({"type":"integer","minimum":-9223372036854775808,"maximum":9223372036854775807})",
       {"999999999999999999", "-999999999999999999"},
       {"1000000000000000000"}},
  });
}

TEST(JsonSchema, decimals_are_within_the_bounds) {
  const double bounds[] = {-12.75, -10, -1.5, -1, -0.25, -0.003, 0,  0.003, 0.25,
                           0.3,    1,   1.5,  2,  2.25,  9.99,   10, 12.75, 12.8};
  std::vector<std::string> texts;
  for (int whole = 0; whole <= 14; ++whole) {
    for (const char* fraction :
         {"",    ".0",   ".00",   ".001", ".003", ".0030", ".0031", ".2",  ".24", ".249999",
          ".25", ".250", ".2501", ".26",  ".3",   ".31",   ".5",    ".50", ".51", ".74",
          ".75", ".76",  ".8",    ".81",  ".9",   ".98",   ".99",   ".991"}) {
      texts.push_back(std::to_string(whole) + fraction);
      texts.push_back("-" + texts.back());
    }
  }
  for (const double low : bounds) {
    for (const double high : bounds) {
      for (const bool exclusive : {false, true}) {
        if (low > high || (low == high && exclusive)) continue;
        Json schema = {{"type", "number"}};
        schema[exclusive ? "exclusiveMinimum" : "minimum"] = low;
        schema[exclusive ? "exclusiveMaximum" : "maximum"] = high;
        const auto grammar = grammar_of(schema.dump());
        Pushdown pushdown(grammar->automaton());
        for (const std::string& text : texts) {
          const double value = std::stod(text);
          const bool is_inside =
              exclusive ? value > low && value < high : value >= low && value <= high;
          const bool is_taken = match(pushdown, text) == Match::kWhole;
          ASSERT_TRUE(is_inside || !is_taken) << text << " of " << schema;
          // Left out are other ways to write a number: -0, zeros at the end.
          const bool is_plain = text.find('.') == text.npos || text.back() != '0';
          if (is_plain && (value != 0 || text[0] != '-')) {
            ASSERT_EQ(is_inside, is_taken) << text << " of " << schema;
          }
        }
      }
    }
  }
}

TEST(JsonSchema, a_bound_on_one_side_leaves_the_digits_behind_the_point) {
  check_all({
      {R"({"type":"number","minimum":0})",
       {"0", "0.05", "3.85", "999999999.123456", "9999999999.12345", "123456789012345.5"},
       {"-0.05", "3.1234567", "9999999999.123456"}},
      {R"({"type":"number","exclusiveMaximum":2.5})",
       {"2.49", "0.000001", "-3.85", "-1234567.123456"},
       {"2.5", "2.51"}},
      {R"({"type":"number","minimum":7,"maximum":1000000001})",
       {"7.123456", "8.123456", "999999999.123456", "1000000000.12345", "1000000001"},
       {"6.9", "1000000000.123456", "1000000001.1"}},
  });
}

TEST(JsonSchema, what_cannot_be_said_is_an_error_with_keyword_and_pointer) {
  const std::pair<const char*, const char*> cases[] = {
      {R"~({"not":{}})~", "#/'not': this keyword is not supported"},
      {R"~({"properties":{"a":{"if":{}}}})~", "#/properties/a/'if'"},
      {R"~({"contains":{}})~", "#/'contains'"},
      {R"~({"dependentRequired":{}})~", "#/'dependentRequired'"},
      {R"~({"wrong":1})~", "#/'wrong'"},
      {R"~({"items":{"uniqueItems":true}})~", "#/items/uniqueItems"},
      {R"~({"type":"number","multipleOf":0.5})~", "#/multipleOf"},
      {R"~({"pattern":"(?=a)"})~", "#/pattern: at character 2 of the pattern: look-around"},
      {R"~({"pattern":"(a)\\1"})~", "back-reference"},
      {R"~({"pattern":"\\bword"})~", "escape"},
      {R"~({"pattern":"(^a)"})~", "an anchor inside of a group"},
      {R"~({"pattern":"a{3"})~", "no error"},
      {R"~({"pattern":"a**"})~", "nothing to repeat"},
      {R"~({"pattern":"[b-a]"})~", "lower to the higher"},
      {R"~({"pattern":"a+","maxLength":5})~", "#/maxLength"},
      {R"~({"format":"uri-template"})~", "#/format: the format 'uri-template'"},
      {R"~({"$ref":"other.json"})~", "#/$ref: 'other.json' leads out of the schema"},
      {R"~({"$ref":"#/$defs/x"})~", "#/$ref: '#/$defs/x' leads nowhere"},
      {R"~({"oneOf":[{"type":"integer"},{"type":"number"}]})~", "#/oneOf: alternatives 0 and 1"},
      {R"~({"type":"text"})~", "#/type"},
      {R"~({"minLength":-1})~", "#/minLength"},
      {R"~({"minimum":"1"})~", "#/minimum"},
      {R"~({"items":[{}]})~", "#/items"},
      {R"~({"required":"a"})~", "#/required"},
      {R"~({"anyOf":[]})~", "#/anyOf"},
      {R"~({"enum":1})~", "#/enum"},
      {R"~([1])~", "a schema is an object"},
      {R"~({"a)~", "JSON"},
      {"false", "no text at all"},
      {R"~({"properties":{"a":false},"required":["a"]})~", "no text at all"},
      {R"~({"$ref":"#"})~", "no text at all"},
      {R"~({"type":"integer","minimum":1e300})~", "no text at all"},
      {R"~({"allOf":[{"$ref":"#"}]})~", "circle"},
      {R"~({"$defs":{"a":{"properties":{"a":{"$ref":"#/$defs/a"}},"required":["a"]}},
           "$ref":"#/$defs/a"})~",
       "no text at all"},
  };
  for (const auto& [schema, expected] : cases)
    EXPECT_NE(error_of(schema).find(expected), std::string::npos) << schema << "\n"
                                                                  << error_of(schema);
}

TEST(JsonSchema, bombs_are_refused_or_done_quickly) {
  const auto started = std::chrono::steady_clock::now();
  std::string open, close;
  for (int i = 0; i < 100000; ++i) {
    open += R"({"items":)";
    close += '}';
  }
  EXPECT_NE(error_of(open + "{}" + close).find("deep"), std::string::npos);
  for (const char* pattern : {"(a*)*", "((a+)+)+$", "(a|a)*b", "^(([a-z])+.)+[A-Z]([a-z])+$",
                              "(x+x+)+y", "^(a?){60}a{60}$"}) {
    const auto grammar = json_schema_grammar(Json{{"pattern", pattern}});
    ASSERT_TRUE(grammar.has_value()) << pattern << grammar.error().message;
    Pushdown pushdown((*grammar)->automaton());
    match(pushdown, "\"" + std::string(5000, 'a') + "\"");
  }
  EXPECT_NE(error_of(R"({"pattern":"[ab]*a[ab]{20}"})").find("too complex"), std::string::npos);
  EXPECT_NE(error_of(R"({"pattern":"((a{1000}){1000}){1000}"})").find("more than"),
            std::string::npos);
  EXPECT_EQ(error_of(R"({"maxLength":1000000})"), "no error");
  EXPECT_NE(error_of(R"({"items":{},"maxItems":10000000})").find("more than"), std::string::npos);
  // Alternatives times alternatives times …
  Json twice = {{"anyOf", {{{"minLength", 1}}, {{"minLength", 2}}}}};
  Json all = {{"allOf", Json::array()}};
  for (int i = 0; i < 30; ++i) all["allOf"].push_back(twice);
  EXPECT_NE(error_of(all.dump()).find("more than"), std::string::npos);
  std::string groups = "^";
  for (int i = 0; i < 100000; ++i) groups += '(';
  EXPECT_NE(error_of(Json{{"pattern", groups}}.dump()).find("deep"), std::string::npos);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  EXPECT_LT(took.count(), 30);
}

TEST(JsonSchema, white_space_is_bounded) {
  const auto grammar = *json_object_grammar();
  EXPECT_TRUE(matches(*grammar, "{\n  \"a\": [\n    1,\n    2\n  ]\n}"));
  EXPECT_EQ(match(*grammar, "{  "), Match::kNo);
  EXPECT_EQ(match(*grammar, "{\n\n"), Match::kNo);
  EXPECT_EQ(match(*grammar, "{\n" + std::string(41, ' ')), Match::kNo);
  EXPECT_EQ(match(*grammar, " {"), Match::kNo);
  EXPECT_EQ(match(*grammar, "{} "), Match::kNo);
}

}  // namespace
}  // namespace hearth::sample
