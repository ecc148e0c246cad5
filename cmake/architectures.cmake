# Writes the list of architectures from the file names in src/arch/models: <name>.cpp defines
# ArchSpec <name>(), with '-' in an architecture's name written as '_'.
function(hearth_generate_architectures models_dir output)
  file(GLOB models CONFIGURE_DEPENDS ${models_dir}/*.cpp)
  list(SORT models)
  set(declarations "")
  set(calls "")
  foreach(model ${models})
    get_filename_component(name ${model} NAME_WE)
    string(APPEND declarations "ArchSpec ${name}();\n")
    string(APPEND calls "      ${name}(),\n")
  endforeach()
  file(CONFIGURE OUTPUT ${output} @ONLY CONTENT
"// Generated from src/arch/models by cmake/architectures.cmake.
#include <vector>

#include \"arch/model_graph.h\"

namespace hearth::arch {

@declarations@
std::span<const ArchSpec> all_architectures() {
  static const std::vector<ArchSpec> specs = {
@calls@  };
  return specs;
}

}  // namespace hearth::arch
")
endfunction()
