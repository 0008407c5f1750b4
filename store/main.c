/* main.c - sos-store: serve, check what is stored, or make its index anew.
 *
 *     sos-store [serve] [--listen 127.0.0.1:8601] [--state /var/lib/sos] …
 *     sos-store fsck [--deep] [--repair]
 *     sos-store rebuild [--deep] */
#include <inttypes.h>
#include <jansson.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/config.h"
#include "sos/base/log.h"
#include "sos/serve/limits.h"
#include "store/disk/fsck.h"
#include "store/disk/rebuild.h"
#include "store/web/store.h"

static const struct config_item items[] = {
    CONFIG_SETTING("listen", CONFIG_STRING, "127.0.0.1:8601",
                   "address and port to serve on; port 0: any"),
    CONFIG_SETTING("state", CONFIG_STRING, "/var/lib/sos",
                   "folder of all state; ours is <state>/store"),
    CONFIG_SETTING(
        "repositories", CONFIG_LIST,
        "sos-release-local immutable,sos-dev-local,sos-logs-local,"
        "go-remote go remote,npm-remote npm remote,pypi-remote pypi remote,"
        "maven-remote maven remote",
        "repositories, with commas between: KEY [TYPE] [local|remote|virtual] [OPTION...]"),
    CONFIG_SETTING("public-url", CONFIG_STRING, "",
                   "base of the URLs told, up to /artifactory; empty: as the client calls us"),
    CONFIG_SETTING("anonymous-read", CONFIG_BOOL, "false", "may everybody read without a token?"),
    CONFIG_SETTING("upload-max", CONFIG_BYTES, "20GiB", "largest file taken"),
    CONFIG_SETTING("disk-floor", CONFIG_BYTES, "1GiB",
                   "uploads are refused when less would stay free"),
    CONFIG_SETTING("search-time", CONFIG_DURATION, "10s", "a search that works longer is stopped"),
    CONFIG_SETTING("sweep-grace", CONFIG_DURATION, "1h",
                   "age from which bytes without an item are removed"),
    CONFIG_SETTING("sweep-period", CONFIG_DURATION, "6h", "time between two looks for such bytes"),
    CONFIG_SETTING(
        "metadata-ttl", CONFIG_DURATION, "5m",
        "age from which a remote repository asks its upstream whether a thing has changed"),
    CONFIG_SETTING("missing-ttl", CONFIG_DURATION, "1m",
                   "how long what an upstream does not have is not asked for again"),
    CONFIG_SETTING("metadata-max", CONFIG_BYTES, "256MiB",
                   "largest document about packages (npm, PyPI, Maven, Go) taken of an upstream"),
    CONFIG_SETTING("upstream-offline", CONFIG_BOOL, "false",
                   "remote repositories give what they kept only"),
    CONFIG_SETTING("upstream-credentials", CONFIG_STRING, "",
                   "file (mode 0600) of lines KEY USER:PASSWORD or KEY bearer TOKEN"),
    CONFIG_SETTING(
        "upstream-private", CONFIG_LIST, "",
        "hosts and networks (HOST, HOST:PORT, ADDRESS/BITS) without public addresses that pages and"
        " redirects of upstreams may lead to"),
    CONFIG_SETTING("upstream-ca", CONFIG_STRING, "",
                   "certificates (PEM) trusted besides the system's"),
    CONFIG_SETTING(
        "go-sumdb", CONFIG_STRING, "",
        "checksum database that zips of Go remotes are held against; empty: as the images tell;"
        " off: none"),
    CONFIG_SETTING("go-private", CONFIG_LIST, "",
                   "patterns (as GOPRIVATE) of Go modules that it is not asked for"),
    CONFIG_SETTING("images", CONFIG_STRING, "",
                   "folder of the farm's images, which tell the upstreams of remotes without url="),
    CONFIG_SETTING("retention", CONFIG_LIST, "",
                   "what is not kept: REPO[/PATTERN] [folders] [keep=N] [age=30d] "
                   "[unless-property=KEY[=VALUE]]"),
    CONFIG_SETTING(
        "scrub-rate", CONFIG_BYTES, "16MiB",
        "bytes a second that are read to see whether stored files are still right; 0: none"),
    CONFIG_SETTING("journal-growth", CONFIG_BYTES, "64MiB",
                   "size of the journal's logs from which on it is written anew"),
    CONFIG_SETTING("tls-cert", CONFIG_STRING, "", "certificate file (PEM); empty: plain HTTP"),
    CONFIG_SETTING("tls-key", CONFIG_STRING, "", "its key"),
    CONFIG_SETTING("connections-max", CONFIG_INT, "4000", "open connections at once"),
    CONFIG_FLAG("deep", CONFIG_BOOL, "false", "fsck, rebuild: read and hash every file"),
    CONFIG_FLAG("repair", CONFIG_BOOL, "false",
                "fsck: put what is wrong aside, remove what is not used"),
};

