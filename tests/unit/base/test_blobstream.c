#include "sos/base/blobstream.h"

#include <sys/stat.h>
#include <zstd.h>

#include "sos/base/buf.h"
#include "tests/unit/unit.h"

struct scene {
    struct blobs *blobs;
    struct buf stream;
    struct err err;
    int asked;
};

static void scene_init(struct scene *s, void **state)
{
    *s = (struct scene){ 0 };
    auto_free char *dir = xasprintf("%s/blobs", (char *)*state);
    assert_ok(blobs_open(dir, &s->blobs, &s->err), s->err);
    buf_init(&s->stream, 16 << 20);
}

static void scene_done(struct scene *s)
{
    buf_done(&s->stream);
    blobs_close(s->blobs);
}

static int keep(void *ctx, const void *data, size_t len)
{
    return buf_add(ctx, data, len);
}

static int want_all(void *ctx, const char *sha256, int64_t size)
{
    struct scene *s = ctx;
    (void)sha256, (void)size;
    s->asked++;
    return 1;
}

static int want_none(void *ctx, const char *sha256, int64_t size)
{
    (void)ctx, (void)sha256, (void)size;
    return 0;
}

/* Feeds the stream in parts of `step` bytes. */
static int read_stream(struct scene *s, const void *data, size_t len, size_t step,
                       blobstream_wanted_fn wanted, int64_t bytes_max)
{
    struct blobstream_reader *r = blobstream_reader_new(s->blobs, wanted, s, 100, bytes_max);
    int rc = 0;
    for (size_t at = 0; rc == 0 && at < len; at += step)
        rc =
            blobstream_feed(r, (const char *)data + at, len - at < step ? len - at : step, &s->err);
    if (rc == 0)
        rc = blobstream_finish(r, &s->err);
    else
        assert_true(blobstream_finish(r, NULL) < 0 && blobstream_feed(r, "", 0, NULL) < 0);
    blobstream_reader_free(r);
    return rc;
}

static bool have(struct scene *s, const char *text, size_t len)
{
    char hex[SHA256_HEX];
    sha256_hex(text, len, hex);
    return blobs_have(s->blobs, hex);
}

static void add_text(struct scene *s, struct blobstream_writer *w, const char *text)
{
    char hex[SHA256_HEX];
    sha256_hex(text, strlen(text), hex);
    assert_ok(blobstream_add_bytes(w, text, strlen(text), hex, &s->err), s->err);
}

/* A stream of two small blobs and an empty one. */
static void make_stream(struct scene *s)
{
    struct blobstream_writer *w = blobstream_writer_new(keep, &s->stream);
    add_text(s, w, "one");
    add_text(s, w, "");
    add_text(s, w, "three, with\nlines");
    assert_ok(blobstream_end(w, &s->err), s->err);
    blobstream_writer_free(w);
}

/* A frame around any text. */
static void frame(struct scene *s, const char *text)
{
    size_t room = ZSTD_compressBound(strlen(text));
    auto_free char *packed = xmalloc(room);
    size_t len = ZSTD_compress(packed, room, text, strlen(text), 1);
    buf_clear(&s->stream);
    assert_int_equal(buf_add(&s->stream, packed, len), 0);
}

static void blobs_arrive_however_the_stream_is_cut_up(void **state)
{
    static const size_t steps[] = { 1, 7, 100000 };
    for (size_t i = 0; i < countof(steps); i++) {
        struct scene s;
        unit_folder_make(state);
        scene_init(&s, state);
        make_stream(&s);
        assert_ok(read_stream(&s, s.stream.data, s.stream.len, steps[i], want_all, 100), s.err);
        assert_int_equal(s.asked, 3);
        assert_true(have(&s, "one", 3) && have(&s, "", 0) && have(&s, "three, with\nlines", 17));
        scene_done(&s);
        unit_folder_drop(state);
    }
}

