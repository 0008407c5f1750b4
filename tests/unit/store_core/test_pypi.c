#include "tests/unit/unit.h"

#include "store/core/pypi.h"

static void a_name_has_one_normal_form(void **state)
{
    static const char *const rows[][2] = {
        { "demo", "demo" }, { "Flask_SQLAlchemy", "flask-sqlalchemy" },
        { "a", "a" },       { "zope.interface", "zope-interface" },
        { "A.-_b", "a-b" }, { "x0", "x0" },
    };
    static const char *const bad[] = { "", "-a", "a-", ".", "a b", "a/b", "ä", "a\nb" };
    char name[PYPI_NAME_MAX + 1];

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct err err = { 0 };
        assert_ok(pypi_normal_name(rows[i][0], name, &err), err);
        assert_string_equal(name, rows[i][1]);
        assert_true(pypi_name_is_normal(rows[i][1]));
    }
    assert_false(pypi_name_is_normal("Demo"));
    for (size_t i = 0; i < countof(bad); i++)
        assert_fails(pypi_normal_name(bad[i], name, NULL), ERR_INVALID);
}

static void a_file_tells_its_version(void **state)
{
    static const struct {
        const char *file;
        const char *project;
        const char *version;
        bool wheel;
    } rows[] = {
        { "demo-1.0-py3-none-any.whl", "demo", "1.0", true },
        { "demo-1.0-1-py3-none-any.whl", "demo", "1.0", true },
        { "zope.interface-5.0-cp39-cp39-manylinux_2_5_x86_64.manylinux1_x86_64.whl",
          "zope-interface", "5.0", true },
        { "demo-1.0+local.1-py3-none-any.whl", "demo", "1.0+local.1", true },
        { "demo-1.0.tar.gz", "demo", "1.0", false },
        { "Flask-SQLAlchemy-2.5.1.tar.gz", "flask-sqlalchemy", "2.5.1", false },
        { "a-b-c-1!2.0rc1.zip", "a-b-c", "1!2.0rc1", false },
        { "a-b-1.tgz", "a", "b-1", false },
    };

    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct pypi_file_name name;
        struct err err = { 0 };
        assert_ok(pypi_file_parse(rows[i].file, rows[i].project, &name, &err), err);
        assert_string_equal(name.version, rows[i].version);
        assert_int_equal(name.wheel, rows[i].wheel);
    }
}

static void other_files_are_refused(void **state)
{
    static const char *const files[] = { "",
                                         "demo.whl",
                                         "demo-1.0.whl",
                                         "demo-1.0-py3-none.whl",
                                         "other-1.0-py3-none-any.whl",
                                         "demo-1-2-3-4-5-6.whl",
                                         "demo--py3-none-any-x.whl",
                                         "demo-1.0.exe",
                                         "demo-1.0-py2.5.egg",
                                         "demo-.tar.gz",
                                         "demo.tar.gz",
                                         "-1.0.tar.gz",
                                         "demo-1/0.tar.gz",
                                         "demo-1.0.tar.gz.asc",
                                         ".tar.gz" };
    struct pypi_file_name name;

    (void)state;
    for (size_t i = 0; i < countof(files); i++)
        assert_fails(pypi_file_parse(files[i], "demo", &name, NULL), ERR_INVALID);
}

static void a_path_tells_the_project(void **state)
{
    struct item_path item;
    struct item_path of;
    struct err err = { 0 };
    char project[PYPI_NAME_MAX + 1];

    (void)state;
    assert_ok(pypi_item("r", "a-b", "A_b-1.0.tar.gz", &item, &err), err);
    assert_string_equal(item.path, "a-b/1.0/A_b-1.0.tar.gz");
    assert_true(pypi_item_project(&item, project));
    assert_string_equal(project, "a-b");
    assert_false(pypi_item_is_metadata(&item, &of));
    assert_ok(pypi_item("r", "a-b", "odd.egg", &item, &err), err);
    assert_string_equal(item.path, "a-b/-/odd.egg");
    assert_ok(item_path_check("/r/a-b/1.0/x.whl.metadata", &item, &err), err);
    assert_true(pypi_item_is_metadata(&item, &of));
    assert_string_equal(of.path, "a-b/1.0/x.whl");
    assert_fails(pypi_item("r", "a", "../../x", &item, NULL), ERR_INVALID);
    assert_fails(pypi_item("r", "a", "..", &item, NULL), ERR_INVALID);
    assert_fails(pypi_item("r", "a", "", &item, NULL), ERR_INVALID);
    static const char *const bad[] = { "/r/x", "/r/a/b", "/r/A/1/x", "/r/a/1/x/y", "/r/a/1/" };
    for (size_t i = 0; i < countof(bad); i++) {
        assert_ok(item_path_check(bad[i], &item, &err), err);
        assert_false(pypi_item_project(&item, project));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_has_one_normal_form),
        cmocka_unit_test(a_file_tells_its_version),
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(a_path_tells_the_project),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
