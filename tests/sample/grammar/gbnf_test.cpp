// SPDX-License-Identifier: MIT
#include "sample/grammar/gbnf.h"

#include <chrono>

#include "tests/sample/grammar/grammar_fixture.h"
#include "tests/sample/grammar/matcher.h"
#include "text/unicode.h"

namespace hearth::sample {
namespace {

using test::gbnf;
using test::gbnf_error;
using test::Match;
using test::match;
using test::matches;

// All texts of `letters` with at most `longest` of them, each before those that begin with it.
std::vector<std::string> all_texts(std::string_view letters, size_t longest) {
  std::vector<std::string> texts{""};
  for (size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].size() == longest) break;
    for (const char c : letters) texts.push_back(texts[i] + c);
  }
  return texts;
}

TEST(Gbnf, random_grammars_match_what_the_definition_says) {
  const auto texts = all_texts("abc", 6);
  int n_compared = 0;
  for (uint32_t seed = 1; seed <= 400; ++seed) {
    const oracle::Rules rules = oracle::RandomGrammar(seed).make();
    const std::string written = oracle::to_gbnf(rules);
    const auto grammar = parse_gbnf(written);
    if (!grammar) {
      const std::string& why = grammar.error().message;
      ASSERT_TRUE(why.find("left recursive") != why.npos || why.find("no text") != why.npos)
          << why << "\n"
          << written;
      continue;
    }
    ++n_compared;
    Pushdown pushdown((*grammar)->automaton());
    for (const std::string& text : texts) {
      const bool expected = oracle::matches(rules, text);
      const Match found = match(pushdown, text);
      ASSERT_EQ(found == Match::kWhole, expected) << "'" << text << "' of\n" << written;
      if (!expected) continue;
      for (size_t n = 0; n < text.size(); ++n)
        ASSERT_NE(match(pushdown, text.substr(0, n)), Match::kNo) << text << " of\n" << written;
    }
  }
  EXPECT_GT(n_compared, 250);
}

TEST(Gbnf, a_live_beginning_can_always_be_finished) {
  for (uint32_t seed = 1; seed <= 200; ++seed) {
    const auto grammar = parse_gbnf(oracle::to_gbnf(oracle::RandomGrammar(seed).make()));
    if (!grammar) continue;
    Pushdown pushdown((*grammar)->automaton());
    std::minstd_rand random(seed);
    Position at = pushdown.start();
    for (int i = 0; i < 40 && pushdown.can_go_on(at); ++i) {
      std::vector<Position> next;
      for (const char c : {'a', 'b', 'c'}) {
        const Position to = pushdown.step(at, static_cast<uint8_t>(c));
        if (to != kDead) next.push_back(to);
      }
      ASSERT_FALSE(next.empty()) << "seed " << seed;
      at = next[random() % next.size()];
    }
  }
}

TEST(Gbnf, rules_that_match_only_nothing_are_not_waited_for) {
  const std::string nothing(60, '|');  // too many to be put in the place of a call
  for (const std::string& rules : {"nothing ::= " + nothing,
                                   std::string("nothing ::= many\nmany ::= one{30} one one?\n") +
                                       "one ::= \"\" | | \"\" | nil\nnil ::= ( | )",
                                   "nothing ::= other{3,200}\nother ::= " + nothing,
                                   "nothing ::= (\"\" | ){3,200}" + nothing}) {
    const auto alone = gbnf("root ::= nothing\n" + rules);
    Pushdown pushdown(alone->automaton());
    const Position start = pushdown.start();
    ASSERT_NE(start, kDead) << rules;
    EXPECT_TRUE(pushdown.may_end(start)) << rules;
    EXPECT_FALSE(pushdown.can_go_on(start)) << rules;
    const auto between = gbnf("root ::= nothing \"a\" nothing (\"b\" nothing)* nothing\n" + rules);
    EXPECT_TRUE(matches(*between, "abb")) << rules;
    EXPECT_EQ(match(*between, ""), Match::kBeginning) << rules;
    EXPECT_EQ(match(*between, "ac"), Match::kNo) << rules;
  }
}

