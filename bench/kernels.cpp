// SPDX-License-Identifier: MIT
// Speed of every product, of attention and of the preparing of activations, on every instruction
// set of this machine, beside what the memory gives: one thread reading as decode does. A claim of
// speed is a ratio of two figures of one run.
//   bench_kernels --benchmark_filter=decode/.*/avx512vnni
// decode/<format>/<isa>/<columns>: one token, a matrix larger than the caches; bytes_per_second
// against read/<streams>. prefill/<format>/<isa>/<tokens>: items are multiply-adds. bytes/…: the
// same with activations as bytes; peak/<isa>: the multiply-adds of bytes that one thread can do at
// all.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "backend/cpu/kernel_table.h"
#include "backend/cpu/limits.h"
#include "base/check.h"

namespace hearth::cpu {
namespace {

constexpr int64_t kWeightBytes = 512 << 20;  // more than any last-level cache at hand
constexpr int kColumns = 1536;

// Random bytes that are sane wherever a scale or a float may lie: as binary16 1/8 to 1, as bfloat16
// and float small, none subnormal.
const std::vector<uint8_t>& weight_bytes() {
  static const std::vector<uint8_t> bytes = [] {
    std::vector<uint8_t> all(static_cast<size_t>(kWeightBytes));
    std::minstd_rand random(1);
    for (size_t i = 0; i + 4 <= all.size(); i += 4) {
      const uint32_t value = (random() & 0x0fff0fffu) | 0x30003000u;
      std::memcpy(all.data() + i, &value, 4);
    }
    return all;
  }();
  return bytes;
}

struct Tokens {
  Tokens(const KernelTable& table, Weight weight, int n_tokens, int n_cols) {
    std::minstd_rand random(2);
    std::normal_distribution<float> normal;
    floats.resize(static_cast<size_t>(n_tokens * n_cols));
    for (float& value : floats) value = normal(random);
    const int n_blocks = (n_cols + 255) / 256;
    blocks.resize(static_cast<size_t>(n_tokens * n_blocks));
    for (int t = 0; t < n_tokens; ++t) {
      table.quantize_act(floats.data() + t * n_cols, n_cols, blocks.data() + t * n_blocks);
    }
    quantized = takes_act_blocks(weight);
    act_bytes = quantized ? n_blocks * static_cast<int64_t>(sizeof(ActBlock)) : n_cols * int64_t{4};
  }
  const uint8_t* data() const {
    return quantized ? reinterpret_cast<const uint8_t*>(blocks.data())
                     : reinterpret_cast<const uint8_t*>(floats.data());
  }
  std::vector<float> floats;
  std::vector<ActBlock> blocks;
  bool quantized = false;
  int64_t act_bytes = 0;
};

KernelTable table_for(const std::string& isa) {
  const Result<KernelTable> table = kernel_table_for(isa);
  CHECK(table.has_value());
  return *table;
}

void decode(benchmark::State& state, DType type, const std::string& isa) {
  const KernelTable table = table_for(isa);
  const Weight weight = weight_of(type);
  const auto n_cols = static_cast<int>(state.range(0));
  const Tokens tokens(table, weight, 1, n_cols);
  const int64_t bytes = row_bytes(type, n_cols);
  const int n_rows = static_cast<int>(kWeightBytes / bytes);
  std::vector<float> out(static_cast<size_t>(n_rows));
  for (auto _ : state) {
    table.matmul[static_cast<int>(weight)]({.weights = weight_bytes().data(),
                                            .row_bytes = bytes,
                                            .n_rows = n_rows,
                                            .n_cols = n_cols,
                                            .acts = tokens.data(),
                                            .act_bytes = tokens.act_bytes,
                                            .n_tokens = 1,
                                            .out = out.data(),
                                            .out_stride = n_rows});
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * n_rows * bytes);
}

void prefill(benchmark::State& state, DType type, const std::string& isa) {
  const KernelTable table = table_for(isa);
  const Weight weight = weight_of(type);
  const auto n_tokens = static_cast<int>(state.range(0));
  const Tokens tokens(table, weight, n_tokens, kColumns);
  constexpr int kRows = 256;
  std::vector<float> out(static_cast<size_t>(n_tokens) * kRows);
  for (auto _ : state) {
    table.matmul[static_cast<int>(weight)]({.weights = weight_bytes().data(),
                                            .row_bytes = row_bytes(type, kColumns),
                                            .n_rows = kRows,
                                            .n_cols = kColumns,
                                            .acts = tokens.data(),
                                            .act_bytes = tokens.act_bytes,
                                            .n_tokens = n_tokens,
                                            .out = out.data(),
                                            .out_stride = kRows});
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * n_tokens * kRows * kColumns);
}

void prefill_bytes(benchmark::State& state, DType type, const std::string& isa) {
  const KernelTable table = table_for(isa);
  const auto n_tokens = static_cast<int>(state.range(0));
  constexpr int kRows = 256, kBlocks = kColumns / kActBlock;
  const Tokens tokens(table, weight_of(type), n_tokens, kColumns);
  const int64_t block_bytes = n_tokens * int64_t{sizeof(ByteBlock)};
  std::vector<ByteBlock> acts(static_cast<size_t>(n_tokens) * kBlocks);
  for (int t = 0; t < n_tokens; ++t) {
    table.quantize_bytes(tokens.floats.data() + t * kColumns, kColumns, acts.data() + t,
                         block_bytes);
  }
  std::vector<float> out(static_cast<size_t>(n_tokens) * kRows);
  for (auto _ : state) {
    table.matmul_bytes[static_cast<int>(weight_of(type))]({.weights = weight_bytes().data(),
                                                           .row_bytes = row_bytes(type, kColumns),
                                                           .n_rows = kRows,
                                                           .n_cols = kColumns,
                                                           .acts = acts.data(),
                                                           .block_bytes = block_bytes,
                                                           .n_tokens = n_tokens,
                                                           .out = out.data(),
                                                           .out_stride = kRows});
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * n_tokens * kRows * kColumns);
}

void peak(benchmark::State& state, const std::string& isa) {
  const LimitsTable table = limits_table_for(isa);
  int64_t macs = 0;
  for (auto _ : state) macs += table.int8_macs(100'000);
  state.SetItemsProcessed(macs);
}

// One thread reading 64 bytes of each of n streams in turn: the limit of decode.
void read_streams(benchmark::State& state) {
  const auto n_streams = static_cast<int64_t>(state.range(0));
  const uint8_t* bytes = weight_bytes().data();
  const int64_t segment = kWeightBytes / n_streams;
  for (auto _ : state) {
    uint64_t sums[4] = {};
    for (int64_t i = 0; i < segment; i += 64) {
      for (int64_t s = 0; s < n_streams; ++s) {
        const uint8_t* line = bytes + s * segment + i;
        __builtin_prefetch(line + 1024);
        uint64_t words[8];
        std::memcpy(words, line, 64);
        for (int w = 0; w < 8; ++w) sums[w % 4] += words[w];
      }
    }
    benchmark::DoNotOptimize(sums);
  }
  state.SetBytesProcessed(state.iterations() * kWeightBytes);
}

// One query of six heads that share a key head, over 1024 cached positions of 128 values: the
// second level holds them as F16.
struct AttentionShape {
  static constexpr int kQueries = 6, kPositions = 1024, kSize = 128;
};

// As the cache has them: keys in tiles where the format allows it.
ScoreFn cached_scores(const KernelTable& table, KvType kv) {
  const int i = static_cast<int>(kv);
  return i < kTiledKv ? table.tile_scores[i] : table.scores[i];
}

void attention(benchmark::State& state, KvType kv, DType type, const std::string& isa) {
  const KernelTable table = table_for(isa);
  constexpr int kSize = AttentionShape::kSize, kPositions = AttentionShape::kPositions;
  const int64_t bytes = row_bytes(type, kSize);
  std::vector<float> query(AttentionShape::kQueries * kSize, 0.5f);
  std::vector<float> scores(static_cast<size_t>(AttentionShape::kQueries) * kPositions);
  const ScoreFn score = cached_scores(table, kv);
  for (auto _ : state) {
    score({.query = query.data(),
           .query_stride = kSize,
           .n_queries = AttentionShape::kQueries,
           .keys = weight_bytes().data(),
           .key_bytes = bytes,
           .n_positions = kPositions,
           .size = kSize,
           .scale = 1.0f,
           .scores = scores.data(),
           .score_stride = kPositions});
    table.mix[static_cast<int>(kv)]({.weights = scores.data(),
                                     .weight_stride = kPositions,
                                     .n_queries = AttentionShape::kQueries,
                                     .values = weight_bytes().data() + kPositions * bytes,
                                     .value_bytes = bytes,
                                     .n_positions = kPositions,
                                     .size = kSize,
                                     .out = query.data(),
                                     .out_stride = kSize});
    for (float& value : query) value = 0.5f;
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * 2 * AttentionShape::kQueries * kPositions * kSize);
}

// One token at a long depth: blocks of 256 positions of keys, then of values, each page read once
// from memory; bytes_per_second against read/4. Six heads share a key head.
void attention_far(benchmark::State& state, KvType kv, DType type, const std::string& isa) {
  const KernelTable table = table_for(isa);
  constexpr int kQueries = 6, kSize = 128, kPage = 64, kBlock = 256;
  const int64_t bytes = row_bytes(type, kSize), half = kWeightBytes / 2;
  const std::vector<float> query(kQueries * kSize, 0.5f);
  std::vector<float> out(kQueries * kSize), scores(kQueries * kBlock);
  const int64_t n_blocks = half / (bytes * kBlock);
  const ScoreFn score = cached_scores(table, kv);
  for (auto _ : state) {
    for (int64_t b = 0; b < n_blocks; ++b) {
      const uint8_t* keys = weight_bytes().data() + b * kBlock * bytes;
      const uint8_t* values = keys + half;
      for (int p = 0; p < kBlock; p += kPage) {
        const bool last = p + kPage == kBlock;
        score({.query = query.data(),
               .query_stride = kSize,
               .n_queries = kQueries,
               .keys = keys + p * bytes,
               .key_bytes = bytes,
               .n_positions = kPage,
               .size = kSize,
               .scale = 1.0f,
               .scores = scores.data() + p,
               .score_stride = kBlock,
               .ahead = {last ? values : keys + (p + kPage) * bytes, kPage * bytes}});
      }
      for (int p = 0; p < kBlock; p += kPage) {
        const bool last = p + kPage == kBlock;
        table.mix[static_cast<int>(kv)](
            {.weights = scores.data() + p,
             .weight_stride = kBlock,
             .n_queries = kQueries,
             .values = values + p * bytes,
             .value_bytes = bytes,
             .n_positions = kPage,
             .size = kSize,
             .out = out.data(),
             .out_stride = kSize,
             .ahead = {last ? keys + kBlock * bytes : values + (p + kPage) * bytes,
                       kPage * bytes}});
      }
      for (float& value : out) value = 0.0f;
    }
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * n_blocks * kBlock * bytes * 2);
}

void quantize(benchmark::State& state, const std::string& isa) {
  const KernelTable table = table_for(isa);
  std::vector<float> in(kColumns, 0.25f);
  std::vector<ActBlock> out(kColumns / 256);
  for (auto _ : state) {
    table.quantize_act(in.data(), kColumns, out.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * kColumns);
}

void silu(benchmark::State& state, const std::string& isa) {
  const KernelTable table = table_for(isa);
  const std::vector<float> in(kColumns, 0.25f);
  std::vector<float> out(kColumns);
  for (auto _ : state) {
    table.silu_mul(in.data(), in.data(), kColumns, out.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * kColumns);
}

void register_all() {
  benchmark::RegisterBenchmark("read", read_streams)->Arg(1)->Arg(4);
  for (const std::string_view name : machine_isa_names()) {
    const std::string isa(name);
    for (const DTypeInfo& format : all_dtypes()) {
      const std::string suffix = std::string(format.name) + '/' + isa;
      const DType type = format.type;
      auto* const one =
          benchmark::RegisterBenchmark(("decode/" + suffix).c_str(), decode, type, isa);
      one->Arg(kColumns);
      if (format.block_weights == 32) one->Arg(576);  // no whole number of 256
      benchmark::RegisterBenchmark(("prefill/" + suffix).c_str(), prefill, type, isa)
          ->Arg(1)
          ->Arg(2)
          ->Arg(3)
          ->Arg(4)
          ->Arg(5)
          ->Arg(6)
          ->Arg(8)
          ->Arg(16)
          ->Arg(32)
          ->Arg(512);
    }
    for (const DTypeInfo& format : all_dtypes()) {
      if (!takes_act_blocks(weight_of(format.type))) continue;
      const std::string title = std::string("bytes/") + std::string(format.name) + '/' + isa;
      benchmark::RegisterBenchmark(title.c_str(), prefill_bytes, format.type, isa)
          ->Arg(8)
          ->Arg(32)
          ->Arg(128)
          ->Arg(512);
    }
    benchmark::RegisterBenchmark(("peak/" + isa).c_str(), peak, isa);
    const auto attend = [&](const char* format, KvType kv, DType type) {
      const std::string title = std::string("attention/") + format + '/' + isa;
      benchmark::RegisterBenchmark(title.c_str(), attention, kv, type, isa);
      const std::string far = std::string("attention_far/") + format + '/' + isa;
      benchmark::RegisterBenchmark(far.c_str(), attention_far, kv, type, isa);
    };
    attend("f32", KvType::kF32, DType::kF32);
    attend("f16", KvType::kF16, DType::kF16);
    attend("bf16", KvType::kBF16, DType::kBF16);
    attend("q8_0", KvType::kQ8_0, DType::kQ8_0);
    attend("q5_1", KvType::kQ5_1, DType::kQ5_1);
    attend("q4_0", KvType::kQ4_0, DType::kQ4_0);
    benchmark::RegisterBenchmark(("quantize_act/" + isa).c_str(), quantize, isa);
    benchmark::RegisterBenchmark(("silu_mul/" + isa).c_str(), silu, isa);
  }
}

}  // namespace
}  // namespace hearth::cpu

int main(int argc, char** argv) {
  hearth::cpu::register_all();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  hearth::cpu::weight_bytes();  // made before anything is timed
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
