/* A store whose strands are held still: what happens to a call whose client leaves, or whose store
 * stops, is then no matter of luck. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "store/web/store.h"

/* In place of the C library's: while true, what is below blobs/ cannot be synced. */
static atomic_bool blobs_fail;

int fsync(int fd)
{
    char path[256];
    auto_free char *self = xasprintf("/proc/self/fd/%d", fd);
    ssize_t len = readlink(self, path, sizeof path - 1);

    path[len > 0 ? len : 0] = '\0';
    if (atomic_load(&blobs_fail) && strstr(path, "/blobs/")) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

/* Keeps a strand busy until it is let go. */
struct hold {
    struct task task;
    uv_sem_t sem;
};

struct rig {
    uv_loop_t loop;
    struct store_settings settings;
    struct store *store;
    struct hold holds[STORE_DISKS];
    size_t held;
    bool stopped;
    char token[SECRET_MAX + 1];
};

static void hold_work(struct task *task)
{
    uv_sem_wait(&container_of(task, struct hold, task)->sem);
}

static void hold_done(struct task *task)
{
    uv_sem_destroy(&container_of(task, struct hold, task)->sem);
}

static void rig_hold(struct rig *rig, struct strand *strand)
{
    struct hold *hold = &rig->holds[rig->held++];

    assert_int_equal(uv_sem_init(&hold->sem, 0), 0);
    strand_post(strand, &hold->task, hold_work, hold_done);
}

static void rig_let_go(struct rig *rig)
{
    while (rig->held > 0)
        uv_sem_post(&rig->holds[--rig->held].sem);
}

static void token_read(struct rig *rig, const char *folder)
{
    auto_free char *path = xasprintf("%s/admin.token", folder);
    struct buf text;

    buf_init(&text, SECRET_MAX);
    assert_int_equal(fs_read(path, &text, NULL), 0);
    snprintf(rig->token, sizeof rig->token, "%.*s", (int)strcspn(text.data, "\n"), text.data);
    buf_done(&text);
}

static void rig_start(struct rig *rig, const char *folder)
{
    struct err err = { 0 };

    *rig = (struct rig){ .settings = { .state_dir = folder,
                                       .repositories = "r",
                                       .public_url = "",
                                       .upload_bytes_max = 1 << 20,
                                       .sweep_period_ms = 3600000,
                                       .http = { .address = "127.0.0.1" } } };
    uv_loop_init(&rig->loop);
    assert_int_equal(store_start(&rig->loop, &rig->settings, &rig->store, &err), 0);
    token_read(rig, folder);
}

static void on_stopped(void *ctx)
{
    struct rig *rig = ctx;
    rig->stopped = true;
}

/* To the end of everything: a task that was forgotten would leave the loop with work. */
static void rig_end(struct rig *rig)
{
    uv_run(&rig->loop, UV_RUN_DEFAULT);
    assert_true(rig->stopped);
    assert_int_equal(uv_loop_close(&rig->loop), 0);
}

/* Sends a request and lets the store read it; the connection. */
static int rig_ask(struct rig *rig, const char *line, const char *body)
{
    struct http_stats stats;
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)http_port(rig->store->http)),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    auto_free char *text = xasprintf(
        "%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %zu\r\n\r\n%s", line,
        rig->token, strlen(body), body);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
    do {
        uv_run(&rig->loop, UV_RUN_ONCE);
        http_stats(rig->store->http, &stats);
    } while (stats.requests == 0);
    return fd;
}

static void rig_leave(struct rig *rig, int fd)
{
    struct http_stats stats;

    close(fd);
    do {
        uv_run(&rig->loop, UV_RUN_ONCE);
        http_stats(rig->store->http, &stats);
    } while (stats.open > 0);
}

static size_t disks_waiting(const struct store *store)
{
    size_t count = 0;

    for (int i = 0; i < STORE_DISKS; i++)
        count += strand_waiting(store->disks[i]);
    return count;
}

/* --- tests --- */

static void a_list_is_made_though_its_client_has_left(void **state)
{
    struct rig rig;

    rig_start(&rig, *state);
    rig_hold(&rig, rig.store->reader);
    int fd = rig_ask(&rig, "GET /api/storage/r/?list&deep=1&listFolders=1", "");
    rig_leave(&rig, fd);
    rig_let_go(&rig);
    store_stop(rig.store, on_stopped, &rig);
    rig_end(&rig);
}

static void on_paced(struct task *task)
{
    task->rc = 1;
}

static void nothing(struct task *task)
{
    (void)task;
}

/* Time enough for the pool to do what it has. */
static void rig_pace(struct rig *rig)
{
    struct strand *strand = strand_new(&rig->loop, NULL, NULL, NULL);

    for (int i = 0; i < 100; i++) {
        struct task task = { 0 };
        strand_post(strand, &task, nothing, on_paced);
        while (task.rc == 0)
            uv_run(&rig->loop, UV_RUN_ONCE);
    }
    strand_close(strand, NULL, NULL);
}

/* Its client is gone and the store stops while the bytes are on their way to the disk: the call
 * goes on from strand to strand, and none of them may be gone before it. */
static void a_store_that_stops_waits_for_the_call_at_work(void **state)
{
    struct rig rig;
    struct db *db;
    struct item item;
    struct item_path at;
    auto_free char *index = xasprintf("%s/index.db", (char *)*state);

    rig_start(&rig, *state);
    for (int i = 0; i < STORE_DISKS; i++)
        rig_hold(&rig, rig.store->disks[i]);
    int fd = rig_ask(&rig, "PUT /r/a", "abc");
    while (disks_waiting(rig.store) == 0)
        uv_run(&rig.loop, UV_RUN_ONCE);
    rig_leave(&rig, fd);
    store_stop(rig.store, on_stopped, &rig);
    rig_pace(&rig);
    assert_false(rig.stopped);
    rig_let_go(&rig);
    rig_end(&rig);

    assert_int_equal(item_path_check("r/a", &at, NULL), 0);
    assert_int_equal(db_open_reader(index, &db, NULL), 0);
    assert_int_equal(index_find(db, &at, &item, NULL), 0);
    db_close(db);
}

/* As a failed commit: what is on disk is not known any more. */
static void a_store_that_cannot_sync_ends(void **state)
{
    struct rig rig;

    rig_start(&rig, *state);
    atomic_store(&blobs_fail, true);
    int fd = rig_ask(&rig, "PUT /r/a", "abc");
    while (!rig.store->broken)
        uv_run(&rig.loop, UV_RUN_ONCE);
    atomic_store(&blobs_fail, false);
    close(fd);
    store_stop(rig.store, on_stopped, &rig);
    uv_run(&rig.loop, UV_RUN_NOWAIT); /* takes note of uv_stop() */
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        unit_test_in_folder(a_list_is_made_though_its_client_has_left),
        unit_test_in_folder(a_store_that_cannot_sync_ends),
        unit_test_in_folder(a_store_that_stops_waits_for_the_call_at_work),
    };
    setenv("UV_THREADPOOL_SIZE", "8", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
