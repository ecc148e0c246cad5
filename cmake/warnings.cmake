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

# What runs little but takes long to compile (tests, verbs) is optimized in a release alone: with a
# sanitizer's checks that is half the time of such a file.
set(HEARTH_QUICKLY OFF)
if(HEARTH_TESTS OR HEARTH_SANITIZE)
  set(HEARTH_QUICKLY ON)
endif()

function(hearth_compile_quickly target)
  if(HEARTH_QUICKLY)
    target_compile_options(${target} PRIVATE -O0)
  endif()
endfunction()

# Of a function that several files hold (templates, inline functions) the linker keeps the copy that
# comes first: the libraries come before what is compiled quickly, whole, so that the optimized
# copies stay (some sanitized tests take half the time).
function(hearth_keep_optimized_copies target)
  if(NOT HEARTH_QUICKLY)
    return()
  endif()
  set(queue ${target})
  set(found "")
  while(queue)
    list(POP_FRONT queue library)
    get_target_property(needed ${library} LINK_LIBRARIES)
    foreach(name ${needed})
      if(name MATCHES "^hearth_" AND NOT name IN_LIST found)
        list(APPEND found ${name})
        list(APPEND queue ${name})
      endif()
    endforeach()
  endwhile()
  set(options "")
  foreach(name ${found})
    get_target_property(compiled ${name} COMPILE_OPTIONS)
    if(NOT compiled MATCHES "-O0")
      list(APPEND options $<TARGET_FILE:${name}>)
    endif()
  endforeach()
  list(JOIN options "," options)
  target_link_options(${target} PRIVATE -Wl,--whole-archive,${options},--no-whole-archive)
endfunction()
