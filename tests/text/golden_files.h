// SPDX-License-Identifier: MIT
// What the tests of tokenizers share: the golden files, the vocabularies they are about, and the
// digest that capture_tokens.py writes.
#pragma once
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "file/gguf.h"
#include "tests/support/inputs.h"
#include "tests/support/paths.h"
#include "text/tokenizer.h"
#include "text/unicode.h"

namespace hearth::text::test {

// FNV-1a 64 over little-endian 32-bit numbers; its upper 48 bits as hexadecimal digits.
class Digest {
 public:
  void add(uint32_t number) {
    for (int shift = 0; shift < 32; shift += 8) {
      value_ = (value_ ^ (number >> shift & 0xFF)) * 0x100000001B3;
    }
  }
  std::string text() const { return fmt::format("{:012x}", value_ >> 16); }

 private:
  uint64_t value_ = 0xCBF29CE484222325;
};

inline std::filesystem::path golden_file(const std::string& name) {
  return std::filesystem::path(hearth::test::source_dir()) / "tests" / "text" / "golden" / name;
}

inline std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

// The hostile texts of golden/texts.txt; capture_tokens.py explains the lines.
inline std::vector<std::string> hostile_texts() {
  std::vector<std::string> texts;
  std::ifstream in(golden_file("texts.txt"));
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string kind;
    std::string hex;
    std::string text;
    words >> kind;
    if (kind == "text") {
      size_t repeat = 0;
      words >> repeat >> hex;
      const std::string unit = from_hex(hex);
      for (size_t i = 0; i < repeat; ++i) text += unit;
    } else {
      uint32_t first = 0;
      uint32_t last = 0;
      words >> std::hex >> first >> last >> hex;
      const std::string joint = from_hex(hex);
      for (uint32_t code = first; code <= last; ++code) {
        append_utf8(code, text);
        text += joint;
      }
    }
    texts.push_back(std::move(text));
  }
  return texts;
}

// ggml-vocab-NAME.gguf, or the model in the folder NAME; the path may not exist. NAME+PRE is the
// same file with another pre-tokenizer.
inline std::filesystem::path vocab_file(const std::string& name) {
  const std::string own_name = name.substr(0, name.find('+'));
  const auto vocab = hearth::test::input("vocabs") / ("ggml-vocab-" + own_name + ".gguf");
  if (hearth::test::is_there(vocab)) return vocab;
  return hearth::test::input("models") / own_name / "model.gguf";
}

// A tokenizer with the file that it borrows.
struct LoadedTokenizer {
  file::Gguf file;
  file::Metadata metadata;
  std::unique_ptr<Tokenizer> tokenizer;
};

inline Result<LoadedTokenizer> load_tokenizer(const std::string& name) {
  LoadedTokenizer loaded;
  TRY_LET(loaded.file, file::Gguf::open(vocab_file(name)));
  loaded.metadata = loaded.file.metadata();
  if (const size_t plus = name.find('+'); plus != std::string::npos) {
    loaded.metadata.set_text("tokenizer.ggml.pre", name.substr(plus + 1));
  }
  TRY_LET(loaded.tokenizer, Tokenizer::make(loaded.metadata));
  return loaded;
}

}  // namespace hearth::text::test
