// SPDX-License-Identifier: MIT
// Templates that try to take all time, memory or stack are refused quickly, and broken ones never
// crash (RELIABILITY F09, F10).
#include <gtest/gtest.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include "base/json.h"
#include "tests/support/paths.h"
#include "tests/text/jinja_rendering.h"

namespace hearth::text::jinja {
namespace {

using test::render;

// Of the processor, so that a busy machine does not count; far above what any of them needs, even
// under the sanitizers.
constexpr double kMaxSeconds = 10;

class ProcessorTime {
 public:
  double seconds() const { return static_cast<double>(std::clock() - start_) / CLOCKS_PER_SEC; }

 private:
  std::clock_t start_ = std::clock();
};

std::string repeated(std::string_view unit, size_t n_times) {
  std::string text;
  for (size_t i = 0; i < n_times; ++i) text += unit;
  return text;
}

struct Bomb {
  const char* name;
  const char* text;
};

constexpr Bomb kBombs[] = {
    {"range_of_a_billion", "{% for i in range(1000000000) %}x{% endfor %}"},
    {"nested_ranges",
     "{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}"
     "{% endfor %}"},
    {"silent_nested_ranges",
     "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}"
     "{% endfor %}"},
    {"macro_calls_itself", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"},
    {"macro_calls_itself_twice",
     "{% macro m(n) %}{{ m(n+1) }}{{ m(n+1) }}{% endmacro %}"
     "{{ m(0) }}"},
    {"two_macros_call_each_other",
     "{% macro a() %}{{ b() }}{% endmacro %}"
     "{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}"},
    {"macro_default_calls_itself", "{% macro m(a=m()) %}{% endmacro %}{{ m() }}"},
    {"caller_calls_itself",
     "{% macro m() %}{{ caller() }}{% endmacro %}"
     "{% macro n() %}{% call m() %}{{ n() }}{% endcall %}{% endmacro %}"
     "{{ n() }}"},
    {"recursive_loop_without_end", "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}"},
    {"text_times_ten_billion", "{{ '-' * 10000000000 }}"},
    {"text_times_the_largest", "{{ 'ab' * 9223372036854775807 }}"},
    {"list_times_a_billion", "{{ ([1] * 1000000000)|length }}"},
    {"doubling_text",
     "{% set n = namespace(s='ab') %}{% for i in range(99) %}"
     "{% set n.s = n.s + n.s %}{% endfor %}{{ n.s }}"},
    {"doubling_list",
     "{% set n = namespace(s=[1]) %}{% for i in range(99) %}"
     "{% set n.s = n.s + n.s %}{% endfor %}"},
    {"doubling_by_tilde",
     "{% set n = namespace(s='ab') %}{% for i in range(99) %}"
     "{% set n.s = n.s ~ n.s %}{% endfor %}"},
    {"doubling_by_join",
     "{% set n = namespace(s='ab') %}{% for i in range(99) %}"
     "{% set n.s = n.s.join([n.s, n.s]) %}{% endfor %}"},
    {"doubling_by_replace",
     "{% set n = namespace(s='aa') %}{% for i in range(99) %}"
     "{% set n.s = n.s.replace('a', n.s) %}{% endfor %}"},
    {"doubling_by_format",
     "{% set n = namespace(s='a') %}{% for i in range(99) %}"
     "{% set n.s = '{0}{0}'.format(n.s) %}{% endfor %}"},
    {"doubling_by_percent",
     "{% set n = namespace(s='a') %}{% for i in range(99) %}"
     "{% set n.s = '%s%s' % (n.s, n.s) %}{% endfor %}"},
    {"doubling_by_capture",
     "{% set n = namespace(s='a') %}{% for i in range(99) %}"
     "{% set n.s %}{{ n.s }}{{ n.s }}{% endset %}{% endfor %}"},
    {"shared_parts_printed",
     "{% set n = namespace(x=[]) %}{% for i in range(90) %}"
     "{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}"},
    {"shared_parts_as_json",
     "{% set n = namespace(x=[]) %}{% for i in range(90) %}"
     "{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x|tojson }}"},
    {"shared_parts_compared",
     "{% set n = namespace(x=[], y=[]) %}{% for i in range(90) %}"
     "{% set n.x = [n.x, n.x] %}{% set n.y = [n.y, n.y] %}{% endfor %}"
     "{{ n.x == n.y }}"},
    {"shared_parts_ordered",
     "{% set n = namespace(x=[], y=[]) %}{% for i in range(90) %}"
     "{% set n.x = [n.x, n.x] %}{% set n.y = [n.y, n.y] %}{% endfor %}"
     "{{ n.x < n.y }}"},
    {"shared_parts_as_a_key",
     "{% set n = namespace(x=()) %}{% for i in range(90) %}"
     "{% set n.x = (n.x, n.x) %}{% endfor %}{{ {n.x: 1} }}"},
    {"deep_list_printed",
     "{% set n = namespace(x=[]) %}{% for i in range(99999) %}"
     "{% set n.x = [n.x] %}{% endfor %}{{ n.x }}"},
    {"deep_list_as_json",
     "{% set n = namespace(x=[]) %}{% for i in range(99999) %}"
     "{% set n.x = [n.x] %}{% endfor %}{{ n.x|tojson }}"},
    {"namespace_holds_itself", "{% set n = namespace() %}{% set n.n = n %}{{ n }}"},
    {"indent_of_a_billion", "{{ 'a\nb'|indent(1000000000) }}"},
    {"json_indent_of_a_billion", "{{ [1]|tojson(indent=1000000000) }}"},
    {"json_indent_text", "{{ [[[[1]]]]|tojson(indent='-' * 30000000) }}"},
    {"center_of_a_billion", "{{ 'a'|center(1000000000) }}"},
    {"ljust_of_the_largest", "{{ 'a'.ljust(9223372036854775807) }}"},
    {"zfill_of_a_billion", "{{ 'a'.zfill(1000000000) }}"},
    {"percent_width", "{{ '%999999999d' % 1 }}"},
    {"percent_star_width", "{{ '%*d' % (999999999, 1) }}"},
    {"brace_width", "{{ '{:999999999}'.format(1) }}"},
    {"brace_precision", "{{ '{:.999999999f}'.format(1.5) }}"},
    {"batch_filled_up", "{{ [1]|batch(1000000000000, 0)|list }}"},
    {"slice_into_a_billion", "{{ [1]|slice(1000000000)|list }}"},
    {"replace_of_nothing", "{{ ('a' * 20000000).replace('', 'b' * 20000000) }}"},
    {"split_into_characters", "{{ ('a' * 30000000)|list|length }}"},
    {"split_at_every_byte", "{{ ('a,' * 15000000).split(',')|length }}"},
    {"search_for_a_near_match",
     "{% set a = 'a' * 9000000 %}{% for i in range(99999) %}"
     "{% if a + 'b' in a %}{% endif %}{% endfor %}"},
    {"sort_a_long_list", "{% for i in range(999) %}{% set x = range(99999)|sort %}{% endfor %}"},
    {"power_tower", "{{ 9 ** 9 ** 9 }}"},
    {"time_format_width", "{{ strftime_now('%999999999d') }}"},
    {"expanded_tabs", "{{ ('\t' * 1000000).expandtabs(1000) }}"},
};

TEST(JinjaBounds, every_named_bomb_is_refused_in_bounded_time) {
  static_assert(std::size(kBombs) >= 40);
  for (const Bomb& bomb : kBombs) {
    const ProcessorTime watch;
    const auto rendered = render(bomb.text);
    ASSERT_FALSE(rendered) << bomb.name;
    EXPECT_EQ(rendered.error().code, ErrorCode::kLimit)
        << bomb.name << ": " << rendered.error().message;
    EXPECT_LT(watch.seconds(), kMaxSeconds) << bomb.name;
  }
}

TEST(JinjaBounds, depth_bombs_of_every_kind_and_size_are_refused) {
  const std::pair<const char*, const char*> kKinds[] = {{"(", "1"},           {"[", "1"},
                                                        {"{1:", "1"},         {"-", "1"},
                                                        {"not ", "1"},        {"a(", "1"},
                                                        {"a[", "1"},          {"a|b(", "1"},
                                                        {"1 if ", "1"},       {"1 if 1 else ", "1"},
                                                        {"a.b.", "c"},        {"1+", "1"},
                                                        {"1 and ", "1"},      {"1**", "1"},
                                                        {"1 is in ", "[1]"},  {"a|e|", "e"},
                                                        {"1 is not ", "odd"}, {"{", "1"},
                                                        {"a or not ", "1"}};
  for (const size_t n : {1000u, 10'000u, 300'000u}) {
    for (const auto& [open, end] : kKinds) {
      const ProcessorTime watch;
      EXPECT_FALSE(render("{{ " + repeated(open, n) + end + " }}")) << open << n;
      EXPECT_LT(watch.seconds(), kMaxSeconds) << open << n;
    }
    for (const char* tag :
         {"{% if 1 %}", "{% for x in y %}", "{% set x %}", "{% filter e %}", "{% macro m() %}",
          "{% call m() %}", "{% with %}", "{% generation %}", "{% for (", "{% set ("})
      EXPECT_FALSE(render(repeated(tag, n))) << tag << n;
  }
  EXPECT_FALSE(render(repeated("(", 2'000'000)));  // longer than any template may be
}

TEST(JinjaBounds, nesting_up_to_the_bound_works_and_one_more_does_not) {
  const auto brackets = [](size_t n) {
    return render("{{ " + repeated("(", n) + "1" + repeated(")", n) + " }}");
  };
  size_t n = 1;
  while (brackets(n)) ++n;
  EXPECT_GE(n, 20u);
  EXPECT_LE(n, static_cast<size_t>(kMaxNesting) + 1);
  const auto sum = [](int n_terms) { return render("{{ 1" + repeated("+1", n_terms - 1) + " }}"); };
  EXPECT_EQ(*sum(kMaxExprDepth), std::to_string(kMaxExprDepth));
  EXPECT_FALSE(sum(kMaxExprDepth + 1));
}

TEST(JinjaBounds, the_deepest_run_that_is_allowed_fits_into_the_stack) {
  // Calls as deep as they may be, each as deep in statements and expressions as it may be.
  std::string body = "{{ m(n + 1) }}";
  for (int i = 0; i < 20; ++i)
    body = "{% if true %}{% for x in [1] %}" + body + "{% endfor %}{% endif %}";
  EXPECT_FALSE(render("{% macro m(n) %}" + body + "{% endmacro %}{{ m(0) }}"));
  std::string sum = "m(n)";
  for (int i = 0; i < 150; ++i) sum += " ~ '' + ''";
  EXPECT_FALSE(render("{% macro m(n) %}{{ " + sum + " }}{% endmacro %}{{ m(0) }}"));
  std::string chain = "{% macro m(n) %}{{ 'a'";
  for (int i = 0; i < 40; ++i) chain += "|replace('a', 'a' ~ m(n))";
  EXPECT_FALSE(render(chain + " }}{% endmacro %}{{ m(0) }}"));
}

TEST(JinjaBounds, output_steps_and_memory_have_the_limits_that_are_set) {
  Limits limits;
  limits.max_output_bytes = 10;
  EXPECT_TRUE(render("0123456789", {}, limits));
  EXPECT_EQ(render("0123456789x", {}, limits).error().code, ErrorCode::kLimit);
  limits = {};
  limits.max_steps = 100;
  EXPECT_TRUE(render("{% for i in range(10) %}x{% endfor %}", {}, limits));
  EXPECT_EQ(render("{% for i in range(100) %}x{% endfor %}", {}, limits).error().code,
            ErrorCode::kLimit);
  limits = {};
  limits.max_heap_bytes = 1 << 20;
  EXPECT_TRUE(render("{{ ('a' * 100000)|length }}", {}, limits));
  EXPECT_EQ(render("{{ ('a' * 2000000)|length }}", {}, limits).error().code, ErrorCode::kLimit);
}

// A template with every statement and many forms of expression.
constexpr std::string_view kEverything = R"({#- note -#}
{%- macro item(a, b='x') -%}{{ a ~ b }}{{ caller() if caller is defined }}{%- endmacro -%}
{% set ns = namespace(n=0, s='') %}{% set a, b = 1, [2.5, {'k': none}] %}
{%- for k, v in d.items() if v is not none recursive %}
  {%- if loop.first and not loop.last %}{{ k|upper }}{% elif v is mapping %}{{ v|tojson(indent=2) }}
  {%- else %}{{ '%s:%5.1f' % (k, 2) }}{{ '{:>4}'.format(a) }}{% continue %}{% endif %}
  {%- set ns.n = ns.n + (1 if v else 2) %}
{%- else %}none{% endfor %}
{% call item(b=s[::-1]) %}<{{ s.split(',')|map('trim')|join('|') }}>{% endcall %}
{% filter indent(2) %}x{{ "é\n\x41" }}{% endfilter %}{% set t | trim %} t {% endset %}
{% with q = 1 %}{{ q in [1, 2] }}{% endwith %}{% generation %}g{% endgeneration %}
{% raw %}{{ raw }}{% endraw %}{{ r|selectattr('n', 'equalto', 'x')|list|length // 2 ** 2 }})";

const nlohmann::ordered_json& variables() {
  static const auto json = parse_ordered_json(
      R"({"d": {"a": 1, "b": {"c": [1, null]}, "e": ""}, "s": "x, y", "r": [{"n": "x"}]})");
  return json;
}

TEST(JinjaBounds, every_prefix_of_a_template_gives_a_result_or_an_error_with_a_line) {
  for (size_t n = 0; n <= kEverything.size(); ++n) {
    const auto rendered = render(kEverything.substr(0, n), variables());
    if (rendered) continue;
    const std::string& message = rendered.error().message;
    EXPECT_TRUE(message.starts_with("line ") || message == "the template is not UTF-8 text")
        << message;
  }
}

TEST(JinjaBounds, every_seed_of_the_fuzzer_gives_a_result_or_an_error) {
  size_t n_seeds = 0;
  for (const auto& entry : std::filesystem::directory_iterator(hearth::test::source_dir() +
                                                               "/tests/fuzz/corpus/jinja")) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto rendered = render(text, variables());
    EXPECT_TRUE(rendered || !rendered.error().message.empty());
    ++n_seeds;
  }
  EXPECT_GE(n_seeds, 10u);
}

TEST(JinjaBounds, flipped_and_swapped_bytes_never_crash) {
  std::mt19937 random(7);
  constexpr std::string_view kBytes = "{}%#-+|()[]'\".,:~ \n\\=<>*/aeif019_";
  for (int round = 0; round < 4000; ++round) {
    std::string text(kEverything);
    for (uint32_t i = 0; i <= round % 3u; ++i) {
      char& place = text[random() % text.size()];
      if (random() % 4 == 0) {
        place = static_cast<char>(place ^ 1 << random() % 8);
      } else if (random() % 2 == 0) {
        place = kBytes[random() % kBytes.size()];
      } else {
        std::swap(place, text[random() % text.size()]);
      }
    }
    (void)render(text, variables());
  }
}

}  // namespace
}  // namespace hearth::text::jinja
