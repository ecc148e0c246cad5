// SPDX-License-Identifier: MIT
#include "sample/grammar/mask.h"

#include <filesystem>
#include <fstream>
#include <thread>

#include "sample/grammar/json_schema.h"
#include "sample/grammar/limits.h"
#include "sample/grammar/loop_tokens.h"
#include "tests/sample/grammar/grammar_fixture.h"
#include "tests/sample/grammar/matcher.h"
#include "tests/sample/grammar/slow_mask.h"
#include "tests/support/paths.h"
#include "text/unicode.h"

namespace hearth::sample {
namespace {

using test::gbnf;
using test::has;
using test::ids_of;
using test::SlowMask;
using test::table_of;

void walk_and_compare(const std::shared_ptr<const Grammar>& grammar,
                      const std::shared_ptr<const TokenTable>& table, uint32_t seed, int n_steps) {
  const auto mask = make_mask(grammar, table);
  SlowMask slow(*grammar, *table);
  std::minstd_rand random(seed);
  for (int step = 0; step < n_steps; ++step) {
    const auto ids = ids_of(mask->allowed());
    ASSERT_EQ(ids, slow.ids()) << "step " << step;
    ASSERT_FALSE(ids.empty());
    ASSERT_EQ(mask->complete(), ids.size() == 1 && table->ends_generation(ids[0]));
    const int32_t id = ids[random() % ids.size()];
    const auto status = mask->accept(id);
    ASSERT_TRUE(status.has_value()) << status.error().message;
    if (table->ends_generation(id)) {
      EXPECT_TRUE(mask->complete());
      return;
    }
    slow.accept(id);
  }
}

std::shared_ptr<const TokenTable> letters_table() {
  std::vector<std::string> texts;
  for (const std::string a : {"", "a", "b", "c"}) {
    for (const std::string b : {"", "a", "b", "c"}) {
      for (const std::string c : {"a", "b", "c"}) texts.push_back(a + b + c);
    }
  }
  texts.push_back("abcabcab");
  texts.push_back("cccccccccccc");
  return table_of(texts);
}

TEST(GrammarMask, every_mask_is_what_the_tokens_one_by_one_say) {
  const auto table = letters_table();
  for (uint32_t seed = 1; seed <= 150; ++seed) {
    const auto grammar = parse_gbnf(oracle::to_gbnf(oracle::RandomGrammar(seed).make()));
    if (!grammar) continue;
    SCOPED_TRACE(seed);
    walk_and_compare(*grammar, table, seed, 30);
    if (HasFatalFailure()) return;
  }
}

// Bytes, pairs of bytes and words: tokens that end inside of characters, over ends of strings.
std::shared_ptr<const TokenTable> byte_table() {
  std::vector<std::string> texts;
  for (int byte = 0; byte < 256; ++byte) texts.emplace_back(1, static_cast<char>(byte));
  for (const char* text : {"\"]",
                           "\"}",
                           "\",",
                           "\": ",
                           "[[",
                           "]]",
                           "]]]",
                           "{\"",
                           "ab",
                           "abc",
                           "abcdefgh",
                           "\xC3\xA9",
                           "\xE2\x82",
                           "\x82\xAC",
                           "\xAC\xE2\x82\xAC",
                           "\xF0\x9F",
                           "12",
                           "true",
                           "tru",
                           "e,",
                           "\"a\"",
                           "\"ab\":",
                           "},",
                           "\n    ",
                           "  ",
                           "xxxxxxxxxxxxxxxxxxxx",
                           "((((",
                           "))))"}) {
    texts.emplace_back(text);
  }
  return table_of(texts);
}

constexpr const char* kGrammars[] = {
    // JSON
    R"~(root ::= value
value ::= "{" (pair ("," pair)*)? "}" | "[" (value (", "? value)*)? "]" | string | [0-9]+ | "true"
pair ::= string ": "? value
string ::= "\"" ([^"\\\x00-\x1f] | "\\" ["\\nu])* "\"")~",
    // counted loops: at the end of a rule, in between, bounded on one side
    R"~(root ::= ([a-z\u00e9\u20ac]{3,40} ";"){2,3} [xy]{30,})~",
    R"~(root ::= word ("," word)* "."
word ::= [^,.]{2,60})~",
    R"~(root ::= "[" ("a" | "bc" | "x"){40,90} "]")~",
    R"~(root ::= "(" root ")" | "x")~",
    R"~(root ::= [^a]* "ab" .*)~",
};

