// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>

#include "os/cpu_info.h"
#include "tests/support/run_hearth.h"

namespace hearth::cli {
namespace {

using test::Ran;
using test::run_hearth;

TEST(Doctor, the_facts_are_those_of_this_machine) {
  const Ran ran = run_hearth({"doctor", "--quick", "--json"});
  ASSERT_EQ(ran.status, 0) << ran.err << ran.out;
  const auto json = ran.json();
  EXPECT_EQ(json["cpu"]["model"], os::cpu_info().model);
  EXPECT_EQ(json["cpu"]["usable_cores"], os::cpu_info().usable_cores);
  EXPECT_GT(json["memory"]["total_bytes"], json["memory"]["available_bytes"]);
  const auto& isas = json["cpu"]["instruction_sets"];
  EXPECT_NE(std::find(isas.begin(), isas.end(), json["isa"]), isas.end());
  EXPECT_FALSE(json.contains("limits"));
}

TEST(Doctor, a_measurement_has_both_figures_for_all_threads_and_for_one) {
  const Ran ran = run_hearth({"doctor", "--json", "-t", "2", "--buffer", "8"});
  ASSERT_EQ(ran.status, 0) << ran.err << ran.out;
  const auto limits = ran.json()["limits"];
  EXPECT_EQ(limits["threads"], 2);
  for (const char* name : {"read_bytes_per_s", "read_bytes_per_s_one_thread", "int8_macs_per_s",
                           "int8_macs_per_s_one_thread"}) {
    EXPECT_GT(limits[name].get<double>(), 1e6) << name;
  }
}

TEST(Doctor, the_words_name_processor_memory_and_instruction_sets) {
  const Ran ran = run_hearth({"doctor", "--quick"});
  ASSERT_EQ(ran.status, 0);
  for (const char* word : {"Processor", "Cores", "Memory", "Instruction sets", "base"}) {
    EXPECT_NE(ran.out.find(word), std::string::npos) << word;
  }
}

TEST(Doctor, a_number_of_threads_out_of_range_is_wrong_use) {
  EXPECT_EQ(run_hearth({"doctor", "-t", "0"}).status, 2);
  EXPECT_EQ(run_hearth({"doctor", "-t", "many"}).status, 2);
}

}  // namespace
}  // namespace hearth::cli
