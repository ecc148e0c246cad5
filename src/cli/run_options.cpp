// SPDX-License-Identifier: MIT
// See run_options.h. Option names follow llama.cpp's common/arg.cpp.
#include "cli/run_options.h"

#include <array>
#include <charconv>
#include <limits>

#include "base/units.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/verb.h"
#include "os/file_handle.h"

namespace hearth::cli {
namespace {

constexpr int64_t kMaxCount = std::numeric_limits<int32_t>::max();
constexpr int kMaxThreads = 4096;  // more than any machine that hearth will meet
constexpr int kMaxLogprobs = 1000;
constexpr uint64_t kMaxPromptBytes = 64 * kMiB;
constexpr std::array kCacheTypes = {DType::kF16,  DType::kF32,  DType::kBF16,
                                    DType::kQ8_0, DType::kQ5_1, DType::kQ4_0};

std::string cache_type_names() {
  std::string names;
  for (const DType type : kCacheTypes)
    names += fmt::format("{}{}", names.empty() ? "" : ", ", info(type).name);
  return names;
}

std::string shown(const sample::Number& number) {
  return std::visit([](auto value) { return fmt::format("{}", value); }, number);
}

// A hexadecimal digit's value, or -1.
int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

void RunOptionParser::add_to(CLI::App& app) {
  app_ = &app;
  add_model_argument(app, options_.model);
  add_prompt_options(app);
  add_size_options(app);
  add_sampler_options(app);
}

void RunOptionParser::add_prompt_options(CLI::App& app) {
  add_option(app, "PROMPT", prompt_, "The question; '-' or nothing reads standard input");
  add_option(app, "-p,--prompt", prompt_option_, "The same as the argument PROMPT");
  add_option(app, "-f,--file", prompt_file_, "A file with the prompt");
  add_option(app, "--tokens", tokens_, "The prompt as token ids: \"1,2,3\"");
  add_option(app, "--system,--system-prompt", system_, "The system prompt");
  add_option(app, "--system-prompt-file", system_file_, "A file with the system prompt");
  add_flag(app, "--raw", options_.raw, "Give the prompt to the model as it is: no chat template");
  add_option(app, "--chat-template-file", options_.template_file,
             "A Jinja file instead of the model's own chat template");
  add_option(app, "--stop,-r,--reverse-prompt", options_.stop,
             "End the answer before this text; may be given several times")
      .type_name("TEXT")
      .one_value_each();
}

void RunOptionParser::add_size_options(CLI::App& app) {
  add_option(app, "-n,--predict,--n-predict,--max-tokens", options_.n_predict,
             "Answer with at most N tokens; -1: until the model ends")
      .type_name("N")
      .within(-1, kMaxCount);
  add_option(app, "-c,--ctx,--ctx-size", options_.n_context,
             "Context in tokens; 0: the model's own")
      .type_name("N")
      .within(0, kMaxCount);
  add_option(app, "-t,--threads", options_.n_threads, "Threads; 0: as many as fit the machine")
      .type_name("N")
      .within(0, kMaxThreads);
  add_option(app, "--cache-type-k", cache_k_,
             "Format of the keys in the cache (-ctk): " + cache_type_names())
      .type_name("TYPE");
  add_option(app, "--cache-type-v", cache_v_, "Format of the values in the cache (-ctv)")
      .type_name("TYPE");
  add_flag(app, "--context-shift", options_.context_shift,
           "When the context is full, drop the oldest turns and say which");
  add_flag(app, "--ignore-eos", options_.ignore_eos, "Go on where the model would end");
  add_option(app, "--logprobs", options_.n_logprobs,
             "With --json: log-probabilities of the answer and of the K likeliest tokens")
      .type_name("K")
      .within(0, kMaxLogprobs);
}

void RunOptionParser::add_sampler_options(CLI::App& app) {
  const std::string group = "Sampling";
  for (const sample::SamplerField& field : sample::sampler_fields()) {
    const auto set = [this, &field](const std::string& text) {
      note(sample::set_field_from_text(options_.sampler, field, text));
    };
    const std::string help =
        fmt::format("{} [{}]", field.help, shown(sample::field_value(options_.sampler, field)));
    add_option_call(app, std::string(field.flags), set, help).type_name("N").group(group);
  }
  const auto add_bias = [this](const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      const auto bias = sample::parse_logit_bias(text);
      if (bias) {
        options_.sampler.logit_bias.push_back(*bias);
      } else {
        note(Failure(bias.error()));
      }
    }
  };
  add_list_call(app, "-l,--logit-bias", add_bias,
                "Make a token likelier or less: 15043+1, 15043-1, 15043-inf")
      .type_name("ID(+/-)N")
      .one_value_each()
      .group(group);
  add_option(app, "--dry-sequence-breaker", breakers_,
             "DRY sees no repetition over this text; 'none': no such texts [\\n : \" *]")
      .type_name("TEXT")
      .one_value_each()
      .group(group);
}

void RunOptionParser::note(Status status) {
  if (first_wrong_ && !status) first_wrong_ = std::move(status);
}

Result<RunOptions> RunOptionParser::finish() {
  TRY(first_wrong_);
  const auto given = [this](const char* name) { return times_given(*app_, name) > 0; };
  const int n_prompts = given("PROMPT") + given("--prompt") + given("--file") + given("--tokens");
  if (n_prompts > 1)
    return with_hint(invalid("more than one prompt"), "give one of PROMPT, -p, -f and --tokens");
  if (given("--system") && given("--system-prompt-file"))
    return with_hint(invalid("more than one system prompt"),
                     "give one of --system and --system-prompt-file");
  const bool has_system = given("--system") || given("--system-prompt-file");
  const bool has_template = !options_.template_file.empty();
  if ((options_.raw || given("--tokens")) && (has_system || has_template))
    return with_hint(invalid("--raw and --tokens use no chat template, so {} would be ignored",
                             has_system ? "the system prompt" : "--chat-template-file"),
                     "leave one of them out");
  if (given("PROMPT") && prompt_ != "-") options_.prompt = prompt_;
  if (given("--prompt")) options_.prompt = prompt_option_;
  if (given("--system")) options_.system = system_;
  if (given("--file")) {
    TRY_LET(options_.prompt, os::read_text_file(prompt_file_, kMaxPromptBytes));
  }
  if (given("--system-prompt-file")) {
    TRY_LET(options_.system, os::read_text_file(system_file_, kMaxPromptBytes));
  }
  if (given("--tokens")) {
    TRY_LET(options_.tokens, within("--tokens", parse_token_list(tokens_)));
  }
  TRY_LET(options_.cache_k, within("--cache-type-k", parse_cache_type(cache_k_)));
  TRY_LET(options_.cache_v, within("--cache-type-v", parse_cache_type(cache_v_)));
  for (std::string& stop : options_.stop) {
    stop = unescape(stop);
    if (stop.empty()) return with_hint(invalid("--stop is empty"), "give the text to stop at");
  }
  if (given("--dry-sequence-breaker")) {
    options_.sampler.dry_sequence_breakers.clear();
    for (const std::string& text : breakers_) {
      if (text != "none") options_.sampler.dry_sequence_breakers.push_back(unescape(text));
    }
  }
  return options_;
}

Result<std::vector<int32_t>> parse_token_list(std::string_view text) {
  const std::string_view whole = text;
  const auto skip = [&text](std::string_view characters) {
    text.remove_prefix(std::min(text.find_first_not_of(characters), text.size()));
  };
  constexpr std::string_view kSpaces = " \t\r\n";
  skip(kSpaces);
  const bool bracketed = text.starts_with('[');
  if (bracketed) text.remove_prefix(1);
  std::vector<int32_t> ids;
  while (true) {
    skip(kSpaces);
    int32_t id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (error != std::errc() || id < 0)
      return with_hint(invalid("no token id at character {} of '{}'",
                               whole.size() - text.size() + 1, printable(whole.substr(0, 60))),
                       "write whole numbers from 0 with commas between them: 1,2,3");
    ids.push_back(id);
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    const size_t before = text.size();
    skip(kSpaces);
    if (text.starts_with(',')) {
      text.remove_prefix(1);
      continue;
    }
    if (bracketed && text.starts_with(']')) {
      text.remove_prefix(1);
      skip(kSpaces);
      if (text.empty()) return ids;
    } else if (text.empty() && !bracketed) {
      return ids;
    } else if (before != text.size() && !text.empty() && !text.starts_with(']')) {
      continue;  // a space alone separates too
    }
    return with_hint(
        invalid("the token list ends wrongly at character {}", whole.size() - text.size() + 1),
        "write whole numbers from 0 with commas between them: 1,2,3");
  }
}

Result<DType> parse_cache_type(std::string_view name) {
  const auto type = dtype_from_name(name);
  if (!type || std::find(kCacheTypes.begin(), kCacheTypes.end(), *type) == kCacheTypes.end())
    return with_hint(invalid("the cache cannot be '{}'", printable(name)), "choose one of {}",
                     cache_type_names());
  return *type;
}

std::string unescape(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    constexpr std::string_view kCodes = "ntr\\\"";
    constexpr std::string_view kMeanings = "\n\t\r\\\"";
    const std::string_view rest = text.substr(i);
    const size_t code = rest.size() > 1 ? kCodes.find(rest[1]) : std::string_view::npos;
    if (rest[0] == '\\' && code != std::string_view::npos) {
      result += kMeanings[code];
      i += 1;
    } else if (rest.starts_with("\\x") && rest.size() > 3 && hex_digit(rest[2]) >= 0 &&
               hex_digit(rest[3]) >= 0) {
      result += static_cast<char>(hex_digit(rest[2]) * 16 + hex_digit(rest[3]));
      i += 3;
    } else {
      result += rest[0];
    }
  }
  return result;
}

}  // namespace hearth::cli
