// SPDX-License-Identifier: MIT
#include "tests/support/toy_vocabulary.h"

#include <string>
#include <vector>

namespace hearth::test {
namespace {

// Token types of GGUF files.
constexpr int32_t kNormal = 1, kUnknown = 2, kControl = 3, kUnused = 5;

struct Tokens {
  std::vector<std::string> text;
  std::vector<int32_t> types;

  int add(std::string token, int32_t type) {
    text.push_back(std::move(token));
    types.push_back(type);
    return static_cast<int>(text.size()) - 1;
  }
  void pad(int at_least) {
    while (static_cast<int>(text.size()) < at_least) {
      add(fmt::format("[unused{}]", text.size()), kUnused);
    }
  }
};

std::string utf8(uint32_t code) {
  if (code < 0x80) return std::string(1, static_cast<char>(code));
  return {static_cast<char>(0xC0 | (code >> 6)), static_cast<char>(0x80 | (code & 0x3F))};
}

// The visible character that stands for a byte in byte-level BPE: printable Latin-1 bytes are
// themselves, the others get the code points from 256 on. Source: Radford et al. 2019 (GPT-2).
std::vector<std::string> byte_characters() {
  std::vector<std::string> list;
  uint32_t next = 256;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const bool is_visible = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
    list.push_back(utf8(is_visible ? byte : next++));
  }
  return list;
}

constexpr std::string_view kChatTemplate =
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

int add_byte_level(file::Metadata& metadata, int at_least) {
  Tokens tokens;
  const std::vector<std::string> bytes = byte_characters();
  for (const std::string& character : bytes) tokens.add(character, kNormal);
  const std::string space = bytes[' '];
  std::vector<std::string> merges;
  const auto merge = [&](const std::string& a, const std::string& b) {
    merges.push_back(a + " " + b);
    tokens.add(a + b, kNormal);
  };
  merge("t", "h");
  merge("th", "e");
  merge(space, "the");
  merge("i", "n");
  merge(space, "a");
  merge("l", "l");
  merge("e", "ll");
  merge("H", "ell");
  merge("Hell", "o");
  const int end = tokens.add("<|endoftext|>", kControl);
  tokens.add("<|im_start|>", kControl);
  const int turn = tokens.add("<|im_end|>", kControl);
  tokens.pad(at_least);

  metadata.set_text("tokenizer.ggml.model", "gpt2");
  metadata.set_text("tokenizer.ggml.pre", "qwen2");
  metadata.set_texts("tokenizer.ggml.tokens", tokens.text);
  metadata.set_i32s("tokenizer.ggml.token_type", tokens.types);
  metadata.set_texts("tokenizer.ggml.merges", merges);
  metadata.set_u32("tokenizer.ggml.bos_token_id", static_cast<uint32_t>(end));
  metadata.set_u32("tokenizer.ggml.eos_token_id", static_cast<uint32_t>(turn));
  metadata.set_bool("tokenizer.ggml.add_bos_token", false);
  metadata.set_text("tokenizer.chat_template", kChatTemplate);
  return static_cast<int>(tokens.text.size());
}

// Words begin with U+2581 in the files, continuations have no mark.
int add_word_piece(file::Metadata& metadata, int at_least) {
  Tokens tokens;
  const int pad = tokens.add("[PAD]", kControl);
  const int unknown = tokens.add("[UNK]", kUnknown);
  const int cls = tokens.add("[CLS]", kControl);
  const int sep = tokens.add("[SEP]", kControl);
  const int mask = tokens.add("[MASK]", kControl);
  for (char c = '!'; c <= '~'; ++c) {
    if (c >= 'A' && c <= 'Z') continue;  // text is lower-cased
    tokens.add("\u2581" + std::string(1, c), kNormal);
    tokens.add(std::string(1, c), kNormal);
  }
  for (const char* word : {"the", "hello", "world", "cat"}) {
    tokens.add("\u2581" + std::string(word), kNormal);
  }
  tokens.pad(at_least);

  metadata.set_text("tokenizer.ggml.model", "bert");
  metadata.set_text("tokenizer.ggml.pre", "default");
  metadata.set_texts("tokenizer.ggml.tokens", tokens.text);
  metadata.set_i32s("tokenizer.ggml.token_type", tokens.types);
  const auto id = [&](std::string_view name, int token) {
    metadata.set_u32(fmt::format("tokenizer.ggml.{}_token_id", name), static_cast<uint32_t>(token));
  };
  id("padding", pad);
  id("unknown", unknown);
  id("bos", cls);
  id("cls", cls);
  id("seperator", sep);  // spelt so in the files
  id("eos", sep);
  id("mask", mask);
  return static_cast<int>(tokens.text.size());
}

}  // namespace

Result<int> add_toy_vocabulary(file::Metadata& metadata, bool word_piece, int at_least) {
  return word_piece ? add_word_piece(metadata, at_least) : add_byte_level(metadata, at_least);
}

}  // namespace hearth::test
