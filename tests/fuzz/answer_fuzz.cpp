// SPDX-License-Identifier: MIT
// Any bytes as an answer of each template family; the first byte chooses the family and the cuts.
// Oracle: in one piece, byte by byte and in other pieces the same comes out.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "text/answer_parser.h"

namespace hearth {
namespace {

constexpr std::string_view kTemplates[] = {
    "<think><tool_call>",
    "<|python_tag|>",
    "[TOOL_CALLS][ARGS][THINK]",
    "<think><｜tool▁call▁begin｜><｜tool▁calls▁begin｜><｜tool▁calls▁end｜>",
    "<|tool_call_begin|><|tool_calls_section_begin|><|tool_calls_section_end|>",
    "<function=",
    ">>> recipient",
    "<|channel|><|message|>",
    "none",
};

std::string parsed(const text::AnswerFormat& format, std::string_view bytes, size_t piece) {
  text::AnswerOptions options;
  options.reads_calls = true;
  text::AnswerParser parser(format, options);
  std::string content, reasoning, calls, warnings;
  const auto add = [&](const text::AnswerPieces& pieces) {
    content += pieces.content;
    reasoning += pieces.reasoning;
    for (const auto& call : pieces.calls) {
      if (!call.name.empty()) calls += '\1' + call.id + '\2' + call.name + '\3';
      calls += call.arguments;
    }
    for (const auto& warning : pieces.warnings) warnings += '\4' + warning;
  };
  for (size_t i = 0; i < bytes.size(); i += piece) add(parser.push(bytes.substr(i, piece)));
  add(parser.finish());
  return content + '\5' + reasoning + '\5' + calls + warnings;
}

void try_answer(std::string_view bytes) {
  if (bytes.empty()) return;
  const auto first = static_cast<uint8_t>(bytes[0]);
  bytes.remove_prefix(1);
  const text::AnswerFormat format =
      text::find_answer_format(kTemplates[first % std::size(kTemplates)]);
  const std::string whole = parsed(format, bytes, bytes.size() + 1);
  if (parsed(format, bytes, 1) != whole) std::abort();
  if (parsed(format, bytes, 2 + first / 16) != whole) std::abort();
}

}  // namespace
}  // namespace hearth

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hearth::try_answer({reinterpret_cast<const char*>(data), size});
  return 0;
}