/* --- settings --- */

static const char *text_or_null(const char *text)
{
    return *text ? text : NULL;
}

static int settings_read(const struct config *config, const char *state_dir,
                         char room[HTTP_ADDRESS_MAX], struct store_settings *ret, struct err *err)
{
    *ret = (struct store_settings){
        .state_dir = state_dir,
        .repositories = config_string(config, "repositories"),
        .public_url = config_string(config, "public-url"),
        .anonymous_read = config_bool(config, "anonymous-read"),
        .upload_bytes_max = config_int(config, "upload-max"),
        .search_ms = config_int(config, "search-time"),
        .disk_floor_bytes = config_int(config, "disk-floor"),
        .sweep_grace_ms = config_int(config, "sweep-grace"),
        .sweep_period_ms = config_int(config, "sweep-period"),
        .metadata_ttl_ms = config_int(config, "metadata-ttl"),
        .missing_ttl_ms = config_int(config, "missing-ttl"),
        .metadata_bytes_max = config_int(config, "metadata-max"),
        .upstream_offline = config_bool(config, "upstream-offline"),
        .upstream_credentials = config_string(config, "upstream-credentials"),
        .upstream_private = config_string(config, "upstream-private"),
        .upstream_ca = config_string(config, "upstream-ca"),
        .go_sumdb = config_string(config, "go-sumdb"),
        .go_private = config_string(config, "go-private"),
        .images_dir = config_string(config, "images"),
        .retention = config_string(config, "retention"),
        .scrub_rate_bytes = config_int(config, "scrub-rate"),
        .journal_growth_bytes = config_int(config, "journal-growth"),
        .http = { .tls_cert_file = text_or_null(config_string(config, "tls-cert")),
                  .tls_key_file = text_or_null(config_string(config, "tls-key")),
                  .connections_max = (int)config_int(config, "connections-max") },
    };
    return http_listen_parse(config_string(config, "listen"), room, &ret->http, err);
}

/* --- serve --- */

struct program {
    struct store *store;
    uv_signal_t signals[2];
    bool stopping;
};

static void on_stopped(void *ctx)
{
    struct program *program = ctx;

    program->store = NULL;
    for (size_t i = 0; i < countof(program->signals); i++)
        uv_close((uv_handle_t *)&program->signals[i], NULL);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct program *program = handle->data;

    if (program->stopping)
        return;
    program->stopping = true;
    log_info("store", "stopping", "signal=%d", number);
    store_stop(program->store, on_stopped, program);
}

static void signals_watch(uv_loop_t *loop, struct program *program)
{
    static const int numbers[] = { SIGTERM, SIGINT };

    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < countof(numbers); i++) {
        uv_signal_init(loop, &program->signals[i]);
        program->signals[i].data = program;
        uv_signal_start(&program->signals[i], on_signal, numbers[i]);
    }
}

/* The loop ends by itself after a clean stop; a broken disk stops it at once, and what was not
 * committed was told to nobody. */
