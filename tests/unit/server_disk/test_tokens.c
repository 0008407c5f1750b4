#include "disk.h"

#include "server/disk/tokens.h"

static void create(struct disk *disk, const char *id, int64_t wall_ms)
{
    struct auth_token token = { .role = SOS_ROLE_MAINTAINER, .expire_wall_ms = 77 };
    snprintf(token.id, sizeof token.id, "%s", id);
    snprintf(token.subject, sizeof token.subject, "ann");
    sha256_hex(id, strlen(id), token.sha256);
    assert_ok(TASK(disk, tokens_create(disk->db, &token, wall_ms, &disk->err)), disk->err);
}

static void note(void *ctx, const struct auth_token *token)
{
    assert_int_equal(token->role, SOS_ROLE_MAINTAINER);
    assert_int_equal(token->expire_wall_ms, 77);
    assert_string_equal(token->subject, "ann");
    assert_true(sha256_hex_is_valid(token->sha256));
    strcat(ctx, token->id);
}

static void a_revoked_token_is_listed_but_not_loaded(void **state)
{
    struct disk disk;
    disk_open(&disk, state);
    create(&disk, "a", 1);
    create(&disk, "b", 2);
    assert_ok(TASK(&disk, tokens_revoke(disk.db, "a", 5, &disk.err)), disk.err);
    assert_ok(TASK(&disk, tokens_revoke(disk.db, "a", 6, &disk.err)), disk.err);
    assert_fails(TASK(&disk, tokens_revoke(disk.db, "c", 5, &disk.err)), ERR_NOT_FOUND);

    char loaded[10] = "";
    assert_ok(tokens_load(disk.db, note, loaded, &disk.err), disk.err);
    assert_string_equal(loaded, "b");

    struct sos_list_tokens_response list;
    assert_ok(tokens_list(disk.db, &list, &disk.err), disk.err);
    assert_int_equal(list.tokens_count, 2);
    assert_string_equal(list.tokens[0].id, "b");
    assert_int_equal(list.tokens[0].revoke_time_ms, 0);
    assert_int_equal(list.tokens[1].revoke_time_ms, 5); /* the first time */
    assert_int_equal(list.tokens[1].role, SOS_ROLE_MAINTAINER);
    assert_null(list.tokens[1].secret);
    sos_list_tokens_response_done(&list);
    disk_close(&disk);
}

static void an_id_is_given_once(void **state)
{
    struct disk disk;
    disk_open(&disk, state);
    create(&disk, "a", 1);
    struct auth_token token = { .id = "a", .role = SOS_ROLE_ADMIN };
    sha256_hex("other", 5, token.sha256);
    assert_fails(TASK(&disk, tokens_create(disk.db, &token, 2, &disk.err)), ERR_CONFLICT);
    disk_close(&disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit_test_in_folder(a_revoked_token_is_listed_but_not_loaded),
        unit_test_in_folder(an_id_is_given_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