static void a_large_file_travels(void **state)
{
    struct scene s;
    struct digests d;
    scene_init(&s, state);
    size_t len = 3000000;
    auto_free char *text = xmalloc(len);
    for (size_t i = 0; i < len; i++)
        text[i] = (char)(i * i >> 7);
    auto_free char *path = xasprintf("%s/f", (char *)*state);
    assert_ok(fs_write_atomic(path, text, len, 0600, &s.err), s.err);
    assert_ok(digest_file(path, &d, &s.err), s.err);
    struct blobstream_writer *w = blobstream_writer_new(keep, &s.stream);
    assert_ok(blobstream_add_file(w, path, d.sha256, d.size_bytes, &s.err), s.err);
    assert_ok(blobstream_end(w, &s.err), s.err);
    blobstream_writer_free(w);
    assert_ok(read_stream(&s, s.stream.data, s.stream.len, 65536, want_all, 3000000), s.err);
    assert_true(have(&s, text, len));
    scene_done(&s);
}

static void an_empty_stream_is_whole_and_no_bytes_are_not(void **state)
{
    struct scene s;
    scene_init(&s, state);
    struct blobstream_writer *w = blobstream_writer_new(keep, &s.stream);
    assert_ok(blobstream_end(w, &s.err), s.err);
    blobstream_writer_free(w);
    assert_ok(read_stream(&s, s.stream.data, s.stream.len, 1, want_all, 0), s.err);
    assert_fails(read_stream(&s, "", 0, 1, want_all, 0), ERR_INVALID);
    scene_done(&s);
}

static void a_stream_that_is_cut_anywhere_is_not_whole(void **state)
{
    struct scene s;
    scene_init(&s, state);
    make_stream(&s);
    for (size_t cut = 0; cut < s.stream.len; cut++)
        assert_fails(read_stream(&s, s.stream.data, cut, 100, want_all, 100), ERR_INVALID);
    scene_done(&s);
}

static void a_changed_byte_never_gives_other_blobs(void **state)
{
    struct scene s;
    scene_init(&s, state);
    make_stream(&s);
    for (size_t i = 0; i < s.stream.len; i++) {
        s.stream.data[i] ^= 0x20;
        int rc = read_stream(&s, s.stream.data, s.stream.len, 100, want_all, 100);
        if (rc == 0)
            assert_true(have(&s, "one", 3) && have(&s, "three, with\nlines", 17));
        s.stream.data[i] ^= 0x20;
    }
    scene_done(&s);
}

static void what_was_not_asked_for_is_refused(void **state)
{
    struct scene s;
    scene_init(&s, state);
    make_stream(&s);
    assert_fails(read_stream(&s, s.stream.data, s.stream.len, 100, want_none, 100), ERR_INVALID);
    assert_false(have(&s, "one", 3));
    scene_done(&s);
}

static void what_came_before_a_failure_stays(void **state)
{
    struct scene s;
    scene_init(&s, state);
    make_stream(&s);
    assert_fails(read_stream(&s, s.stream.data, s.stream.len, 100, want_all, 10), ERR_LIMIT);
    assert_true(have(&s, "one", 3));
    assert_false(have(&s, "three, with\nlines", 17));
    scene_done(&s);
}

#define SHA "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

/* Blobs are committed together, those of a stream that stops in the middle as well. */
static void what_came_whole_before_the_client_left_stays(void **state)
{
    struct scene s;
    scene_init(&s, state);
    struct blobstream_writer *w = blobstream_writer_new(keep, &s.stream);
    for (int i = 0; i < 100; i++) {
        auto_free char *text = xasprintf("number %d", i);
        add_text(&s, w, text);
    }
    assert_ok(blobstream_end(w, &s.err), s.err);
    blobstream_writer_free(w);

    struct blobstream_reader *r = blobstream_reader_new(s.blobs, want_all, &s, 100, 10000);
    assert_ok(blobstream_feed(r, s.stream.data, s.stream.len, &s.err), s.err);
    blobstream_reader_free(r);
    for (int i = 0; i < 100; i++) {
        auto_free char *text = xasprintf("number %d", i);
        assert_true(have(&s, text, strlen(text)));
    }
    scene_done(&s);
}

