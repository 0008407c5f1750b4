#include "tests/unit/unit.h"

#include "sos/base/buf.h"
#include "store/core/multipart.h"

/* Each part as "name|filename|bytes\n". */
static int on_begin(void *ctx, const struct multipart_part *part, struct err *err)
{
    (void)err;
    return buf_printf(ctx, "%s|%s|", part->name, part->is_file ? part->filename : "-");
}

static int on_data(void *ctx, const char *data, size_t len, struct err *err)
{
    (void)err;
    return buf_add(ctx, data, len);
}

static int on_end(void *ctx, struct err *err)
{
    (void)err;
    return buf_add_str(ctx, "\n");
}

static const struct multipart_events events = { on_begin, on_data, on_end };

/* Given in pieces of `step` bytes. */
static int take(const char *type, const char *body, size_t len, size_t step, struct buf *ret)
{
    struct multipart *multipart;
    int rc = multipart_new(type, &events, ret, &multipart, NULL);

    if (rc < 0)
        return rc;
    for (size_t at = 0; rc == 0 && at < len; at += step)
        rc = multipart_add(multipart, body + at, at + step < len ? step : len - at, NULL);
    if (rc == 0)
        rc = multipart_end(multipart, NULL);
    multipart_free(multipart);
    return rc;
}

#define TYPE       "multipart/form-data; boundary=AaB"
#define HEAD(name) "Content-Disposition: form-data; name=\"" name "\"\r\n\r\n"

static void a_form_is_taken_apart_however_it_is_cut(void **state)
{
    static const char body[] = "ignored\r\n--AaB\r\n" HEAD(
        "one") "1\r\n2\r\n--AaB\r\n"
               "content-disposition: form-data; name=two; filename=\"a \\\"b\\\".c\"\r\n"
               "Content-Type: x/y\r\n\r\n"
               "\r\n\r\n--Aa\r\r\n--A-\r\n--AaB \t\r\n" HEAD(
                   "three") "\r\n--AaB--\r\nignored --AaB";
    struct buf got;

    (void)state;
    for (size_t step = 1; step < sizeof body; step++) {
        buf_init(&got, 4096);
        assert_int_equal(take(TYPE, body, sizeof body - 1, step, &got), 0);
        assert_string_equal(got.data, "one|-|1\r\n2\n"
                                      "two|a \"b\".c|\r\n\r\n--Aa\r\r\n--A-\n"
                                      "three|-|\n");
        buf_done(&got);
    }
}

static void the_boundary_is_read_as_it_may_be_written(void **state)
{
    static const char body[] = "--AaB\r\n" HEAD("x") "y\r\n--AaB--";
    static const char *const good[] = { TYPE, "Multipart/Form-Data;boundary=\"AaB\"",
                                        "multipart/form-data; charset=utf-8; boundary=AaB; x=y" };
    static const char *const bad[] = { "multipart/form-data",
                                       "text/plain; boundary=AaB",
                                       "multipart/form-data; boundary=",
                                       "multipart/form-data; boundary=\"AaB",
                                       "multipart/form-data; boundary=\"a\r\"",
                                       "multipart/form-data; xboundary=AaB" };
    struct buf got;

    (void)state;
    for (size_t i = 0; i < countof(good); i++) {
        buf_init(&got, 4096);
        assert_int_equal(take(good[i], body, sizeof body - 1, 7, &got), 0);
        assert_string_equal(got.data, "x|-|y\n");
        buf_done(&got);
    }
    buf_init(&got, 4096);
    for (size_t i = 0; i < countof(bad); i++)
        assert_fails(take(bad[i], body, sizeof body - 1, 7, &got), ERR_INVALID);
    assert_fails(take(NULL, body, sizeof body - 1, 7, &got), ERR_INVALID);
    assert_int_equal(got.len, 0);
}

static void what_is_no_form_is_refused(void **state)
{
    static const char *const bodies[] = {
        "",
        "--AaB\r\n",
        "--AaB\r\n" HEAD("x") "y",
        "--AaB\r\n" HEAD("x") "y\r\n--AaB",
        "--AaB\r\nContent-Type: x/y\r\n\r\ny\r\n--AaB--",
        "--AaB\r\nContent-Disposition: form-data\r\n\r\ny\r\n--AaB--",
        "--AaB\r\nContent-Disposition: form-data; name=\"x\r\n\r\ny\r\n--AaB--",
        "--AaB\r\nContent-Disposition: form-data; name=\"\x01\"\r\n\r\ny\r\n--AaB--",
        "--AaB\r\nContent-Disposition: attachment; name=\"x\"\r\n\r\ny\r\n--AaB--",
    };
    struct buf got;

    (void)state;
    for (size_t i = 0; i < countof(bodies); i++) {
        buf_init(&got, 4096);
        assert_fails(take(TYPE, bodies[i], strlen(bodies[i]), 3, &got), ERR_INVALID);
        buf_done(&got);
    }
}

static void headers_and_parts_have_a_limit(void **state)
{
    struct buf body;
    struct buf got;

    (void)state;
    buf_init(&body, 1 << 20);
    buf_init(&got, 1 << 20);
    buf_add_str(&body, "--AaB\r\nX: ");
    for (int i = 0; i < MULTIPART_HEADERS_MAX; i++)
        buf_add_str(&body, "x");
    assert_fails(take(TYPE, body.data, body.len, 1000, &got), ERR_LIMIT);
    buf_clear(&body);
    for (int i = 0; i <= MULTIPART_PARTS_MAX; i++)
        buf_add_str(&body, "--AaB\r\n" HEAD("x") "\r\n");
    assert_fails(take(TYPE, body.data, body.len, 1000, &got), ERR_LIMIT);
    buf_done(&got);
    buf_done(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_form_is_taken_apart_however_it_is_cut),
        cmocka_unit_test(the_boundary_is_read_as_it_may_be_written),
        cmocka_unit_test(what_is_no_form_is_refused),
        cmocka_unit_test(headers_and_parts_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
