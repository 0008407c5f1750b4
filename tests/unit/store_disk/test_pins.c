#include "tests/unit/unit.h"

#include <pthread.h>
#include <stdatomic.h>

#include "store/disk/index.h"
#include "store/disk/pins.h"

struct world {
    struct pins *pins;
    struct blobs *blobs;
    struct db *writer;
    struct db *reader;
};

static void world_open(struct world *world, const char *folder)
{
    auto_free char *index = xasprintf("%s/index.db", folder);
    auto_free char *dir = xasprintf("%s/blobs", folder);
    struct err err = { 0 };

    world->pins = pins_new();
    assert_ok(blobs_open(dir, &world->blobs, &err), err);
    assert_ok(index_open_writer(index, &world->writer, &err), err);
    assert_ok(db_open_reader(index, &world->reader, &err), err);
}

static void world_close(struct world *world)
{
    db_close(world->reader);
    db_close(world->writer);
    blobs_close(world->blobs);
    pins_free(world->pins);
}

static void blob_put(struct world *world, const char *text, char ret_sha256[SHA256_HEX])
{
    struct blob_writer *writer;
    struct digests digests;
    struct err err = { 0 };

    assert_ok(blob_begin(world->blobs, &writer, &err), err);
    assert_ok(blob_write(writer, text, strlen(text), &err), err);
    assert_ok(blob_commit(writer, NULL, &digests, &err), err);
    memcpy(ret_sha256, digests.sha256, SHA256_HEX);
}

static int blob_remove(struct world *world, const char *sha256)
{
    return pins_remove_blob(world->pins, world->blobs, world->reader, sha256, NULL);
}

static void pinned_bytes_stay_until_the_last_pin_is_dropped(void **state)
{
    struct world world;
    char sha256[SHA256_HEX];

    world_open(&world, *state);
    blob_put(&world, "one", sha256);
    pins_add(world.pins, sha256);
    pins_add(world.pins, sha256);
    assert_int_equal(blob_remove(&world, sha256), 0);
    pins_drop(world.pins, sha256);
    assert_int_equal(blob_remove(&world, sha256), 0);
    assert_true(blobs_have(world.blobs, sha256));
    pins_drop(world.pins, sha256);
    assert_int_equal(blob_remove(&world, sha256), 1);
    assert_false(blobs_have(world.blobs, sha256));
    assert_int_equal(blob_remove(&world, sha256), 1);
    world_close(&world);
}

static void bytes_with_a_row_stay(void **state)
{
    struct world world;
    char sha256[SHA256_HEX];

    world_open(&world, *state);
    blob_put(&world, "one", sha256);
    assert_int_equal(db_run(world.writer, NULL, NULL, "INSERT INTO blobs VALUES (?, '', '', 3)",
                            "t", sha256),
                     0);
    assert_int_equal(blob_remove(&world, sha256), 0);
    assert_true(blobs_have(world.blobs, sha256));
    world_close(&world);
}

enum { TURNS = 200 };

struct race {
    struct world world;
    atomic_bool ended;
    char sha256[SHA256_HEX];
};

static void *remover(void *ctx)
{
    struct race *race = ctx;

    while (!atomic_load(&race->ended))
        if (blob_remove(&race->world, race->sha256) < 0)
            abort();
    return NULL;
}

/* Whoever pins before he makes sure of the file finds it for as long as he holds the pin. */
static void a_remover_never_takes_what_is_pinned(void **state)
{
    struct race race = { .ended = false };
    pthread_t thread;

    world_open(&race.world, *state);
    blob_put(&race.world, "contended", race.sha256);
    assert_int_equal(pthread_create(&thread, NULL, remover, &race), 0);
    for (int i = 0; i < TURNS; i++) {
        char sha256[SHA256_HEX];
        pins_add(race.world.pins, race.sha256);
        blob_put(&race.world, "contended", sha256);
        assert_true(blobs_have(race.world.blobs, race.sha256));
        pins_drop(race.world.pins, race.sha256);
    }
    atomic_store(&race.ended, true);
    pthread_join(thread, NULL);
    world_close(&race.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit_test_in_folder(pinned_bytes_stay_until_the_last_pin_is_dropped),
        unit_test_in_folder(bytes_with_a_row_stay),
        unit_test_in_folder(a_remover_never_takes_what_is_pinned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