/* A frame of nothing but heads is short and unpacks to any number of them. */
static void endless_empty_blobs_are_refused(void **state)
{
    struct scene s;
    char hex[SHA256_HEX];
    sha256_hex("", 0, hex);
    scene_init(&s, state);
    struct buf text;
    buf_init(&text, 64 << 20);
    for (int i = 0; i < 101; i++)
        assert_int_equal(buf_printf(&text, "%s 0\n", hex), 0);
    frame(&s, text.data);
    buf_done(&text);
    assert_int_equal(read_stream(&s, s.stream.data, s.stream.len, s.stream.len, want_all, 10),
                     -ERR_LIMIT);
    scene_done(&s);
}

static void a_head_is_exactly_a_digest_and_a_size(void **state)
{
    static const char *const bad[] = {
        "\n",
        "x 3\nabc",
        SHA "\nabc",
        SHA " \nabc",
        SHA " -3\nabc",
        SHA " 03\nabc",
        SHA "  3\nabc",
        SHA " 3 \nabc",
        SHA " 3\r\nabc",
        SHA " 9999999999999999999\nabc",
        " " SHA " 3\nabc",
        SHA SHA SHA " 3\nabc",
        SHA " 3\nab",
        SHA " 2\nabc",
        SHA " 3\nabd",
        SHA " 3\nabcx",
        SHA " 3",
    };
    struct scene s;
    scene_init(&s, state);
    for (size_t i = 0; i < countof(bad); i++) {
        frame(&s, bad[i]);
        if (read_stream(&s, s.stream.data, s.stream.len, 100, want_all, 100) != -ERR_INVALID)
            fail_msg("'%s' was taken", bad[i]);
    }
    frame(&s, SHA " 3\nabc");
    assert_ok(read_stream(&s, s.stream.data, s.stream.len, 100, want_all, 100), s.err);
    scene_done(&s);
}

static void nothing_may_follow_the_stream(void **state)
{
    struct scene s;
    scene_init(&s, state);
    make_stream(&s);
    assert_int_equal(buf_add_str(&s.stream, "x"), 0);
    assert_fails(read_stream(&s, s.stream.data, s.stream.len, 1, want_all, 100), ERR_INVALID);
    assert_fails(read_stream(&s, s.stream.data, s.stream.len, 1000, want_all, 100), ERR_INVALID);
    scene_done(&s);
}

static void a_file_that_changed_is_told(void **state)
{
    struct scene s;
    struct digests d;
    scene_init(&s, state);
    auto_free char *path = xasprintf("%s/f", (char *)*state);
    auto_free char *fifo = xasprintf("%s/fifo", (char *)*state);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_ok(fs_write_atomic(path, "abc", 3, 0600, &s.err), s.err);
    assert_ok(digest_file(path, &d, &s.err), s.err);
    struct blobstream_writer *w = blobstream_writer_new(keep, &s.stream);
    assert_ok(fs_write_atomic(path, "abd", 3, 0600, &s.err), s.err);
    assert_fails(blobstream_add_file(w, path, d.sha256, 3, &s.err), ERR_CONFLICT);
    assert_string_equal(s.err.reason, "SOURCE_CHANGED");
    assert_ok(fs_write_atomic(path, "abcd", 4, 0600, &s.err), s.err);
    assert_fails(blobstream_add_file(w, path, d.sha256, 3, &s.err), ERR_CONFLICT);
    assert_fails(blobstream_add_file(w, fifo, d.sha256, 3, &s.err), ERR_CONFLICT);
    blobstream_writer_free(w);
    blobstream_writer_free(NULL);
    scene_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blobs_arrive_however_the_stream_is_cut_up),
        unit_test_in_folder(a_large_file_travels),
        unit_test_in_folder(an_empty_stream_is_whole_and_no_bytes_are_not),
        unit_test_in_folder(a_stream_that_is_cut_anywhere_is_not_whole),
        unit_test_in_folder(a_changed_byte_never_gives_other_blobs),
        unit_test_in_folder(what_was_not_asked_for_is_refused),
        unit_test_in_folder(what_came_before_a_failure_stays),
        unit_test_in_folder(what_came_whole_before_the_client_left_stays),
        unit_test_in_folder(endless_empty_blobs_are_refused),
        unit_test_in_folder(a_head_is_exactly_a_digest_and_a_size),
        unit_test_in_folder(nothing_may_follow_the_stream),
        unit_test_in_folder(a_file_that_changed_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
