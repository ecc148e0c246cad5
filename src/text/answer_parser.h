// SPDX-License-Identifier: MIT
// Takes an answer apart as it comes: reasoning, plain text, calls of tools. In: the answer's text
// in pieces, with the texts of special tokens. Out: what is new of each. What is given out in all
// is the same however the text was cut. What looks like a call and is none is plain text, with a
// warning: nothing is lost but the marks themselves and white space around calls and reasoning.
// One answer, one thread. Memory: what waits for its end, at most the answer.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/answer_format.h"
#include "text/tool_call_json.h"

namespace hearth::text {

// A piece of a call. The first one has its id and name; arguments come in pieces that are JSON
// together.
struct ToolCallPiece {
  int index = 0;
  std::string id, name, arguments;
};

struct AnswerPieces {
  std::string content, reasoning;
  std::vector<ToolCallPiece> calls;
  std::vector<std::string> warnings;
};

struct AnswerOptions {
  bool splits_reasoning = true;         // else it stays in the text, with its marks
  bool reads_calls = false;             // tools were offered
  std::vector<std::string> tool_names;  // those; a bare object is a call only with one of them
  std::vector<TextArguments> text_arguments;  // of those tools whose schemas say it
  std::string_view prompt;                    // its end shows whether reasoning is open already
  bool drops_repeats = false;  // a call that was made already comes as a warning alone
  uint64_t id_seed = 0;        // ids of calls follow from it
};

class AnswerParser {
 public:
  AnswerParser(AnswerFormat format, const AnswerOptions& options);

  AnswerPieces push(std::string_view text);
  AnswerPieces finish();

  bool is_in_reasoning() const { return mode_ == Mode::kReasoning; }
  bool is_in_call() const { return is_begun_; }
  int n_calls() const { return n_calls_; }
  int n_repeats() const { return n_repeats_; }

 private:
  enum class Mode {
    kStart,      // nothing but white space has come
    kContent,    //
    kReasoning,  //
    kBody,       // after a call's begin: an object, a list, a name or tags
    kName,       // up to one of name_ends
    kFence,      // between a name and arguments, which may stand in a fence
    kArguments,  // JSON after a name
    kObject,     // {"name":…}
    kTags,       // up to the end mark
    kAfter,      // between a call and its end mark
    kHeader,     // harmony and functionary: whose text comes
    kRaw,        // harmony and functionary: arguments up to the next mark
  };

  bool step();
  bool step_start();
  bool step_text();
  bool step_reasoning();
  bool step_body();
  bool step_name();
  bool step_fence();
  bool step_arguments();
  bool step_object();
  bool step_tags();
  bool step_after();
  bool step_header();
  bool step_raw();

  void begin_body(const CallMarks& marks, bool is_bare);
  void begin_call(std::string_view name);
  void add_arguments(std::string_view text);
  void end_call();
  bool may_repeat() const;  // what has come of the call at hand began an earlier one too
  void release_call();      // gives out what was held back because of that
  void give_up();           // what was taken for a call is text
  bool read_header(std::string_view header);
  size_t find_mark(const std::vector<std::string>& marks, size_t& which) const;
  size_t without_mark_start(const std::vector<std::string>& marks) const;
  void take(size_t n);  // from the text that waits to raw_
  void add_content(std::string_view text);
  void add_reasoning(std::string_view text);
  std::string make_id() const;
  bool is_tool(std::string_view name) const;

  AnswerFormat format_;
  AnswerOptions options_;
  Mode mode_ = Mode::kStart;
  std::vector<std::string> text_marks_;  // of kContent: think_begin, dropped marks, begins of calls
  CallMarks marks_;                      // of the call at hand
  bool is_bare_ = false;                 // an object without a mark
  std::string in_;                       // not looked at yet
  std::string raw_;                      // of a call that may still be none
  std::string spaces_;                   // of the text, given out when more comes
  bool skips_spaces_ = false;            // after reasoning and calls
  JsonCall object_;
  JsonSpan span_;
  bool is_begun_ = false;        // a call is at hand
  bool is_held_ = false;         // none of it was given out: it may be a repeat
  bool is_over_ = false;         // no more text comes
  std::string name_;             // of the call at hand
  std::string arguments_;        // of it, to see that they are JSON
  PlainJson plain_;              // of them, where repeats are dropped
  std::vector<WholeCall> made_;  // earlier calls, where repeats are dropped
  int n_calls_ = 0, n_repeats_ = 0;
  AnswerPieces out_;
};

}  // namespace hearth::text
