// SPDX-License-Identifier: MIT
// See edit_terminal.h. Key functions follow editline(3); bracketed paste follows xterm's control
// sequences ("Bracketed Paste Mode").
#include "cli/edit_terminal.h"

#include <langinfo.h>
#include <locale.h>

#include <cstring>
#include <cwchar>
#include <string_view>

#include "base/env.h"
#include "base/log.h"
#include "os/terminal.h"

namespace hearth::cli {
namespace {

void use_utf8() {
  ::setlocale(LC_CTYPE, "");
  if (std::strcmp(::nl_langinfo(CODESET), "UTF-8") != 0) ::setlocale(LC_CTYPE, "C.UTF-8");
}

bool understands_escapes() { return env("TERM").value_or("dumb") != "dumb"; }

}  // namespace

std::unique_ptr<EditTerminal> EditTerminal::open(std::FILE* in, std::FILE* out,
                                                 std::filesystem::path history) {
  use_utf8();
  std::unique_ptr<EditTerminal> terminal(new EditTerminal(out, std::move(history)));
  terminal->editor_ = ::el_init("hearth", in, out, stderr);
  terminal->history_ = ::history_init();
  if (terminal->editor_ == nullptr || terminal->history_ == nullptr) return nullptr;
  terminal->bind_keys();
  terminal->load_history();
  return terminal;
}

EditTerminal::EditTerminal(std::FILE* out, std::filesystem::path history)
    : out_(out), saved_(std::move(history)), bracketed_paste_(understands_escapes()) {}

EditTerminal::~EditTerminal() {
  if (editor_ != nullptr) ::el_end(editor_);
  if (history_ != nullptr) ::history_end(history_);
}

void EditTerminal::bind_keys() {
  ::el_set(editor_, EL_CLIENTDATA, this);
  ::el_set(editor_, EL_PROMPT, &EditTerminal::show_prompt);
  ::el_set(editor_, EL_EDITOR, "emacs");
  // The user's own choices (vi keys, for example) first, ours on top.
  ::el_source(editor_, nullptr);
  ::el_set(editor_, EL_SIGNAL, 1);
  ::el_set(editor_, EL_ADDFN, "hearth-interrupt", "Drop the line", &EditTerminal::on_interrupt);
  ::el_set(editor_, EL_ADDFN, "hearth-suspend", "Stop for a while", &EditTerminal::on_suspend);
  ::el_set(editor_, EL_ADDFN, "hearth-paste", "Insert pasted text", &EditTerminal::on_paste);
  ::el_set(editor_, EL_ADDFN, "hearth-break", "Insert a line break", &EditTerminal::on_line_break);
  // While a line is edited, Ctrl-C and Ctrl-Z are keys and not signals.
  ::el_set(editor_, EL_SETTY, "-d", "-isig", nullptr);
  static constexpr const char* kKeys[][2] = {
      {"^C", "hearth-interrupt"},    {"^Z", "hearth-suspend"},
      {"\\e[200~", "hearth-paste"},  {"\\e^M", "hearth-break"},
      {"\\e^J", "hearth-break"},     {"^R", "em-inc-search-prev"},
      {"^W", "ed-delete-prev-word"}, {"\\e[3~", "ed-delete-next-char"},
      {"\\e[1;5D", "ed-prev-word"},  {"\\e[1;5C", "em-next-word"},
      {"\\e[H", "ed-move-to-beg"},   {"\\e[F", "ed-move-to-end"},
  };
  for (const auto& [key, function] : kKeys) ::el_set(editor_, EL_BIND, key, function, nullptr);
}

void EditTerminal::load_history() {
  HistEvent event;
  ::history(history_, &event, H_SETSIZE, static_cast<int>(PromptHistory::kMaxEntries));
  ::history(history_, &event, H_SETUNIQUE, 1);
  ::el_set(editor_, EL_HIST, ::history, history_);
  const auto entries = saved_.load();
  if (!entries) {
    log_warn("no history of prompts: {}", entries.error().message);
    return;
  }
  for (const std::string& entry : *entries) ::history(history_, &event, H_ENTER, entry.c_str());
}

Input EditTerminal::read_line(const std::string& prompt) {
  prompt_ = prompt;
  interrupted_ = false;
  if (bracketed_paste_) std::fputs("\033[?2004h", out_);
  std::fflush(out_);
  // Before the prompt is shown: libedit would do it after, and a key typed at once could still be a
  // signal.
  ::el_set(editor_, EL_PREP_TERM, 1);
  int n = 0;
  const char* line = ::el_gets(editor_, &n);
  if (bracketed_paste_) std::fputs("\033[?2004l", out_);
  std::fflush(out_);
  if (interrupted_) {
    std::fputs("^C\n", out_);
    std::fflush(out_);
    return {InputEvent::kInterrupted, dropped_};
  }
  if (line == nullptr || n <= 0) return {InputEvent::kEnd, {}};
  std::string_view text(line, static_cast<size_t>(n));
  if (text.ends_with('\n')) text.remove_suffix(1);
  return {InputEvent::kMessage, std::string(text)};
}

void EditTerminal::remember(const std::string& text) {
  if (text.empty() || text.front() == ' ') return;
  HistEvent event;
  ::history(history_, &event, H_ENTER, text.c_str());
  if (const Status status = saved_.add(text); !status)
    log_warn("the prompt is not kept for later: {}", status.error().message);
}

EditTerminal& EditTerminal::of(EditLine* editor) {
  void* self = nullptr;
  ::el_get(editor, EL_CLIENTDATA, &self);
  return *static_cast<EditTerminal*>(self);
}

char* EditTerminal::show_prompt(EditLine* editor) { return of(editor).prompt_.data(); }

unsigned char EditTerminal::on_interrupt(EditLine* editor, int) {
  EditTerminal& self = of(editor);
  const LineInfo* line = ::el_line(editor);
  self.dropped_.assign(line->buffer, line->lastchar);
  self.interrupted_ = true;
  return CC_EOF;
}

// The terminal sends pasted text between ESC [200~ and ESC [201~. Line breaks in it are part of the
// message, other control characters are dropped.
unsigned char EditTerminal::on_paste(EditLine* editor, int) {
  constexpr std::wstring_view kEnd = L"\033[201~";
  std::wstring raw;
  wchar_t c = 0;
  while (!raw.ends_with(kEnd)) {
    if (::el_wgetc(editor, &c) != 1) return CC_EOF;
    raw += c;
  }
  raw.resize(raw.size() - kEnd.size());
  std::wstring text;
  for (const wchar_t key : raw) {
    if (key == L'\r' || key == L'\n') text += L'\n';
    if (key == L'\t') text += L"    ";
    if (key >= L' ' && key != 0x7f) text += key;
  }
  if (!text.empty() && ::el_winsertstr(editor, text.c_str()) == -1) return CC_ERROR;
  return CC_REFRESH;
}

// libedit's own handler of the signal gives the terminal back and takes it again afterwards.
unsigned char EditTerminal::on_suspend(EditLine*, int) {
  os::suspend_process();
  return CC_REDISPLAY;
}

unsigned char EditTerminal::on_line_break(EditLine* editor, int) {
  return ::el_winsertstr(editor, L"\n") == -1 ? CC_ERROR : CC_REFRESH;
}

}  // namespace hearth::cli
