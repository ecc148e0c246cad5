// SPDX-License-Identifier: MIT
// The options of `hearth run`, with the names that llama.cpp's users know. Sampler options come
// from the table in sample/params.h, one for each field.
// In: the command line. Out: a RunOptions in bounds, or an error that names the option.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sample/params.h"
#include "tensor/dtype.h"

namespace CLI {
class App;
}

namespace hearth::cli {

struct RunOptions {
  std::string model;
  std::optional<std::string> prompt;           // absent: standard input, or a chat
  std::optional<std::vector<int32_t>> tokens;  // the prompt as token ids instead
  std::optional<std::string> system;
  bool raw = false;            // no chat template
  std::string template_file;   // empty: the model's own
  int64_t n_predict = -1;      // -1: until the model ends or the context is full
  int64_t n_context = 0;       // 0: the model's own
  int n_threads = 0;           // 0: as many as fit the machine
  bool context_shift = false;  // a full context drops the oldest turns instead of ending
  DType cache_k = DType::kF16;
  DType cache_v = DType::kF16;
  sample::SamplerParams sampler;
  std::vector<std::string> stop;
  bool ignore_eos = false;
  int n_logprobs = -1;  // -1: none asked for; 0: of the chosen tokens only
};

// Declares the options on a verb's parser and collects what they say.
class RunOptionParser {
 public:
  // Once; the parser outlives `app`. With MODEL and PROMPT as arguments.
  void add_to(CLI::App& app);

  // After parsing: the options, or what is wrong with them (exit status 2).
  Result<RunOptions> finish();

 private:
  void add_prompt_options(CLI::App& app);
  void add_size_options(CLI::App& app);
  void add_sampler_options(CLI::App& app);
  void note(Status status);

  RunOptions options_;
  std::string prompt_, prompt_option_, prompt_file_, tokens_, system_, system_file_;
  std::string cache_k_ = "f16";
  std::string cache_v_ = "f16";
  std::vector<std::string> breakers_;
  Status first_wrong_;  // of the sampler options, which are checked as they are parsed
  CLI::App* app_ = nullptr;
};

// "1,2,3", with spaces and brackets allowed; ids from 0 to 2^31 - 1, at least one.
Result<std::vector<int32_t>> parse_token_list(std::string_view text);

// "f16", "q8_0", …: the formats that the KV cache can have.
Result<DType> parse_cache_type(std::string_view name);

// \n, \t, \r, \\, \" and \xHH become what they stand for, since shells pass them on unchanged; a
// backslash before anything else stays.
std::string unescape(std::string_view text);

}  // namespace hearth::cli
