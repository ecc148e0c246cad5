// SPDX-License-Identifier: MIT
// The frame around the verbs: finds the verb, parses its options, shows help, and turns every
// failure into one line (or one JSON object) and an exit status: 0, 1 failed, 2 wrong use,
// 130 interrupted.
#include <algorithm>
#include <new>
#include <vector>

#include "base/nearest.h"
#include "cli/known_spellings.h"
#include "cli/options.h"
#include "cli/verb.h"
#include "os/host.h"

namespace hearth::cli {
namespace {

constexpr int kDone = 0;
constexpr int kFailed = 1;
constexpr int kWrongUse = 2;
constexpr int kInterruptedStatus = 130;  // 128 + SIGINT, as shells have it

const VerbInfo* find_verb(std::string_view name) {
  for (const VerbInfo& verb : all_verbs()) {
    if (verb.name == name) return &verb;
  }
  return nullptr;
}

Failure unknown_verb(const std::string& word) {
  std::vector<std::string> names = {"help"};
  for (const VerbInfo& verb : all_verbs()) names.emplace_back(verb.name);
  Failure failure = invalid("unknown command '{}'", word);
  if (const auto guess = nearest(word, names)) {
    return with_hint(std::move(failure), "did you mean 'hearth {}'?", *guess);
  }
  return with_hint(std::move(failure), "see hearth --help");
}

std::string indented(std::string_view lines) {
  std::string text;
  bool begins = true;
  for (const char c : lines) {
    if (begins && c != '\n') text += "  ";
    text += c;
    begins = c == '\n';
  }
  return text;
}

std::string overview() {
  std::string text =
      "hearth runs large language models on this computer.\n\n"
      "Usage: hearth COMMAND [OPTIONS]\n\nCommands:\n";
  for (const VerbInfo& verb : all_verbs()) {
    if (!verb.is_internal) text += fmt::format("  {:<12} {}\n", verb.name, verb.summary);
  }
  text += "\nExamples:\n";
  for (const VerbInfo& verb : all_verbs()) {
    const auto first = verb.examples.substr(0, verb.examples.find('\n'));
    if (!first.empty()) text += fmt::format("  {}\n", first);
  }
  return text + "\n'hearth help COMMAND' explains one command.\n";
}

void set_up(OptionParser& parser, const VerbInfo& info, Verb& verb, bool& json) {
  parser.describe("hearth " + std::string(info.name), std::string(info.summary) + ".",
                  info.examples.empty() ? "" : "Examples:\n" + indented(info.examples));
  verb.add_options(parser.app());
  if (info.has_json) add_flag(parser.app(), "--json", json, "Print JSON instead of text");
}

int fail_with(Output& out, const Error& error, int status) {
  out.write_error(error);
  return error.code == ErrorCode::kInterrupted ? kInterruptedStatus : status;
}

// Wrong use that nobody knows better about.
Error see_help(Error error, const VerbInfo& info) {
  if (error.hint.empty()) error.hint = fmt::format("see hearth help {}", info.name);
  return error;
}

int run_verb(const VerbInfo& info, std::span<const std::string> args, std::FILE* out_file,
             std::FILE* err_file) {
  const bool wants_json = std::find(args.begin(), args.end(), "--json") != args.end();
  Output errors(out_file, err_file, wants_json);
  const std::unique_ptr<Verb> verb = info.make();
  OptionParser parser;
  bool json = false;
  set_up(parser, info, *verb, json);
  std::vector<std::string> words(args.begin(), args.end());
  expand_known_spellings(words, parser.app());
  const auto parsed = parser.parse(std::move(words));
  if (!parsed) return fail_with(errors, see_help(parsed.error(), info), kWrongUse);
  if (*parsed == OptionParser::Parsed::kHelp) {
    errors.write(parser.help());
    return kDone;
  }
  Output out(out_file, err_file, json);
  if (const Status status = verb->check(); !status) {
    return fail_with(out, see_help(status.error(), info), kWrongUse);
  }
  if (const Status status = verb->run(out); !status) {
    return fail_with(out, status.error(), kFailed);
  }
  if (out.ok()) return kDone;
  Output(out_file, err_file, false)
      .write_error({ErrorCode::kIo, "cannot write to standard output", "is the disk full?"});
  return kFailed;
}

int show_help(std::span<const std::string> words, std::FILE* out_file, std::FILE* err_file) {
  Output out(out_file, err_file, false);
  if (words.empty()) {
    out.write(overview());
    return kDone;
  }
  const VerbInfo* info = find_verb(words.front());
  if (info == nullptr) return fail_with(out, unknown_verb(words.front()).value(), kWrongUse);
  std::vector<std::string> args(words.begin() + 1, words.end());
  args.emplace_back("--help");
  return run_verb(*info, args, out_file, err_file);
}

int dispatch(std::span<const std::string> args, std::FILE* out_file, std::FILE* err_file) {
  if (args.empty()) return show_help({}, out_file, err_file);
  const std::string& word = args.front();
  const auto rest = args.subspan(1);
  if (word == "help" || word == "--help" || word == "-h") {
    return show_help(rest, out_file, err_file);
  }
  const bool json = std::find(args.begin(), args.end(), "--json") != args.end();
  Output out(out_file, err_file, json);
  if (const Status host = os::check_host(); !host) return fail_with(out, host.error(), kFailed);
  if (const VerbInfo* info = find_verb(word == "--version" ? "version" : word)) {
    return run_verb(*info, rest, out_file, err_file);
  }
  return fail_with(out, unknown_verb(word).value(), kWrongUse);
}

}  // namespace

void add_model_argument(CLI::App& app, std::string& model) {
  add_option(app, "MODEL", model, "A name in the store (see hearth list) or a path to a GGUF file")
      .required();
}

int run_command_line(std::span<const std::string> args, std::FILE* out, std::FILE* err) {
  // Libraries may throw (memory, the option parser's own setup); nothing of ours does.
  Error error;
  try {
    return dispatch(args, out, err);
  } catch (const std::bad_alloc&) {
    error = {ErrorCode::kNoMemory, "out of memory", "close other programs or take a smaller model"};
  } catch (const std::exception& caught) {
    error = {ErrorCode::kInternal, caught.what(), "this is a bug in hearth"};
  }
  Output failing(out, err, std::find(args.begin(), args.end(), "--json") != args.end());
  return fail_with(failing, error, kFailed);
}

}  // namespace hearth::cli