TEST(GrammarMask, grammars_of_the_fuzzers_seeds_have_masks_as_the_tokens_one_by_one_say) {
  const auto table = byte_table();
  int n_seeds = 0;
  for (const auto& file : std::filesystem::directory_iterator(hearth::test::source_dir() +
                                                              "/tests/fuzz/corpus/mask")) {
    std::ifstream in(file.path(), std::ios::binary);
    std::string text;
    std::getline(in, text, '\0');
    const auto grammar = parse_gbnf(text);
    ASSERT_TRUE(grammar) << file.path() << ": " << grammar.error().message;
    SCOPED_TRACE(file.path());
    for (uint32_t seed = 1; seed <= 5; ++seed) walk_and_compare(*grammar, table, seed, 30);
    ++n_seeds;
  }
  EXPECT_GE(n_seeds, 5);
}

TEST(GrammarMask, tokens_may_cut_characters_and_go_over_the_ends_of_rules) {
  const auto table = byte_table();
  for (const char* text : kGrammars) {
    const auto grammar = gbnf(text);
    for (uint32_t seed = 1; seed <= 12; ++seed) {
      SCOPED_TRACE(fmt::format("{} seed {}", text, seed));
      walk_and_compare(grammar, table, seed, 120);
      if (HasFatalFailure()) return;
    }
  }
}

// Some thousand words, so that parts of the tree are large: letters of all lengths, marks at their
// ends and inside.
std::shared_ptr<const TokenTable> word_table() {
  const std::vector<std::string> pieces = {"a",        "b",        "e",    "n",
                                           "S",        "T",        "x",    "z",
                                           "\xC3\xA4", "\xE6\x97", "\xA5", "\xE2\x82\xAC",
                                           "-",        "_",        "3",    " ",
                                           "\"",       "\\",       "\n",   "\xF0\x9F\x98\x80",
                                           ".",        "<",        ",",    ":",
                                           "}",        "\x80"};
  std::vector<std::string> texts;
  for (int byte = 0; byte < 256; ++byte) texts.emplace_back(1, static_cast<char>(byte));
  std::minstd_rand random(11);
  for (int n = 0; n < 3000; ++n) {
    std::string text(random() % 3 == 0 ? "" : (random() % 2 == 0 ? "a" : "\"e"));
    const size_t n_usual = random() % 3 == 0 ? pieces.size() : 10;  // mostly letters
    for (size_t length = 1 + random() % 20; length > 0; --length)
      text += pieces[random() % n_usual];
    texts.push_back(text);
  }
  // Nothing but letters below these two.
  for (const std::string begin : {"q", "\"q"}) {
    for (int n = 0; n < 200; ++n) {
      std::string text = begin;
      for (size_t length = random() % 12; length > 0; --length) text += pieces[random() % 8];
      texts.push_back(text);
    }
  }
  return table_of(texts);
}

constexpr const char* kLoops[] = {
    // Open strings; at least one character; a bound; both; one that tokens go beyond.
    R"~(root ::= "\"" [^"\\\x00-\x1f]* "\"" ":" root | "3")~",
    R"~(root ::= ("\"" [^"\\\x00-\x1f]+ "\"" [,:}]?)+)~",
    R"~(root ::= ("\"" ([^"\\\x00-\x1f] | "\\" ["\\nu]){0,9} "\"" [,:]?)+)~",
    R"~(root ::= (line "\n"?)+
line ::= "-" [^\n]{3,40} "\n")~",
    // What follows the loop is in it, too.
    R"~(root ::= (word [a-e.])+
word ::= [a-zA-Z_]+)~",
    R"~(root ::= (part part? ".")+
part ::= [a-zA-Z]{2,30})~",
    // The same characters as a call, beside another call and beside text.
    R"~(root ::= (word | number | "an" word "-")+
word ::= [^3<] [^3<]*
number ::= [0-9]+)~",
    R"~(root ::= [^\u00e4"]+ ["\u00e4] root?)~",
    R"~(root ::= .{5,25} "." .*)~",
};