TEST(Gbnf, every_notation_is_read) {
  const auto grammar = gbnf(R"(# a comment
root ::= greeting " " name-2 ("!" | "?"){1,2} # another
greeting ::= "Hello"
             | "Hi" |
             "\x48\u00e9\U0001F600\t\n\r\\\"\[\]"
name-2   ::= [A-Z] [^a-c\]\n]* tail? .
tail ::= ("x" ("y" "z")+){2} [-+]
)");
  EXPECT_TRUE(matches(*grammar, "Hello Zdef!"));
  EXPECT_TRUE(matches(*grammar, "Hi Zxyzxyzyz-q?!"));
  EXPECT_TRUE(matches(*grammar, "H\xC3\xA9\xF0\x9F\x98\x80\t\n\r\\\"[] A\xE2\x82\xAC!"));
  EXPECT_FALSE(matches(*grammar, "Hello Za!b"));
  EXPECT_EQ(match(*grammar, "Hello Z"), Match::kBeginning);
  EXPECT_EQ(match(*grammar, "Hello z"), Match::kNo);
}

TEST(Gbnf, counts_are_exact) {
  const std::pair<const char*, std::pair<int, int>> cases[] = {
      {"{3}", {3, 3}},   {"{2,}", {2, -1}},     {"{,4}", {0, 4}}, {"{2,5}", {2, 5}},
      {"*", {0, -1}},    {"+", {1, -1}},        {"?", {0, 1}},    {"{40,300}", {40, 300}},
      {"{0,0}", {0, 0}}, {"{130,}", {130, -1}}, {"{0}", {0, 0}},  {"{257}", {257, 257}},
  };
  for (const char* part : {"\"a\"", "[a-z]", "(\"a\" | \"bc\")", "letter"}) {
    for (const auto& [count, bounds] : cases) {
      const auto grammar = gbnf(fmt::format("root ::= {}{} \";\"\nletter ::= [a-y]", part, count));
      Pushdown pushdown(grammar->automaton());
      for (int n = 0; n < 320; ++n) {
        const bool expected = n >= bounds.first && (bounds.second < 0 || n <= bounds.second);
        const std::string text = std::string(static_cast<size_t>(n), 'a') + ";";
        ASSERT_EQ(match(pushdown, text) == Match::kWhole, expected) << part << count << " " << n;
      }
    }
  }
}

TEST(Gbnf, characters_are_those_of_unicode_whatever_their_bytes) {
  const auto any = gbnf("root ::= .");
  const auto some = gbnf("root ::= [\\u00e0-\\u0800\\U0000FFF0-\\U00010050]");
  const auto others = gbnf("root ::= [^\\u00e0-\\u0800\\U0000FFF0-\\U00010050]");
  Pushdown all_of(any->automaton()), some_of(some->automaton()), others_of(others->automaton());
  for (uint32_t code = 0; code <= kLastCodePoint; code += code < 0x11000 ? 1 : 97) {
    std::string text;
    text::append_utf8(code, text);
    const bool is_char = code < 0xD800 || code > 0xDFFF;
    const bool is_in = (code >= 0xE0 && code <= 0x800) || (code >= 0xFFF0 && code <= 0x10050);
    ASSERT_EQ(match(all_of, text) == Match::kWhole, is_char) << code;
    ASSERT_EQ(match(some_of, text) == Match::kWhole, is_char && is_in) << code;
    ASSERT_EQ(match(others_of, text) == Match::kWhole, is_char && !is_in) << code;
  }
}

TEST(Gbnf, errors_name_line_and_column) {
  EXPECT_EQ(gbnf_error("root ::= \"a\"\nb ::= (\"c\""),
            "grammar: line 2, column 7: '(' is never closed");
  EXPECT_EQ(gbnf_error("root ::= missing"),
            "grammar: line 1, column 10: the rule 'missing' is not defined");
  EXPECT_EQ(gbnf_error("root ::= \"a\"\nroot ::= \"b\""),
            "grammar: line 2, column 1: the rule 'root' is defined twice");
  EXPECT_EQ(gbnf_error("a ::= \"a\""), "grammar: the grammar has no rule 'root'");
  EXPECT_EQ(gbnf_error("root ::= \"a"), "grammar: line 1, column 10: the literal is never closed");
  EXPECT_EQ(gbnf_error("root ::= [a"), "grammar: line 1, column 10: the class is never closed");
  EXPECT_EQ(gbnf_error("root ::= )"), "grammar: line 1, column 10: ')' closes nothing");
  EXPECT_EQ(gbnf_error("root = a"),
            "grammar: line 1, column 6: '::=' is expected after a rule's name");
  EXPECT_EQ(gbnf_error("root ::= \"\xFF\""), "grammar: line 1, column 11: the text is not UTF-8");
  EXPECT_NE(gbnf_error("root ::= [z-a]").find("line 1, column 14"), std::string::npos);
  EXPECT_NE(gbnf_error("root ::= \"a\"{3,2}").find("lower to the higher"), std::string::npos);
  EXPECT_NE(gbnf_error("root ::= \"\\q\"").find("an escape is one of"), std::string::npos);
  EXPECT_NE(gbnf_error("root ::= \"\\ud800\"").find("no such character"), std::string::npos);
  EXPECT_NE(gbnf_error("").find("no rule 'root'"), std::string::npos);
}

