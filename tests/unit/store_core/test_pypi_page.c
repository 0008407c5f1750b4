#include "tests/unit/unit.h"

#include "store/core/pypi_page.h"

#define URL "https://up.example/simple/demo/"
#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char json[] =
    "{\"meta\":{\"api-version\":\"1.4\"},\"name\":\"demo\",\"files\":["
    "{\"filename\":\"demo-1.0-py3-none-any.whl\",\"url\":\"https://files.example/a/"
    "demo-1.0-py3-none-any.whl\","
    "\"hashes\":{\"sha256\":\"" SHA
    "\",\"blake2b\":\"x\"},\"requires-python\":\">=3.8\",\"size\":10,"
    "\"core-metadata\":{\"sha256\":\"" SHA
    "\"},\"upload-time\":\"2026-01-01T00:00:00Z\",\"yanked\":\"bad \\\"one\\\"\"},"
    "{\"filename\":\"demo-0.9.tar.gz\",\"url\":\"../../files/"
    "demo-0.9.tar.gz\",\"hashes\":{},\"yanked\":true,"
    "\"size\":7,\"requires-python\":null},"
    "{\"filename\":\"../x\",\"url\":\"x\"},{\"filename\":\"demo-0.8.tar.gz\",\"url\":\"ftp://x/"
    "y\"},"
    "{\"filename\":7},{},null]}";

static const char html[] =
    "<!DOCTYPE html><html><head><meta name=\"pypi:repository-version\" "
    "content=\"1.0\"></head><body>"
    "<a href=\"https://files.example/a/demo-1.0-py3-none-any.whl#sha256=" SHA
    "\" data-requires-python=\"&gt;=3.8\" data-dist-info-metadata=\"sha256=" SHA
    "\" data-yanked=\"bad &quot;one&quot;\">x</a><br>"
    "<a href='../../files/demo-0.9.tar.gz' data-yanked>demo-0.9.tar.gz</a>"
    "<a href=\"/files/\">no file</a><a>none</a><a href=\"mailto:x@y\">x</a></body></html>";

static void read_ok(struct pypi_page *page, const char *text)
{
    struct err err = { 0 };

    pypi_page_init(page, "demo");
    assert_ok(pypi_page_read(page, text, strlen(text), URL, &err), err);
}

static void a_page_is_read_in_both_forms(void **state)
{
    static const char *const texts[] = { json, html };

    (void)state;
    for (size_t i = 0; i < countof(texts); i++) {
        struct pypi_page page;
        read_ok(&page, texts[i]);
        assert_int_equal(page.count, 2);
        const struct pypi_file *file = pypi_page_find(&page, "demo-1.0-py3-none-any.whl");
        assert_string_equal(file->url, "https://files.example/a/demo-1.0-py3-none-any.whl");
        assert_string_equal(file->hashes.sha256, SHA);
        assert_string_equal(file->metadata_sha256, SHA);
        assert_string_equal(file->requires_python, ">=3.8");
        assert_string_equal(file->yanked, "bad \"one\"");
        assert_int_equal(file->size_bytes, i == 0 ? 10 : -1);
        file = pypi_page_find(&page, "demo-0.9.tar.gz");
        assert_string_equal(file->url, "https://up.example/files/demo-0.9.tar.gz");
        assert_string_equal(file->yanked, "");
        assert_false(file->has_metadata);
        assert_null(file->requires_python);
        assert_null(pypi_page_find(&page, "demo-0.8.tar.gz"));
        pypi_page_done(&page);
    }
}

static void what_is_written_is_read_again(void **state)
{
    int (*const writers[])(const struct pypi_page *, struct buf *,
                           struct err *) = { pypi_page_write_json, pypi_page_write_html };

    (void)state;
    for (size_t i = 0; i < countof(writers); i++) {
        struct pypi_page page;
        struct pypi_page again;
        struct err err = { 0 };
        struct buf text;
        read_ok(&page, json);
        buf_init(&text, PYPI_PAGE_MAX);
        assert_ok(writers[i](&page, &text, &err), err);
        pypi_page_init(&again, "demo");
        assert_ok(pypi_page_read(&again, text.data, text.len, "http://us/api/pypi/r/simple/demo/",
                                 &err),
                  err);
        assert_int_equal(again.count, page.count);
        for (size_t n = 0; n < page.count; n++) {
            const struct pypi_file *file = &again.files[n];
            assert_string_equal(file->name, page.files[n].name);
            assert_string_equal(file->yanked, page.files[n].yanked);
            assert_string_equal(file->hashes.sha256, page.files[n].hashes.sha256);
            assert_string_equal(file->metadata_sha256, page.files[n].metadata_sha256);
            assert_int_equal(strncmp(file->url, "http://us/api/pypi/r/packages/demo/", 35), 0);
        }
        buf_done(&text);
        pypi_page_done(&again);
        pypi_page_done(&page);
    }
}

static void a_page_that_is_none_or_too_new_is_refused(void **state)
{
    static const char *const texts[] = {
        "{",
        "{}",
        "{\"files\":{}}",
        "{\"meta\":{\"api-version\":\"2.0\"},\"files\":[]}",
        "<html><meta name='pypi:repository-version' content='2.0'></html>",
    };
    struct pypi_page page;

    (void)state;
    for (size_t i = 0; i < countof(texts); i++) {
        pypi_page_init(&page, "demo");
        assert_fails(pypi_page_read(&page, texts[i], strlen(texts[i]), URL, NULL), ERR_INVALID);
        pypi_page_done(&page);
    }
}

static void of_two_files_with_one_name_the_first_counts(void **state)
{
    struct pypi_page page;
    struct pypi_page other;

    (void)state;
    pypi_page_init(&page, "demo");
    pypi_page_add(&page, "demo-1.0-py3-none-any.whl")->size_bytes = 99;
    read_ok(&other, json);
    pypi_page_merge(&page, &other);
    assert_int_equal(page.count, 2);
    assert_int_equal(other.count, 0);
    assert_int_equal(pypi_page_find(&page, "demo-1.0-py3-none-any.whl")->size_bytes, 99);
    assert_non_null(pypi_page_find(&page, "demo-0.9.tar.gz"));
    pypi_page_done(&page);
    pypi_page_done(&other);
}

static void the_list_of_projects_is_sorted_and_has_each_once(void **state)
{
    struct pypi_projects projects = { 0 };
    struct err err = { 0 };
    struct buf text;

    (void)state;
    pypi_projects_add(&projects, "b");
    pypi_projects_add(&projects, "a");
    pypi_projects_add(&projects, "b");
    buf_init(&text, PYPI_PAGE_MAX);
    assert_ok(pypi_projects_write_json(&projects, &text, &err), err);
    assert_string_equal(text.data, "{\"meta\":{\"api-version\":\"1.1\"},\"projects\":"
                                   "[{\"name\":\"a\"},{\"name\":\"b\"}]}");
    buf_done(&text);
    pypi_projects_done(&projects);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_is_read_in_both_forms),
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(a_page_that_is_none_or_too_new_is_refused),
        cmocka_unit_test(of_two_files_with_one_name_the_first_counts),
        cmocka_unit_test(the_list_of_projects_is_sorted_and_has_each_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