TEST(GrammarMask, tokens_of_loops_are_those_that_are_found_one_by_one) {
  const auto table = word_table();
  for (const char* text : kLoops) {
    const auto grammar = gbnf(text);
    for (uint32_t seed = 1; seed <= 4; ++seed) {
      SCOPED_TRACE(fmt::format("{} seed {}", text, seed));
      walk_and_compare(grammar, table, seed, 40);
      if (HasFatalFailure()) return;
    }
  }
}

TEST(GrammarMask, schemas_have_the_masks_of_their_tokens_one_by_one) {
  const auto table = word_table();
  for (const char* schema :
       {R"({"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string","minLength":1},
            "c":{"type":"string","maxLength":12},"d":{"type":"string","minLength":3,"maxLength":4},
            "e":{"type":"string","pattern":"^[A-Za-z ]+$"}},"required":["a","b","c","d","e"]})",
        R"({"type":"object","additionalProperties":{"type":["string","integer","array"]}})",
        R"({"type":"array","items":{"type":"string","format":"email"},"minItems":2})"}) {
    const auto grammar = json_schema_grammar(std::string_view(schema));
    ASSERT_TRUE(grammar.has_value());
    for (uint32_t seed = 1; seed <= 6; ++seed) {
      SCOPED_TRACE(fmt::format("{} seed {}", schema, seed));
      walk_and_compare(*grammar, table, seed, 60);
      if (HasFatalFailure()) return;
    }
  }
}

// By its definition: each character in the loop, the last one perhaps not whole.
bool stays_in(const ByteLoop& loop, std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if (loop.bytes.test(byte)) {
      ++i;
      continue;
    }
    if (!loop.has_wide || byte < 0x80) return false;
    // Some character begins with what is left of the text.
    const std::string_view rest = text.substr(i, byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4);
    const auto begins_like = [rest](uint32_t code) {
      std::string spelled;
      text::append_utf8(code, spelled);
      return std::string_view(spelled).starts_with(rest);
    };
    uint32_t code = 0x80;
    while (code <= 0x10FFFF && ((code >= 0xD800 && code <= 0xDFFF) || !begins_like(code))) ++code;
    if (code > 0x10FFFF) return false;
    i += rest.size();
  }
  return true;
}

TEST(LoopTokens, are_those_whose_characters_are_all_in_the_loop) {
  const std::vector<std::string> texts = {"a",
                                          "ab",
                                          "a\"",
                                          "\"a",
                                          "\n",
                                          "\xC3",
                                          "\xC3\xA4",
                                          "\xC3\xA4z",
                                          "\xC3z",
                                          "\xC1\xA4",
                                          "\xE0\x9F",
                                          "\xE0\xA0\x80",
                                          "\xED\xA0",
                                          "\xED\x9F\xBF",
                                          "\xF0\x8F",
                                          "\xF0\x90",
                                          "\xF4\x90",
                                          "\xF4\x8F\xBF\xBF",
                                          "\xF5",
                                          "\x80",
                                          "a\xE2\x82",
                                          "\xE2z",
                                          "\xF1\x80\x80",
                                          "\xF1\x80\x80\x80z",
                                          "az\"\xC3",
                                          "a\xE2\x82\xAC",
                                          "\xEF\xBF\xBF",
                                          "B",
                                          "\xFD"};
  const auto table = table_of(texts);
  ByteLoop letters;
  for (size_t byte = 'a'; byte <= 'z'; ++byte) letters.bytes.set(byte);
  for (const ByteLoop& loop : {json_string_loop(), letters}) {
    const auto tokens = table->loop_tokens(loop);
    EXPECT_EQ(table->loop_tokens(loop), tokens) << "found once";
    for (size_t id = 0; id < texts.size(); ++id) {
      EXPECT_EQ(has(tokens->bits(), static_cast<int32_t>(id)), stays_in(loop, texts[id]))
          << testing::PrintToString(texts[id]);
    }
  }
}

