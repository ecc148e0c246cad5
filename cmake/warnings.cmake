# Flags that every translation unit shares. Floating-point contraction stays off outside the kernels
# (which ask for fma by intrinsics), so that the reference backend rounds the same everywhere.
add_compile_options(-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers
                    -ffp-contract=off)
if(HEARTH_UNITY)
  add_compile_options(-Wno-shadow)  # of a name in another file; scripts/check_files looks
endif()
if(HEARTH_SANITIZE)
  add_compile_options(-fsanitize=${HEARTH_SANITIZE} -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${HEARTH_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    add_link_options(-fuse-ld=lld)
  endif()
  add_compile_definitions(HEARTH_SANITIZED)
  if(HEARTH_SANITIZE MATCHES "thread")
    add_compile_definitions(HEARTH_THREAD_SANITIZED)
  endif()
endif()
if(HEARTH_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)  # coverage counters in every library
endif()

# What runs little but takes long to compile with a sanitizer's checks (tests, verbs) is not
# optimized there: half the time of such a file.
function(hearth_compile_quickly target)
  if(HEARTH_SANITIZE)
    target_compile_options(${target} PRIVATE -O0)
  endif()
endfunction()
