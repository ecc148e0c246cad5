// SPDX-License-Identifier: MIT
// Prepared activations, KV rows and decoded weight rows on every instruction set.
#include <gtest/gtest.h>

#include <limits>

#include "tests/backend/kernel_fixture.h"

namespace hearth::cpu {
namespace {

std::vector<ActBlock> quantized(const KernelTable& table, const std::vector<float>& values) {
  const Guarded<float> in(values);
  Guarded<ActBlock> out((values.size() + 255) / 256);
  table.quantize_act(in.data(), static_cast<int>(values.size()), out.data());
  return {out.data(), out.data() + out.size()};
}

int value_of(SumPair pair) { return 256 * pair.high + pair.low; }

TEST(QuantizeAct, values_are_within_half_a_step_and_sums_are_exact) {
  Random random(1);
  for (const std::string_view isa : machine_isa_names()) {
    const KernelTable table = table_for(isa);
    for (const int n : {32, 64, 224, 256, 288, 512, 576, 2048}) {
      for (const float sigma : {1e-20f, 1e-3f, 1.0f, 1e30f}) {
        const std::vector<float> values = normal_values(random, static_cast<size_t>(n), sigma);
        const std::vector<ActBlock> blocks = quantized(table, values);
        for (int i = 0; i < n; ++i) {
          const ActBlock& block = blocks[static_cast<size_t>(i / 256)];
          const double step = block.scale;
          // Half a step, and three roundings of numbers up to 8191 steps.
          const double bound = step * (0.5 + 3 * kActMax * kEps);
          EXPECT_NEAR(step * block.x[i % 256], values[static_cast<size_t>(i)], bound) << isa;
        }
        for (size_t b = 0; b < blocks.size(); ++b) {
          int largest = 0;
          for (int i = 0; i < 256; ++i) largest = std::max(largest, std::abs(blocks[b].x[i]));
          EXPECT_EQ(largest, kActMax);
          for (int i = n - static_cast<int>(b) * 256; i < 256; ++i) EXPECT_EQ(blocks[b].x[i], 0);
          for (int j = 0; j < 16; ++j) {
            int sum = 0;
            for (int i = 0; i < 16; ++i) sum += blocks[b].x[16 * j + i];
            EXPECT_EQ(value_of(blocks[b].sum16[j]), sum);
            EXPECT_GE(blocks[b].sum16[j].low, 0);
            EXPECT_LT(blocks[b].sum16[j].low, 256);
          }
          for (int j = 0; j < 8; ++j) {
            EXPECT_EQ(value_of(blocks[b].sum32[j]),
                      value_of(blocks[b].sum16[2 * j]) + value_of(blocks[b].sum16[2 * j + 1]));
            EXPECT_GE(blocks[b].sum32[j].low, 0);
            EXPECT_LT(blocks[b].sum32[j].low, 256);
          }
        }
      }
    }
  }
}

TEST(QuantizeAct, every_instruction_set_gives_the_same_bits) {
  Random random(2);
  std::vector<float> values = normal_values(random, 2048);
  values[5] = 300;
  std::fill(values.begin() + 256, values.begin() + 512, 0.0f);
  for (int i = 512; i < 768; ++i)
    values[static_cast<size_t>(i)] *= 1e-40f;  // subnormal: counts as 0
  // Ties: multiples of half a step of a block whose largest value is 8191.
  for (int i = 768; i < 1024; ++i)
    values[static_cast<size_t>(i)] = static_cast<float>(i - 900) + 0.5f;
  values[768] = kActMax;
  const std::vector<ActBlock> expected = quantized(table_for("base"), values);
  EXPECT_EQ(expected[1].scale, 0.0f);
  EXPECT_EQ(expected[2].scale, 0.0f);
  EXPECT_EQ(expected[3].scale, 1.0f);
  EXPECT_EQ(expected[3].x[900 - 768], 0);  // 0.5
  EXPECT_EQ(expected[3].x[901 - 768], 2);  // 1.5
  for (const std::string_view isa : machine_isa_names()) {
    const std::vector<ActBlock> blocks = quantized(table_for(isa), values);
    for (size_t b = 0; b < blocks.size(); ++b) {
      EXPECT_EQ(std::memcmp(&blocks[b], &expected[b], offsetof(ActBlock, unused)), 0)
          << isa << " block " << b;
    }
  }
}

TEST(QuantizeAct, nan_and_infinity_make_the_scale_of_their_block_nan) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const std::string_view isa : machine_isa_names()) {
    const KernelTable table = table_for(isa);
    for (const float bad : {std::nanf(""), -std::nanf(""), infinity, -infinity}) {
      for (const size_t place : {0, 31, 100, 255, 256, 287}) {
        std::vector<float> values(288, 1.0f);
        values[place] = bad;
        const std::vector<ActBlock> blocks = quantized(table, values);
        EXPECT_EQ(std::isnan(blocks[0].scale), place < 256) << isa;
        EXPECT_EQ(std::isnan(blocks[1].scale), place >= 256) << isa;
      }
    }
  }
}

constexpr StoredKv kKvFormats[] = {{KvType::kF32, DType::kF32},   {KvType::kF16, DType::kF16},
                                   {KvType::kBF16, DType::kBF16}, {KvType::kQ8_0, DType::kQ8_0},
                                   {KvType::kQ5_1, DType::kQ5_1}, {KvType::kQ4_0, DType::kQ4_0}};

