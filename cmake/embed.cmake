# sos_migrations(TARGET SYMBOL FOLDER): the numbered SQL files of FOLDER (0001_what.sql …) as
#   `const struct db_migration SYMBOL[]` and `const size_t SYMBOL_count` inside TARGET, so that a
#   program needs no file to make its database.
# Run as a script (cmake -DOUT=… -DSYMBOL=… -DFOLDER=… -P) it writes that C file.

if(CMAKE_SCRIPT_MODE_FILE)
    file(GLOB files ${FOLDER}/*.sql)
    list(SORT files)
    set(text "#include \"sos/serve/db.h\"\n")
    set(rows "")
    set(count 0)
    foreach(file ${files})
        math(EXPR count "${count} + 1")
        file(READ ${file} hex HEX)
        string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
        string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," hex "${hex}")
        get_filename_component(name ${file} NAME)
        string(REGEX MATCH "^[0-9]+" number ${name})
        math(EXPR number "${number}")
        if(NOT number EQUAL count)
            message(FATAL_ERROR "${file}: migration ${count} is missing")
        endif()
        string(APPEND text "\n/* ${name} */\nstatic const char sql_${count}[] = {\n${hex}0\n};\n")
        string(APPEND rows "    { ${count}, sql_${count} },\n")
    endforeach()
    string(APPEND text "
extern const struct db_migration ${SYMBOL}[];
extern const size_t ${SYMBOL}_count;
const struct db_migration ${SYMBOL}[] = {\n${rows}};
const size_t ${SYMBOL}_count = ${count};\n")
    file(WRITE ${OUT} "${text}")
    return()
endif()

set(SOS_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
function(sos_migrations target symbol folder)
    file(GLOB files CONFIGURE_DEPENDS ${folder}/*.sql)
    set(out ${CMAKE_CURRENT_BINARY_DIR}/${symbol}.c)
    add_custom_command(
        OUTPUT ${out}
        COMMAND ${CMAKE_COMMAND} -DOUT=${out} -DSYMBOL=${symbol} -DFOLDER=${folder}
            -P ${SOS_EMBED_SCRIPT}
        DEPENDS ${files} ${SOS_EMBED_SCRIPT}
        VERBATIM)
    target_sources(${target} PRIVATE ${out})
endfunction()
