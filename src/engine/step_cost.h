// SPDX-License-Identifier: MIT
// How long steps take, learnt from those that were run: what the scheduler chooses the size of
// prompt chunks by, and whether guessing ahead pays. Milliseconds throughout. Thread rule: one
// thread.
#pragma once
#include <array>
#include <cstddef>
#include <vector>

namespace hearth::engine {

class StepCost {
 public:
  // A step of n_prompt tokens of prompts and n_answer rows of answers took `ms`.
  void add(int n_prompt, int n_answer, double ms);

  // Of a step of n_answer rows alone; between measured numbers of rows on the straight line, beyond
  // them in proportion. 0 where nothing is known.
  double answer_ms(int n_answer) const;
  // Whether a step of so many rows, or of more, was measured.
  bool knows(int n_answer) const;
  // How many tokens of prompts take at most so long beside what answers take; 0 where nothing is
  // known.
  int prompt_tokens_within(double ms) const;
  // Of one token of a prompt, in the last step that had any; 0 where nothing is known.
  double prompt_token_ms() const { return last_prompt_token_ms_; }

 private:
  double prompt_token_ms(size_t size_class) const;

  std::vector<double> answer_ms_;  // by number of rows; 0: not measured
  // Of one token among 2^i to 2^(i+1) - 1: few take longer each, as they read all weights too.
  std::array<double, 20> prompt_ms_{};
  double last_prompt_token_ms_ = 0;
};

}  // namespace hearth::engine