TEST(LoopTokens, a_vocabulary_keeps_some_loops_and_no_more) {
  const auto table = table_of({"a", "b", "ab"});
  const auto loop_of = [](size_t byte) {
    ByteLoop loop;
    loop.bytes.set(byte);
    return loop;
  };
  const std::weak_ptr<const LoopTokens> first = table->loop_tokens(loop_of(0));
  for (size_t byte = 1; byte < 16; ++byte) table->loop_tokens(loop_of(byte));
  EXPECT_FALSE(first.expired());
  table->loop_tokens(loop_of(16));
  EXPECT_TRUE(first.expired());
}

TEST(GrammarMask, deep_in_brackets_the_mask_stays_exact_and_closes) {
  const auto table = table_of({"(", "((", "((((", ")", "))", "x", "(x)"});
  const auto grammar = gbnf("root ::= \"(\" root \")\" | \"x\"");
  const auto mask = make_mask(grammar, table);
  int depth = 0;
  while (has(mask->allowed(), 0)) {
    ASSERT_TRUE(mask->accept(0).has_value());
    ++depth;
  }
  EXPECT_GE(depth, 100);
  ASSERT_TRUE(mask->accept(5).has_value());
  for (; depth > 0; --depth) ASSERT_TRUE(mask->accept(3).has_value());
  EXPECT_TRUE(mask->complete());
}

TEST(GrammarMask, the_end_is_allowed_exactly_where_the_answer_is_complete) {
  const auto table = table_of({"a", "b", "ab"});
  const auto mask = make_mask(gbnf("root ::= \"ab\" \"ab\"?"), table);
  EXPECT_EQ(ids_of(mask->allowed()), (std::vector<int32_t>{0, 2}));
  EXPECT_FALSE(mask->accept(3).has_value()) << "not complete yet";
  EXPECT_FALSE(mask->accept(1).has_value());
  EXPECT_FALSE(mask->accept(-1).has_value());
  EXPECT_FALSE(mask->accept(4).has_value());
  ASSERT_TRUE(mask->accept(2).has_value());
  EXPECT_EQ(ids_of(mask->allowed()), (std::vector<int32_t>{0, 2, 3}));
  EXPECT_FALSE(mask->complete());
  const auto other = mask->clone();
  ASSERT_TRUE(mask->accept(2).has_value());
  EXPECT_EQ(ids_of(mask->allowed()), (std::vector<int32_t>{3}));
  EXPECT_TRUE(mask->complete());
  EXPECT_EQ(ids_of(other->allowed()), (std::vector<int32_t>{0, 2, 3}));
  ASSERT_TRUE(other->accept(3).has_value());
  EXPECT_TRUE(other->complete());
  EXPECT_EQ(ids_of(other->allowed()), (std::vector<int32_t>{3}));
  EXPECT_FALSE(other->accept(0).has_value()) << "after the end";
}

TEST(GrammarMask, where_the_vocabulary_lacks_a_byte_the_answer_ends_with_an_error) {
  const auto table = table_of({"a", "b"});
  const auto mask = make_mask(gbnf("root ::= \"a\" \"c\""), table);
  ASSERT_TRUE(mask->accept(0).has_value());
  EXPECT_EQ(ids_of(mask->allowed()), (std::vector<int32_t>{2}));
  const auto status = mask->accept(2);
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, ErrorCode::kUnsupported);
}

TEST(GrammarMask, special_tokens_come_where_the_grammar_names_them_and_nowhere_else) {
  const std::vector<TokenTable::Piece> pieces = {
      {"a", {}}, {"<tool>", "<tool>"}, {"", "<|x|>"}, {"<", {}}, {"tool>", {}}, {}, {"\xFF", {}}};
  const auto table = TokenTable::make(pieces, {5});
  const auto any = make_mask(gbnf("root ::= .*"), table);
  EXPECT_EQ(ids_of(any->allowed()), (std::vector<int32_t>{0, 1, 3, 4, 5}));
  const auto named = make_mask(gbnf("root ::= <|x|> \"a\" <tool>"), table);
  EXPECT_EQ(ids_of(named->allowed()), (std::vector<int32_t>{2}));
  ASSERT_TRUE(named->accept(2).has_value());
  ASSERT_TRUE(named->accept(0).has_value());
  EXPECT_EQ(ids_of(named->allowed()), (std::vector<int32_t>{1}));
  ASSERT_TRUE(named->accept(1).has_value());
  EXPECT_TRUE(named->complete());
}