std::vector<float> stored(const KernelTable& table, StoredKv format,
                          const std::vector<float>& values) {
  const Guarded<float> in(values);
  const auto n = static_cast<int64_t>(values.size());
  GuardedBytes row(static_cast<size_t>(row_bytes(format.type, n)));
  table.store_kv[static_cast<int>(format.kv)](in.data(), static_cast<int>(n), row.data());
  return decoded(format.type, n, row.data());
}

// The largest distance of a stored value from the one given, with `low` and `high` the ends of its
// block of 32. Quantized: half a step, as the scale (and low end) was rounded to binary16, which
// moves the last code by at most 2^-11 of the range more; q4_0's range ends one step before its
// positive end.
double kv_bound(KvType type, double value, double low, double high) {
  const double largest = std::max(std::fabs(low), std::fabs(high));
  const double tiny = 0x1p-24;  // binary16's smallest subnormal
  switch (type) {
    case KvType::kF32:
      return 0;
    case KvType::kF16:
      return std::fabs(value) * 0x1p-11 + tiny / 2;
    case KvType::kBF16:
      return std::fabs(value) * 0x1p-8;
    case KvType::kQ8_0:
      return largest * (0.5 / 127 + 0x1p-11) * 1.001 + 127 * tiny;
    case KvType::kQ4_0:
      return largest * (1.0 / 8 + 0x1p-11) * 1.001 + 8 * tiny;
    default:
      return (high - low) * (0.5 / 31 + 0x1p-11) * 1.001 + largest * 0x1p-10 + 32 * tiny;
  }
}

TEST(StoreKv, values_come_back_within_the_step_of_the_format) {
  Random random(3);
  for (const std::string_view isa : machine_isa_names()) {
    for (const StoredKv format : kKvFormats) {
      for (const size_t n : {32, 64, 96, 128, 256}) {
        for (const float sigma : {1e-3f, 1.0f, 1000.0f}) {
          const std::vector<float> values = normal_values(random, n, sigma);
          const std::vector<float> back = stored(table_for(isa), format, values);
          for (size_t i = 0; i < n; ++i) {
            const auto block = values.begin() + static_cast<int64_t>(i / 32 * 32);
            const auto [low, high] = std::minmax_element(block, block + 32);
            EXPECT_NEAR(back[i], values[i], kv_bound(format.kv, values[i], *low, *high))
                << isa << ' ' << info(format.type).name;
          }
        }
      }
    }
  }
}

TEST(StoreKv, float_rows_of_any_length_are_rounded_as_the_codec_rounds) {
  Random random(4);
  for (const std::string_view isa : machine_isa_names()) {
    for (const StoredKv format : {kKvFormats[0], kKvFormats[1], kKvFormats[2]}) {
      for (size_t n = 1; n < 40; ++n) {
        std::vector<float> values = normal_values(random, n);
        values[n / 2] *= 1e-6f;
        values[0] = 70000.0f;  // infinity in binary16
        std::vector<uint8_t> row(
            static_cast<size_t>(row_bytes(format.type, static_cast<int64_t>(n))));
        const std::vector<float> back = stored(table_for(isa), format, values);
        for (size_t i = 0; i < n; ++i) {
          const float expected = format.kv == KvType::kF32 ? values[i]
                                 : format.kv == KvType::kF16
                                     ? f32_from_f16(f16_from_f32(values[i]))
                                     : f32_from_bf16(bf16_from_f32(values[i]));
          EXPECT_TRUE(same_bits(back[i], expected)) << isa << ' ' << info(format.type).name;
        }
      }
    }
  }
}

TEST(StoreKv, nan_and_infinity_are_never_hidden) {
  for (const std::string_view isa : machine_isa_names()) {
    for (const StoredKv format : kKvFormats) {
      for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
        std::vector<float> values(64, 0.5f);
        values[45] = bad;
        const std::vector<float> back = stored(table_for(isa), format, values);
        EXPECT_FALSE(std::isfinite(back[45])) << isa << ' ' << info(format.type).name;
        EXPECT_TRUE(std::isfinite(back[0]));
      }
    }
  }
}

TEST(StoreKv, blocks_of_equal_values_and_of_zeros_come_back) {
  for (const std::string_view isa : machine_isa_names()) {
    for (const StoredKv format : kKvFormats) {
      for (const float value : {0.0f, 1.0f, -2.0f}) {
        const std::vector<float> back =
            stored(table_for(isa), format, std::vector<float>(32, value));
        for (const float x : back) EXPECT_NEAR(x, value, std::fabs(value) * 0x1p-8);
      }
    }
  }
}

TEST(DecodeRow, every_format_gives_what_the_codec_gives) {
  Random random(5);
  for (const std::string_view isa : machine_isa_names()) {
    const KernelTable table = table_for(isa);
    for (const DTypeInfo& format : all_dtypes()) {
      for (int blocks = 1; blocks < 20; ++blocks) {
        const int n = blocks * format.block_weights;
        GuardedBytes row(static_cast<size_t>(row_bytes(format.type, n)));
        random_row(format.type, n, random, row.data());
        Guarded<float> out(static_cast<size_t>(n));
        table.decode_row[static_cast<int>(weight_of(format.type))](row.data(), n, out.data());
        const std::vector<float> expected = decoded(format.type, n, row.data());
        for (int i = 0; i < n; ++i) {
          // 0 * -0 may come out with either sign.
          EXPECT_EQ(out[static_cast<size_t>(i)], expected[static_cast<size_t>(i)])
              << isa << ' ' << format.name << ' ' << i;
        }
      }
    }
  }
}

}  // namespace
}  // namespace hearth::cpu
