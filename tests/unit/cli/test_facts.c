/* Names and versions are read from projects' files, and only from their right place. */
#include "tests/unit/unit.h"

#include "cli/project/facts.h"

#include <stdlib.h>
#include <string.h>

static void expect(char *got, const char *want)
{
    if (want)
        assert_string_equal(got ? got : "(nothing)", want);
    else
        assert_null(got);
    free(got);
}

static void toml_keys_are_found_in_their_table_only(void **state)
{
    (void)state;
    const char *text = "version = \"0\"\n[project]\nname = \"sfix\"  # x\nversion='1.2'\n"
                       "[tool.poetry]\nname = \"other\"\n[[project.x]]\nname = \"list\"\n";
    expect(fact_toml(text, "project.name"), "sfix");
    expect(fact_toml(text, "project.version"), "1.2");
    expect(fact_toml(text, "tool.poetry.name"), "other");
    expect(fact_toml(text, "version"), "0");
    expect(fact_toml(text, "project.entry"), NULL);
    expect(fact_toml("[project]\nname = \"\"\"x\"\"\"\n", "project.name"), NULL);
    expect(fact_toml("[project]\nname = \"a\\\"b\"\n", "project.name"), NULL);
    expect(fact_toml("[ project ]\n\"name\" = \"q\"\n", "project.name"), "q");
    expect(fact_toml("[projects]\nname = \"q\"\n", "project.name"), NULL);
    expect(fact_toml("[project]\nnames = \"q\"\n", "project.name"), NULL);
}

static void json_pointers_are_followed(void **state)
{
    (void)state;
    const char *text = "{\"name\":\"@x/y\",\"bin\":{\"a/b\":\"c\"},\"n\":1,\"l\":[\"z\"]}";
    expect(fact_json(text, strlen(text), "/name", NULL), "@x/y");
    expect(fact_json(text, strlen(text), "/bin/a~1b", NULL), "c");
    expect(fact_json(text, strlen(text), "/l/0", NULL), "z");
    expect(fact_json(text, strlen(text), "/n", NULL), NULL);
    expect(fact_json(text, strlen(text), "/nothing/here", NULL), NULL);
    struct err err = { 0 };
    expect(fact_json("{\n\"a\":}", 7, "/a", &err), NULL);
    assert_int_equal(err.code, ERR_INVALID);
    assert_non_null(strstr(err.text, "line 2"));
}

static void xml_text_is_read_at_its_path_only(void **state)
{
    (void)state;
    const char *pom = "<?xml version=\"1.0\"?>\n<project "
                      "xmlns=\"urn:x\"><parent><artifactId>no</artifactId></parent>"
                      "<artifactId> tabula </artifactId><version>1.0</version></project>";
    expect(fact_xml(pom, strlen(pom), "project/artifactId", NULL), "tabula");
    expect(fact_xml(pom, strlen(pom), "project/version", NULL), "1.0");
    expect(fact_xml(pom, strlen(pom), "artifactId", NULL), NULL);
    struct err err = { 0 };
    expect(fact_xml("<a><b></a>", 10, "a/b", &err), NULL);
    assert_int_equal(err.code, ERR_INVALID);
}

/* The billion laughs: a document that defines entities is refused, not expanded. */
static void xml_entities_are_refused(void **state)
{
    (void)state;
    const char *bomb = "<!DOCTYPE a [<!ENTITY x \"xxxxxxxx\"><!ENTITY y \"&x;&x;&x;\">]><a>&y;</a>";
    struct err err = { 0 };
    expect(fact_xml(bomb, strlen(bomb), "a", &err), NULL);
    assert_int_equal(err.code, ERR_INVALID);
}

static void lines_are_matched_one_by_one(void **state)
{
    (void)state;
    expect(fact_match("// x\nmodule example.org/a/tool/v2\n", "^module +([^ ]+)", NULL),
           "example.org/a/tool/v2");
    expect(fact_match("xmodule a\n", "^module +([^ ]+)", NULL), NULL);
    struct err err = { 0 };
    expect(fact_match("a", "(", &err), NULL);
    assert_int_equal(err.code, ERR_INVALID);
    assert_int_equal(line_matches("a\n[project]\n", "^\\[project\\]", NULL), 1);
    assert_int_equal(line_matches("a [project]\n", "^\\[project\\]", NULL), 0);
}

static void basename_drops_the_major_version(void **state)
{
    (void)state;
    expect(fact_basename("github.com/a/tool/v2"), "tool");
    expect(fact_basename("github.com/a/v8engine"), "v8engine");
    expect(fact_basename("tool"), "tool");
    expect(fact_basename("v2"), "v2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(toml_keys_are_found_in_their_table_only),
        cmocka_unit_test(json_pointers_are_followed),
        cmocka_unit_test(xml_text_is_read_at_its_path_only),
        cmocka_unit_test(xml_entities_are_refused),
        cmocka_unit_test(lines_are_matched_one_by_one),
        cmocka_unit_test(basename_drops_the_major_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