TEST(GrammarMask, free_text_goes_on_until_its_trigger_and_then_the_grammar_counts) {
  const auto table = table_of({"a", "b", "go", "g", "o", "o1", "1", "2", "ago1", "x"});
  GrammarBuilder builder;
  const Expr digits = builder.repeat(builder.chars(CharSet({{'1', '2'}})), 1);
  const Expr root = builder.until({{"go", false, digits}}, true);
  const auto grammar = builder.finish(root);
  ASSERT_TRUE(grammar.has_value());
  const auto mask = make_mask(*grammar, table);
  EXPECT_EQ(ids_of(mask->allowed()), (std::vector<int32_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
  ASSERT_TRUE(mask->accept(3).has_value());
  EXPECT_EQ(ids_of(mask->allowed()), (std::vector<int32_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
  ASSERT_TRUE(mask->accept(5).has_value());
  EXPECT_EQ(ids_of(mask->allowed()), (std::vector<int32_t>{6, 7, 10}));
  for (uint32_t seed = 1; seed < 20; ++seed) walk_and_compare(*grammar, table, seed, 30);
}

TEST(GrammarMask, a_special_token_is_a_trigger_where_its_text_is_not) {
  const std::vector<TokenTable::Piece> pieces = {{"a", {}}, {"<t>", "<t>"}, {"<", {}}, {"t>", {}},
                                                 {},        {"1", {}}};
  const auto table = TokenTable::make(pieces, {4});
  GrammarBuilder builder;
  const auto grammar = builder.finish(builder.until({{"<t>", true, builder.literal("1")}}, false));
  ASSERT_TRUE(grammar.has_value());
  const auto mask = make_mask(*grammar, table);
  ASSERT_TRUE(mask->accept(2).has_value());
  ASSERT_TRUE(mask->accept(3).has_value());
  EXPECT_EQ(ids_of(mask->allowed()), (std::vector<int32_t>{0, 1, 2, 3, 5})) << "no end yet";
  ASSERT_TRUE(mask->accept(1).has_value());
  EXPECT_EQ(ids_of(mask->allowed()), (std::vector<int32_t>{5}));
}

TEST(GrammarMask, masks_of_one_grammar_work_in_many_threads) {
  const auto table = byte_table();
  const VocabularyGrammar shared(gbnf(kGrammars[0]), table);
  const auto walk = [&](uint32_t seed) {
    std::vector<std::vector<int32_t>> seen;
    const auto mask = shared.mask();
    std::minstd_rand random(seed);
    for (int step = 0; step < 60 && !mask->complete(); ++step) {
      seen.push_back(ids_of(mask->allowed()));
      if (!mask->accept(seen.back()[random() % seen.back().size()])) break;
    }
    return seen;
  };
  std::vector<std::vector<std::vector<int32_t>>> alone, together(8);
  for (uint32_t seed = 0; seed < 8; ++seed) alone.push_back(walk(seed + 1));
  std::vector<std::thread> threads;
  for (uint32_t seed = 0; seed < 8; ++seed)
    threads.emplace_back([&, seed] { together[seed] = walk(seed + 1); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(alone, together);
}

TEST(GrammarMask, a_copy_of_a_position_goes_on_like_the_original) {
  for (const char* text : kGrammars) {
    const auto grammar = gbnf(text);
    Pushdown one(grammar->automaton());
    std::minstd_rand random(7);
    Position at = one.start();
    for (int step = 0; step < 60; ++step) {
      Pushdown other(grammar->automaton());
      const Position copy = other.copy_from(one, at);
      ASSERT_EQ(one.may_end(at), other.may_end(copy));
      ASSERT_EQ(one.depth(at), other.depth(copy));
      std::vector<Position> next;
      for (int byte = 0; byte < 256; ++byte) {
        const auto b = static_cast<uint8_t>(byte);
        const Position to = one.step(at, b);
        ASSERT_EQ(to == kDead, other.step(copy, b) == kDead);
        if (to != kDead) next.push_back(to);
      }
      if (next.empty()) break;
      at = next[random() % next.size()];
    }
  }
}

}  // namespace
}  // namespace hearth::sample
