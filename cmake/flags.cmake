# Warnings are errors with gcc and clang; hardening as the distributions do it.

add_compile_definitions(_GNU_SOURCE SOS_VERSION="${PROJECT_VERSION}")
add_compile_options(
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
    -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wundef
    -fno-strict-aliasing -fno-common -fno-omit-frame-pointer)

# Programmer errors are asserts and asserts stay on, in release too.
foreach(kind RELEASE RELWITHDEBINFO MINSIZEREL)
    string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_${kind} "${CMAKE_C_FLAGS_${kind}}")
endforeach()

if(SOS_SANITIZE)
    add_compile_options(-fsanitize=${SOS_SANITIZE} -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${SOS_SANITIZE})
else()
    add_compile_options(-fstack-protector-strong -fstack-clash-protection)
    if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
        add_compile_options(-fcf-protection)
    endif()
    if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
        add_compile_definitions(_FORTIFY_SOURCE=2)
    endif()
endif()
if(SOS_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)   # libFuzzer must see into every floor
endif()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# The programs find each other beside themselves.
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)
