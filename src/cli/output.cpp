// SPDX-License-Identifier: MIT
#include "cli/output.h"

#include <nlohmann/json.hpp>

namespace hearth::cli {

void Output::write(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), out_) != text.size()) ok_ = false;
  if (std::fflush(out_) != 0) ok_ = false;
}

void Output::write_json(const nlohmann::json& value) {
  answered_ = true;
  write(json_text(value) + "\n");
}

void Output::write_note(std::string_view text) {
  fmt::print(err_, "{}\n", text);
  std::fflush(err_);
}

void Output::write_error(const Error& error) {
  if (json_ && !answered_) {
    write_json({{"error",
                 {{"code", std::string(error_code_name(error.code))},
                  {"message", error.message},
                  {"hint", error.hint}}}});
    return;
  }
  std::string text = "hearth: " + printable(error.message);
  if (!error.hint.empty()) text += "; " + printable(error.hint);
  write_note(text);
}

std::string json_text(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string printable(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool is_c1 = byte == 0xc2 && i + 1 < text.size() &&
                       static_cast<unsigned char>(text[i + 1]) < 0xa0;  // U+0080 to U+009F
    if (is_c1) ++i;
    safe += is_c1 || byte < 0x20 || byte == 0x7f ? '?' : static_cast<char>(byte);
  }
  return safe;
}

}  // namespace hearth::cli