TEST(Gbnf, left_recursion_is_refused_by_name_also_where_it_is_hidden) {
  EXPECT_NE(gbnf_error("root ::= root \"a\" | \"b\"").find("'root' is left recursive"),
            std::string::npos);
  EXPECT_NE(gbnf_error("root ::= a\na ::= b* c* a \"x\" | \"y\"\nb ::= [z]*\nc ::= b b")
                .find("'a' is left recursive"),
            std::string::npos);
  EXPECT_TRUE(matches(*gbnf("root ::= \"a\" root | \"b\""), "aaaab"));
}

TEST(Gbnf, a_list_written_as_a_rule_that_ends_with_itself_has_no_bound) {
  const auto grammar = gbnf("root ::= [a] | [a] \",\" root");
  std::string text = "a";
  for (int i = 0; i < 5000; ++i) text += ",a";
  EXPECT_TRUE(matches(*grammar, text));
}

TEST(Gbnf, nesting_of_an_answer_is_bounded_and_can_always_be_closed) {
  const auto grammar = gbnf("root ::= \"(\" root \")\" | \"x\"");
  Pushdown pushdown(grammar->automaton());
  Position at = pushdown.start();
  int depth = 0;
  for (Position next = at; (next = pushdown.step(at, '(')) != kDead; at = next) ++depth;
  EXPECT_GE(depth, 100);
  EXPECT_LE(depth, 128);
  at = pushdown.step(at, 'x');
  for (int i = 0; i < depth; ++i) at = pushdown.step(at, ')');
  EXPECT_NE(at, kDead);
  EXPECT_TRUE(pushdown.may_end(at));
}

TEST(Gbnf, an_ambiguous_grammar_costs_a_set_not_all_its_readings) {
  const auto grammar =
      gbnf("root ::= \"a\" root \"b\" | \"a\" root \"c\" | \"a\" root \"bc\" | \"d\"");
  std::string text(100, 'a');
  text += 'd';
  for (int i = 0; i < 100; ++i) text += i % 3 == 0 ? "bc" : "b";
  EXPECT_TRUE(matches(*grammar, text));
  EXPECT_EQ(match(*grammar, text + "b"), Match::kNo);
}

TEST(Gbnf, bombs_are_refused_or_done_quickly) {
  const auto started = std::chrono::steady_clock::now();
  const auto repeated = [](std::string_view text, size_t n) {
    std::string all;
    for (size_t i = 0; i < n; ++i) all += text;
    return all;
  };
  for (const size_t n : {100u, 1000u, 100000u}) {
    const std::string open = repeated("(", n);
    (void)parse_gbnf("root ::= " + open + "\"a\"" + repeated(")", n));
    (void)parse_gbnf("root ::= " + open);
    (void)parse_gbnf("root ::= \"a\"" + repeated("*", n));
    (void)parse_gbnf("root ::= \"a\"" + repeated("{9}", n));
    (void)parse_gbnf("root ::= " + repeated("| ", n));
    (void)parse_gbnf("root ::= " + repeated("[^a] ", n));
  }
  EXPECT_NE(
      gbnf_error("root ::= " + repeated("(", 200) + "\"a\"" + repeated(")", 200)).find("deep"),
      std::string::npos);
  EXPECT_NE(gbnf_error("root ::= ((([a-z] \"b\"?){1000}){1000}){1000}").find("more than"),
            std::string::npos);
  EXPECT_NE(gbnf_error("root ::= \"a\"{20000000}").find("more than 16777216"), std::string::npos);
  EXPECT_NE(gbnf_error("root ::= [ab]* \"a\" [ab]{24}").find("too complex"), std::string::npos);
  EXPECT_TRUE(matches(*gbnf("root ::= ((\"a\"*)*)* ((\"b\"?)+)*"), "aaabb"));
  EXPECT_TRUE(matches(*gbnf("root ::= [a-z]{0,65536}"), "abc"));
  std::string chain = "root ::= r0\n";
  for (int i = 0; i < 10000; ++i) chain += fmt::format("r{} ::= r{} | [a]*\n", i, i + 1);
  (void)parse_gbnf(chain + "r10000 ::= \"x\"");
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  EXPECT_LT(took.count(), 30) << "seconds for all of them; each is bounded";
}

}  // namespace
}  // namespace hearth::sample
