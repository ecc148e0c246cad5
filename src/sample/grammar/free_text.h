// SPDX-License-Identifier: MIT
// Automata of texts that are free up to something: free text up to a trigger (Aho and Corasick,
// "Efficient String Matching", 1975), text without some words, and any word but some.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "sample/grammar/builder.h"

namespace hearth::sample {

class FreeText {
 public:
  struct Step {
    uint8_t first = 0, last = 0;
    uint32_t to = 0;
    int trigger = -1;  // it is complete now; then `to` does not count
  };
  // Errors: triggers of more than some thousand bytes together.
  static Result<FreeText> make(const std::vector<Trigger>& triggers);

  size_t n_states() const { return next_.size(); }  // 0: nothing of a trigger has come
  size_t n_triggers() const { return n_triggers_; }
  std::vector<Step> steps(uint32_t state) const;

 private:
  void insert(const std::string& text, int trigger);
  void complete();

  std::vector<std::array<uint32_t, 256>> next_;
  std::vector<int> found_;  // the trigger that ends there, the longest one, or -1
  size_t n_triggers_ = 0;
};

// Where in a text some words are found, character by character.
class WordSearch {
 public:
  explicit WordSearch(const std::vector<std::string>& words);

  size_t n_states() const { return states_.size(); }  // 0: nothing of a word has come
  bool is_found(uint32_t state) const { return states_[state].is_found; }
  // By code point; all others lead to 0.
  const std::map<uint32_t, uint32_t>& steps(uint32_t state) const { return states_[state].steps; }

 private:
  struct State {
    std::map<uint32_t, uint32_t> steps;
    bool is_found = false;
  };
  std::vector<State> states_;
};

class WordTree {
 public:
  explicit WordTree(const std::vector<std::string>& words);
  // What JSON strings hold without escapes.
  static CharSet plain_chars();

  size_t n_nodes() const { return nodes_.size(); }
  bool is_word(uint32_t node) const { return nodes_[node].is_word; }
  const std::map<uint32_t, uint32_t>& children(uint32_t node) const {
    return nodes_[node].children;
  }

 private:
  struct Node {
    std::map<uint32_t, uint32_t> children;  // by code point
    bool is_word = false;
  };
  std::vector<Node> nodes_;
};

}  // namespace hearth::sample