static int serve(const struct store_settings *settings, struct err *err)
{
    uv_loop_t *loop = uv_default_loop();
    struct program program = { 0 };
    int64_t files_max = limits_raise_files();

    int rc = store_start(loop, settings, &program.store, err);
    if (rc < 0)
        return rc;
    signals_watch(loop, &program);
    printf("ready %s\n", http_url(program.store->http));
    fflush(stdout);
    log_info("store", "serving", "state=%s repositories=%zu files_max=%" PRId64,
             settings->state_dir, program.store->repositories_count, files_max);
    uv_run(loop, UV_RUN_DEFAULT);
    if (program.store)
        return err_set(err, ERR_IO, "the disk is broken");
    uv_loop_close(loop);
    return 0;
}

/* --- fsck --- */

static void print_line(void *ctx, const char *line)
{
    (void)ctx;
    puts(line);
}

/* 0: all is well, 1: it could not be told, 2: there are findings. */
static int check(const char *state_dir, const struct config *config, int *ret_exit, struct err *err)
{
    const struct fsck_options options = { .state_dir = state_dir,
                                          .deep = config_bool(config, "deep"),
                                          .repair = config_bool(config, "repair"),
                                          .each = print_line };
    struct fsck_result result;

    int rc = fsck_run(&options, &result, err);
    if (rc < 0)
        return rc;
    printf("blobs %" PRId64 " holes %" PRId64 " unused %" PRId64 " orphans %" PRId64
           " rowless %" PRId64 " differences %" PRId64 "\n",
           result.blobs, result.holes, result.unused, result.orphans, result.rowless,
           result.differences);
    *ret_exit = fsck_is_clean(&result) ? 0 : 2;
    return 0;
}

static int rebuild(const char *state_dir, const struct config *config, int *ret_exit,
                   struct err *err)
{
    struct rebuild_result result;

    int rc = rebuild_run(state_dir, config_bool(config, "deep"), print_line, NULL, &result, err);
    if (rc < 0)
        return rc;
    printf("items %" PRId64 " blobs %" PRId64 " holes %" PRId64 " damaged %" PRId64
           " torn_bytes %" PRId64 "\n",
           result.items, result.blobs, result.holes, result.damaged, result.torn_bytes);
    *ret_exit = result.holes == 0 && result.damaged == 0 ? 0 : 2;
    return 0;
}

static int run(const struct config *config, int *ret_exit, struct err *err)
{
    struct store_settings settings;
    char address[HTTP_ADDRESS_MAX];
    auto_free char *state_dir = xasprintf("%s/store", config_string(config, "state"));
    size_t count;
    char **args = config_args(config, &count);
    const char *verb = count > 0 ? args[0] : "serve";

    if (count > 1)
        return err_set(err, ERR_INVALID, "too many arguments: '%s'", args[1]);
    if (strcmp(verb, "fsck") == 0)
        return check(state_dir, config, ret_exit, err);
    if (strcmp(verb, "rebuild") == 0)
        return rebuild(state_dir, config, ret_exit, err);
    if (strcmp(verb, "serve") != 0)
        return err_set(err, ERR_INVALID, "unknown verb '%s'; there are serve, fsck and rebuild",
                       verb);
    int rc = settings_read(config, state_dir, address, &settings, err);
    return rc < 0 ? rc : serve(&settings, err);
}

int main(int argc, char **argv)
{
    struct config *config = NULL;
    struct err err = { 0 };
    int code = 0;

    setenv("UV_THREADPOOL_SIZE", "8", 0);
    mallopt(M_ARENA_MAX, 2);            /* eight threads need no eight heaps */
    mallopt(M_MMAP_THRESHOLD, 1 << 18); /* a large text goes back to the system when it is freed */
    json_object_seed(0);
    int rc =
        config_load(items, countof(items), argc, argv, "/etc/sos/sos-store.yaml", &config, &err);
    if (rc == 0 && config_wants_help(config)) {
        printf("sos-store [serve | fsck | rebuild]: the farm's store\n");
        config_help(items, countof(items), stdout);
    } else if (rc == 0) {
        rc = run(config, &code, &err);
    }
    if (rc < 0)
        fprintf(stderr, "sos-store: %s%s%s\n", err.text, err.hint[0] ? "; " : "", err.hint);
    config_free(config);
    return rc < 0 ? 1 : code;
}
