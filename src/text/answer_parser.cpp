// SPDX-License-Identifier: MIT
#include "text/answer_parser.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/json.h"
#include "base/quote.h"
#include "text/flat_index.h"

namespace hearth::text {
namespace {

constexpr size_t kMaxName = 256;  // bytes of a tool's name
constexpr std::string_view kSpaces = " \n\r\t";
const std::vector<std::string> kHarmonyMarks = {"<|channel|>", "<|start|>",  "<|message|>",
                                                "<|end|>",     "<|return|>", "<|call|>"};
const std::vector<std::string> kFunctionaryMarks = {">>>"};
const std::vector<std::string> kMessage = {"<|message|>"};
const std::vector<std::string> kLineEnd = {"\n"};

size_t first_char(std::string_view text) { return text.find_first_not_of(kSpaces); }

// "functions.get_weather:0" of Kimi, "function" names with spaces around them.
std::string_view plain_name(std::string_view name) {
  name = trimmed(name);
  if (name.starts_with("functions.")) {
    name.remove_prefix(10);
    name = name.substr(0, name.find(':'));
  }
  return name;
}

}  // namespace

AnswerParser::AnswerParser(AnswerFormat format, const AnswerOptions& options)
    : format_(std::move(format)), options_(options) {
  options_.prompt = {};
  const std::string_view prompt = options.prompt;
  if (!options_.splits_reasoning && format_.style == AnswerStyle::kMarks)
    format_.think_begin.clear();
  if (!options_.reads_calls) {
    format_.calls.clear();
    format_.dropped.clear();
    format_.has_bare_calls = false;
  }
  text_marks_ = format_.dropped;
  for (const CallMarks& marks : format_.calls) text_marks_.push_back(marks.begin);
  if (!format_.think_begin.empty()) {
    text_marks_.push_back(format_.think_begin);
    const size_t begin = prompt.rfind(format_.think_begin);
    const size_t end = prompt.rfind(format_.think_end);
    if (begin != prompt.npos && (end == prompt.npos || end < begin)) {
      mode_ = Mode::kReasoning;
      skips_spaces_ = true;
    }
  }
  if (format_.style == AnswerStyle::kHarmony) text_marks_ = kHarmonyMarks;
  if (format_.style == AnswerStyle::kFunctionary) {
    text_marks_ = kFunctionaryMarks;
    if (prompt.ends_with(">>>")) mode_ = Mode::kHeader;
  }
}

AnswerPieces AnswerParser::push(std::string_view text) {
  in_ += text;
  while (step()) {
  }
  return std::exchange(out_, {});
}

AnswerPieces AnswerParser::finish() {
  is_over_ = true;
  while (step()) {
  }
  if (mode_ == Mode::kRaw) {
    end_call();
  } else if (is_begun_) {
    out_.warnings.emplace_back("the answer ended inside of a tool call");
    end_call();
  } else if (mode_ == Mode::kHeader) {
    add_content(std::exchange(in_, {}));
  } else if (mode_ != Mode::kAfter && mode_ != Mode::kReasoning && mode_ != Mode::kContent) {
    give_up();
    while (step()) {
    }
  }
  if (n_calls_ == 0 && !skips_spaces_) out_.content += std::exchange(spaces_, {});
  return std::exchange(out_, {});
}

// True where something was done and there may be more to do.
bool AnswerParser::step() {
  switch (mode_) {
    case Mode::kStart:
      return step_start();
    case Mode::kContent:
      return step_text();
    case Mode::kReasoning:
      return step_reasoning();
    case Mode::kBody:
      return step_body();
    case Mode::kName:
      return step_name();
    case Mode::kFence:
      return step_fence();
    case Mode::kArguments:
      return step_arguments();
    case Mode::kObject:
      return step_object();
    case Mode::kTags:
      return step_tags();
    case Mode::kAfter:
      return step_after();
    case Mode::kHeader:
      return step_header();
    case Mode::kRaw:
      return step_raw();
  }
  return false;
}

void AnswerParser::take(size_t n) {
  raw_.append(in_, 0, n);
  in_.erase(0, n);
}

// White space at the end of the text waits: before a call or reasoning it is dropped.
void AnswerParser::add_content(std::string_view text) {
  if (skips_spaces_) {
    const size_t first = first_char(text);
    if (first == text.npos) return;
    text.remove_prefix(first);
    skips_spaces_ = false;
  }
  const size_t last = text.find_last_not_of(kSpaces);
  if (last == text.npos) {
    spaces_ += text;
    return;
  }
  out_.content += std::exchange(spaces_, {});
  out_.content += text.substr(0, last + 1);
  spaces_ = text.substr(last + 1);
}

void AnswerParser::add_reasoning(std::string_view text) {
  if (skips_spaces_) {
    const size_t first = first_char(text);
    if (first == text.npos) return;
    text.remove_prefix(first);
    skips_spaces_ = false;
  }
  const size_t last = text.find_last_not_of(kSpaces);
  std::string& out = options_.splits_reasoning ? out_.reasoning : out_.content;
  if (last == text.npos) {
    spaces_ += text;
    return;
  }
  out += std::exchange(spaces_, {});
  out += text.substr(0, last + 1);
  spaces_ = text.substr(last + 1);
}

size_t AnswerParser::find_mark(const std::vector<std::string>& marks, size_t& which) const {
  size_t best = std::string::npos;
  for (size_t i = 0; i < marks.size(); ++i) {
    const size_t at = in_.find(marks[i]);
    const bool is_longer =
        at == best && at != std::string::npos && marks[i].size() > marks[which].size();
    if (at < best || is_longer) {
      best = at;
      which = i;
    }
  }
  return best;
}

// How much can be given out although a mark may have begun.
size_t AnswerParser::without_mark_start(const std::vector<std::string>& marks) const {
  if (is_over_) return in_.size();
  size_t safe = in_.size();
  for (const std::string& mark : marks) {
    const size_t longest = std::min(mark.size() - 1, in_.size());
    for (size_t n = longest; n > 0; --n) {
      if (in_.compare(in_.size() - n, n, mark, 0, n) != 0) continue;
      safe = std::min(safe, in_.size() - n);
      break;
    }
  }
  return safe;
}

// A call without a mark is an object, or a list of them, that the answer begins with.
bool AnswerParser::step_start() {
  const size_t first = first_char(in_);
  if (first == std::string::npos && !is_over_) return false;
  mode_ = Mode::kContent;
  if (!format_.has_bare_calls || first == std::string::npos) return !in_.empty();
  if (in_.compare(first, std::min<size_t>(3, in_.size() - first), "```", 0,
                  std::min<size_t>(3, in_.size() - first)) == 0) {
    const size_t line_end = in_.find('\n', first);
    const std::string_view kind = std::string_view(in_).substr(first, line_end - first);
    const std::string_view known[] = {"```json", "```tool_code", "```tool_call", "```"};
    const bool may_be = std::any_of(std::begin(known), std::end(known), [&](std::string_view k) {
      return line_end == std::string::npos ? k.starts_with(kind) : k == kind;
    });
    if (may_be && line_end == std::string::npos && !is_over_) {
      mode_ = Mode::kStart;
      return false;
    }
    if (!may_be || line_end == std::string::npos) return true;
    begin_body({"", "```", {}}, true);
    take(line_end + 1);
    return true;
  }
  if (in_[first] != '{' && in_[first] != '[') return true;
  begin_body({}, true);
  take(first);
  return true;
}

bool AnswerParser::step_text() {
  if (in_.empty()) return false;
  size_t which = 0;
  const size_t at = find_mark(text_marks_, which);
  if (at == std::string::npos) {
    const size_t safe = without_mark_start(text_marks_);
    add_content(std::string_view(in_).substr(0, safe));
    in_.erase(0, safe);
    return false;
  }
  // A longer mark may begin in the same place or before: only what is certain is taken.
  if (at > without_mark_start(text_marks_)) return false;
  add_content(std::string_view(in_).substr(0, at));
  in_.erase(0, at);
  const std::string mark = text_marks_[which];
  if (format_.style != AnswerStyle::kMarks) {
    mode_ = Mode::kHeader;
    if (format_.style == AnswerStyle::kFunctionary || mark == "<|end|>" || mark == "<|return|>" ||
        mark == "<|call|>" || mark == "<|message|>") {
      in_.erase(0, mark.size());
    }
    if (mark == "<|end|>" || mark == "<|return|>" || mark == "<|call|>" || mark == "<|message|>") {
      mode_ = Mode::kContent;
      skips_spaces_ = true;
      spaces_.clear();
    }
    return true;
  }
  if (mark == format_.think_begin) {
    in_.erase(0, mark.size());
    mode_ = Mode::kReasoning;
    skips_spaces_ = true;
    spaces_.clear();
    return true;
  }
  for (const CallMarks& marks : format_.calls) {
    if (marks.begin != mark) continue;
    begin_body(marks, false);
    take(mark.size());
    return true;
  }
  in_.erase(0, mark.size());
  skips_spaces_ = true;
  return true;
}

bool AnswerParser::step_reasoning() {
  const std::vector<std::string> marks = format_.style == AnswerStyle::kHarmony
                                             ? kHarmonyMarks
                                             : std::vector<std::string>{format_.think_end};
  if (in_.empty()) return false;
  size_t which = 0;
  const size_t at = find_mark(marks, which);
  const size_t end = at == std::string::npos ? without_mark_start(marks) : at;
  add_reasoning(std::string_view(in_).substr(0, end));
  in_.erase(0, end);
  if (at == std::string::npos) return false;
  spaces_.clear();
  skips_spaces_ = true;
  mode_ = Mode::kContent;
  if (format_.style != AnswerStyle::kHarmony) {
    in_.erase(0, format_.think_end.size());
    if (format_.has_bare_calls) mode_ = Mode::kStart;
  }
  return true;
}

void AnswerParser::begin_body(const CallMarks& marks, bool is_bare) {
  marks_ = marks;
  is_bare_ = is_bare;
  mode_ = Mode::kBody;
  raw_.clear();
}

bool AnswerParser::step_body() {
  const size_t first = in_.find_first_not_of(" \n\r\t,;[]");
  if (first == std::string::npos) return false;
  if (in_[first] == '{') {
    take(first);
    object_ = JsonCall();
    mode_ = Mode::kObject;
    return true;
  }
  if (is_bare_) {
    give_up();
    return true;
  }
  mode_ = marks_.name_ends.empty() ? Mode::kTags : Mode::kName;
  return true;
}

bool AnswerParser::step_name() {
  size_t which = 0;
  const size_t at = find_mark(marks_.name_ends, which);
  const size_t length = std::min(at, in_.size());
  if (length > kMaxName) {
    give_up();
    return true;
  }
  if (at == std::string::npos) return false;
  std::string_view name = trimmed(std::string_view(in_).substr(0, at));
  // An id may stand between name and arguments.
  size_t end = at + marks_.name_ends[which].size();
  if (marks_.name_ends[which] == "[CALL_ID]") {
    const size_t arguments = in_.find("[ARGS]", end);
    if (arguments == std::string::npos && in_.size() - end <= kMaxName) return false;
    if (arguments <= end + kMaxName - 6) end = arguments + 6;
  }
  std::string tool(plain_name(name));
  // DeepSeek V3 and R1: the type, the separator, the name, then a fence.
  if (tool == "function" && marks_.name_ends[0].find("sep") != std::string::npos) {
    const size_t line = in_.find('\n', end);
    if (line == std::string::npos && in_.size() - end <= kMaxName) return false;
    if (line > end + kMaxName - 1) {
      give_up();
      return true;
    }
    tool = trimmed(std::string_view(in_).substr(end, line - end));
    end = line + 1;
  }
  if (tool.empty() || tool.find_first_of(" \n{}\"") != std::string::npos) {
    give_up();
    return true;
  }
  take(end);
  arguments_ = std::move(tool);  // the name, until the arguments begin
  mode_ = Mode::kFence;
  return true;
}

bool AnswerParser::step_fence() {
  const size_t first = first_char(in_);
  if (first == std::string::npos) return false;
  constexpr std::string_view kFence = "```json";
  const std::string_view rest = std::string_view(in_).substr(first);
  if (rest.size() < kFence.size() && kFence.starts_with(rest) && !is_over_) return false;
  if (rest.starts_with(kFence)) {
    take(first + kFence.size());
    return true;
  }
  if (in_[first] != '{') {
    give_up();
    return true;
  }
  in_.erase(0, first);
  begin_call(std::exchange(arguments_, {}));
  span_ = JsonSpan();
  mode_ = Mode::kArguments;
  return true;
}

bool AnswerParser::step_arguments() {
  Reading reading = Reading::kMore;
  size_t n = 0;
  while (n < in_.size() && reading == Reading::kMore) {
    bool is_used = true;
    reading = span_.push(in_[n], is_used);
    if (is_used) ++n;
  }
  add_arguments(std::string_view(in_).substr(0, n));
  in_.erase(0, n);
  if (reading == Reading::kMore) return false;
  end_call();
  mode_ = Mode::kAfter;
  return true;
}

// One character after the other, so that it does not matter which of them came together. A call
// counts as begun where its name is known and its arguments begin.
bool AnswerParser::step_object() {
  size_t n = 0;
  Reading reading = Reading::kMore;
  bool is_refused = false;
  while (n < in_.size() && reading == Reading::kMore && !is_refused) {
    size_t used = 0;
    reading = object_.push(std::string_view(in_).substr(n, 1), used);
    raw_.append(in_, n, used);
    n += used;
    is_refused = object_.is_named() && is_bare_ && !is_tool(object_.name());
    if (is_refused || !object_.is_begun()) continue;
    if (!is_begun_) begin_call(object_.name());
    const std::string arguments = object_.take_arguments();
    if (arguments.empty()) continue;
    add_arguments(arguments);
    raw_.clear();
  }
  in_.erase(0, n);
  if (reading == Reading::kBad || is_refused) {
    give_up();
    return true;
  }
  if (reading == Reading::kMore) return false;
  end_call();
  mode_ = Mode::kAfter;
  return true;
}

bool AnswerParser::step_tags() {
  const size_t at = marks_.end.empty() ? std::string::npos : find_end_of_calls(in_, marks_.end);
  if (at == std::string::npos && !(marks_.end.empty() || is_over_)) return false;
  const std::vector<WholeCall> calls =
      at == std::string::npos ? std::vector<WholeCall>()
                              : read_tagged_calls(std::string_view(in_).substr(0, at), format_.tags,
                                                  options_.text_arguments);
  if (calls.empty()) {
    give_up();
    return true;
  }
  for (const WholeCall& call : calls) {
    begin_call(call.name);
    add_arguments(call.arguments);
    end_call();
  }
  in_.erase(0, at);
  mode_ = Mode::kAfter;
  return true;
}

// The end mark, a further object, or the end of it all.
bool AnswerParser::step_after() {
  const size_t first = in_.find_first_not_of(" \n\r\t,;]");
  if (first == std::string::npos) return false;
  in_.erase(0, first);
  const auto begins_with = [this](std::string_view mark) {
    return std::string_view(in_).starts_with(mark);
  };
  const auto may_begin_with = [this](std::string_view mark) {
    return !is_over_ && in_.size() < mark.size() && mark.starts_with(in_);
  };
  for (const std::string_view mark : {std::string_view(marks_.end), std::string_view("```")}) {
    if (mark.empty()) continue;
    if (may_begin_with(mark)) return false;
    if (!begins_with(mark)) continue;
    in_.erase(0, mark.size());
    if (mark != marks_.end) return true;
    mode_ = Mode::kContent;
    return true;
  }
  if (in_[0] == '{') {
    mode_ = Mode::kBody;
    raw_.clear();
    return true;
  }
  if (!marks_.end.empty())
    out_.warnings.push_back(fmt::format("text after a tool call, before {}", quote(marks_.end)));
  mode_ = Mode::kContent;
  return true;
}

bool AnswerParser::step_header() {
  size_t which = 0;
  const bool is_harmony = format_.style == AnswerStyle::kHarmony;
  const std::vector<std::string>& ends = is_harmony ? kMessage : kLineEnd;
  const size_t at = find_mark(ends, which);
  if (std::min(at, in_.size()) > kMaxName) {
    mode_ = Mode::kContent;
    out_.warnings.emplace_back("a channel's header without an end is part of the text");
    // Past the mark, so that it is not found again.
    const size_t n = std::min<size_t>(in_.size(), is_harmony ? 9 : 0);
    add_content(std::string_view(in_).substr(0, n));
    in_.erase(0, n);
    return true;
  }
  if (at == std::string::npos) return false;
  const std::string header = in_.substr(0, at);
  in_.erase(0, at + ends[which].size());
  return read_header(header);
}

// "<|channel|>commentary to=functions.NAME <|constrain|>json", "<|start|>assistant
// to=…<|channel|>…"
bool AnswerParser::read_header(std::string_view header) {
  std::string_view recipient;
  if (format_.style == AnswerStyle::kFunctionary) {
    recipient = trimmed(header);
    mode_ = Mode::kContent;
    if (recipient == "all") {
      recipient = {};
    } else if (!is_tool(recipient) || recipient.find(' ') != recipient.npos) {
      add_content(fmt::format(">>>{}\n", header));
      return true;
    }
  } else {
    if (const size_t to = header.find("to="); to != header.npos) {
      recipient = header.substr(to + 3);
      recipient = recipient.substr(0, recipient.find_first_of(" <\n"));
    }
    mode_ = header.find("analysis") != header.npos ? Mode::kReasoning : Mode::kContent;
    if (!options_.splits_reasoning) mode_ = Mode::kContent;
  }
  spaces_.clear();
  skips_spaces_ = true;
  if (recipient.empty() || !options_.reads_calls) return true;
  begin_call(plain_name(recipient));
  mode_ = Mode::kRaw;
  return true;
}

bool AnswerParser::step_raw() {
  if (in_.empty()) return false;
  size_t which = 0;
  const size_t at = find_mark(text_marks_, which);
  const size_t end = at == std::string::npos ? without_mark_start(text_marks_) : at;
  add_arguments(std::string_view(in_).substr(0, end));
  in_.erase(0, end);
  if (at == std::string::npos) return false;
  end_call();
  mode_ = Mode::kContent;
  return true;
}

void AnswerParser::begin_call(std::string_view name) {
  spaces_.clear();
  raw_.clear();
  is_begun_ = true;
  arguments_.clear();
  plain_.clear();
  name_ = name;
  ++n_calls_;
  is_held_ = may_repeat();
  if (!is_held_) release_call();
}

bool AnswerParser::may_repeat() const {
  return std::any_of(made_.begin(), made_.end(), [this](const WholeCall& call) {
    return call.name == name_ && call.arguments.starts_with(plain_.text());
  });
}

void AnswerParser::release_call() {
  is_held_ = false;
  out_.calls.push_back({n_calls_ - 1, make_id(), name_, arguments_});
}

void AnswerParser::add_arguments(std::string_view text) {
  if (text.empty()) return;
  arguments_ += text;
  if (options_.drops_repeats) plain_.push(text);
  if (is_held_) {
    if (!may_repeat()) release_call();
    return;
  }
  const int index = n_calls_ - 1;
  if (out_.calls.empty() || out_.calls.back().index != index)
    out_.calls.push_back({index, "", "", ""});
  out_.calls.back().arguments += text;
}

void AnswerParser::end_call() {
  if (trimmed(arguments_).empty()) add_arguments("{}");
  const WholeCall call{name_, plain_.text()};
  if (is_held_ && std::find(made_.begin(), made_.end(), call) != made_.end()) {
    is_held_ = false;
    --n_calls_;
    if (n_repeats_++ == 0) out_.warnings.emplace_back("a tool call came again: it counts once");
  } else {
    if (is_held_) release_call();
    if (parse_ordered_json(arguments_).is_discarded()) {
      out_.warnings.push_back(
          fmt::format("the arguments of tool call {} are not JSON", n_calls_ - 1));
    }
    if (options_.drops_repeats) made_.push_back(call);
  }
  is_begun_ = false;
  raw_.clear();
  arguments_.clear();
  skips_spaces_ = true;
}

void AnswerParser::give_up() {
  if (is_begun_) {
    if (is_held_) release_call();
    out_.warnings.push_back(fmt::format("tool call {} broke off", n_calls_ - 1));
    is_begun_ = false;
  } else if (!is_bare_) {
    out_.warnings.push_back(fmt::format(
        "what begins with {} is no tool call and is part of the text", quote(marks_.begin)));
  }
  arguments_.clear();
  mode_ = Mode::kContent;
  add_content(std::exchange(raw_, {}));
}

bool AnswerParser::is_tool(std::string_view name) const {
  return options_.tool_names.empty() ||
         std::find(options_.tool_names.begin(), options_.tool_names.end(), name) !=
             options_.tool_names.end();
}

// Nine letters and digits, as the strictest of the templates asks.
std::string AnswerParser::make_id() const {
  constexpr std::string_view kLetters =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  uint64_t bits = mix_hash(options_.id_seed ^ 0x9E3779B97F4A7C15,
                           static_cast<uint64_t>(n_calls_) + 0xD1B54A32D192ED03);
  std::string id;
  for (int i = 0; i < 9; ++i, bits /= kLetters.size()) id += kLetters[bits % kLetters.size()];
  return id;
}

}  // namespace hearth::text
