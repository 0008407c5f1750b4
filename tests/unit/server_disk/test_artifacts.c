#include "disk.h"

#include "server/disk/artifacts.h"

static void put(struct disk *disk, const char *name, const char *version, const char *bytes)
{
    char sha256[SHA256_HEX];
    sha256_hex(bytes, strlen(bytes), sha256);
    struct sos_artifact_file file = { .path = (char *)"demo.jar",
                                      .size_bytes = 3,
                                      .sha256 = sha256 };
    struct sos_artifact artifact = { .name = (char *)name,
                                     .version = (char *)version,
                                     .files = &file,
                                     .files_count = 1,
                                     .create_time_ms = 9 };
    disk->err = (struct err){ 0 };
    TASK(disk, artifacts_put(disk->db, &artifact, &disk->err));
}

static void a_version_holds_its_bytes_for_ever(void **state)
{
    struct disk disk;
    disk_open(&disk, state);
    put(&disk, "demo", "1", "abc");
    assert_int_equal(disk.err.code, ERR_NONE);
    put(&disk, "demo", "1", "abc"); /* a retry of the publication */
    assert_int_equal(disk.err.code, ERR_NONE);
    put(&disk, "demo", "1", "xyz");
    assert_int_equal(disk.err.code, ERR_CONFLICT);
    assert_string_equal(disk.err.reason, "VERSION_CONFLICT");
    char had[SHA256_HEX], new[SHA256_HEX];
    sha256_hex("abc", 3, had);
    sha256_hex("xyz", 3, new);
    assert_non_null(strstr(disk.err.text, had));
    assert_non_null(strstr(disk.err.text, new));

    struct sos_artifact got;
    assert_ok(artifacts_get(disk.db, "demo", "1", &got, &disk.err), disk.err);
    assert_int_equal(got.files_count, 1);
    assert_string_equal(got.files[0].sha256, had);
    assert_int_equal(got.files[0].size_bytes, 3);
    sos_artifact_done(&got);
    assert_fails(artifacts_get(disk.db, "demo", "2", &got, NULL), ERR_NOT_FOUND);
    disk_close(&disk);
}

static void other_files_are_a_conflict_too(void **state)
{
    struct disk disk;
    disk_open(&disk, state);
    put(&disk, "demo", "1", "abc");
    struct sos_artifact none = { .name = (char *)"demo", .version = (char *)"1" };
    assert_fails(TASK(&disk, artifacts_put(disk.db, &none, &disk.err)), ERR_CONFLICT);
    disk_close(&disk);
}

static void pages_hold_each_artifact_once(void **state)
{
    struct disk disk;
    disk_open(&disk, state);
    static const char *const versions[] = { "1", "2", "3", "4", "5" };
    for (size_t i = 0; i < countof(versions); i++)
        put(&disk, i % 2 ? "odd" : "even", versions[i], "abc");
    for (int32_t size = 1; size <= 6; size++) {
        char told[10] = "";
        auto_free char *token = NULL;
        do {
            struct sos_list_artifacts_response page;
            assert_ok(artifacts_list(disk.db, size % 2 ? NULL : "even", size, token, &page,
                                     &disk.err),
                      disk.err);
            for (size_t i = 0; i < page.artifacts_count; i++) {
                strcat(told, page.artifacts[i].version);
                assert_int_equal(page.artifacts[i].files_count, 1);
            }
            free(token);
            token = xstrdup(page.next_page_token);
            sos_list_artifacts_response_done(&page);
        } while (token);
        assert_string_equal(told, size % 2 ? "54321" : "531");
    }
    disk_close(&disk);
}

static int note(void *ctx, struct publication *publication)
{
    char *told = ctx;
    sprintf(told + strlen(told), "%s/%s/%d/%s ", publication->build, publication->artifact.name,
            publication->tries, publication->note ? publication->note : "-");
    return 0;
}

static void the_outbox_holds_what_the_store_has_not_confirmed(void **state)
{
    struct disk disk;
    disk_open(&disk, state);
    char source[TREE_ID_MAX];
    source_make(&disk, "x", source);
    for (int i = 1; i <= 2; i++) {
        struct build_row row, made;
        row_make(&row, source, "demo");
        free(row.msg.id);
        row.msg.id = xasprintf("b%d", i);
        submit(&disk, &row, NULL, &made);
        build_row_done(&made);
        build_row_done(&row);
        auto_free char *id = xasprintf("b%d", i), *name = xasprintf("n%d", i);
        struct sos_artifact artifact = { .name = name }, later = { .name = (char *)"later" };
        assert_ok(TASK(&disk, publications_add(disk.db, id, &artifact, 10 - i, &disk.err)),
                  disk.err);
        assert_ok(TASK(&disk, publications_add(disk.db, id, &later, 20, &disk.err)), disk.err);
    }
    assert_ok(TASK(&disk, publications_failed(disk.db, "b1", "down", &disk.err)), disk.err);
    char told[200] = "";
    assert_ok(publications_each(disk.db, note, told, &disk.err), disk.err);
    assert_string_equal(told, "b2/n2/0/- b1/n1/1/down ");

    assert_ok(TASK(&disk, publications_remove(disk.db, "b2", &disk.err)), disk.err);
    assert_ok(TASK(&disk, publications_remove(disk.db, "b2", &disk.err)), disk.err);
    told[0] = '\0';
    assert_ok(publications_each(disk.db, note, told, &disk.err), disk.err);
    assert_string_equal(told, "b1/n1/1/down ");

    struct sos_artifact artifact = { .name = (char *)"n" };
    assert_true(TASK(&disk, publications_add(disk.db, "none", &artifact, 1, &disk.err)) < 0);
    disk_close(&disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit_test_in_folder(a_version_holds_its_bytes_for_ever),
        unit_test_in_folder(other_files_are_a_conflict_too),
        unit_test_in_folder(pages_hold_each_artifact_once),
        unit_test_in_folder(the_outbox_holds_what_the_store_has_not_confirmed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
