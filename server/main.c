/* main.c - sos-server: settings, the farm, its HTTP face, signals.
 *
 *   start --> serving ("ready URL") --SIGTERM, SIGINT--> web stops --> farm stops --> 0
 *                    \--the disk broke--> the same way out --> 1
 */
#include <curl/curl.h>
#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <uv.h>

#include "server/farm/farm.h"
#include "server/web/web.h"
#include "sos/base/auto.h"
#include "sos/base/buf.h"
#include "sos/base/config.h"
#include "sos/base/fs.h"
#include "sos/base/log.h"
#include "sos/serve/limits.h"

static const struct config_item items[] = {
    CONFIG_SETTING("listen", CONFIG_STRING, "127.0.0.1:8600",
                   "address and port to serve on; port 0 is a free one"),
    CONFIG_SETTING("state", CONFIG_STRING, "/var/lib/sos",
                   "folder of all state; the server's own is below it"),
    CONFIG_SETTING("images", CONFIG_STRING, "",
                   "folder of the images' descriptions; <state>/images when empty"),
    CONFIG_SETTING("store-url", CONFIG_STRING, "http://127.0.0.1:8601/artifactory",
                   "base address of the Artifactory-compatible store"),
    CONFIG_SETTING("store-token-file", CONFIG_STRING, "",
                   "file with the store's token; <state>/store/admin.token when empty"),
    CONFIG_SETTING("store-repository", CONFIG_STRING, "sos-release-local",
                   "repository that artifacts are published to"),
    CONFIG_SETTING("tls-cert", CONFIG_STRING, "", "certificate (PEM); empty: plain HTTP"),
    CONFIG_SETTING("tls-key", CONFIG_STRING, "", "key of the certificate (PEM)"),
    CONFIG_SETTING("lease-ttl", CONFIG_DURATION, "60s",
                   "a worker that is silent for so long has lost its build"),
    CONFIG_SETTING("renew-interval", CONFIG_DURATION, "15s",
                   "how often workers renew their leases"),
    CONFIG_SETTING("queue-ttl", CONFIG_DURATION, "72h",
                   "a build that waits longer expires; 0 is never"),
    CONFIG_SETTING("publish-retry", CONFIG_DURATION, "1s",
                   "first pause after a failed publication; doubles up to a minute"),
    CONFIG_SETTING("log-max", CONFIG_BYTES, "67108864", "bytes kept of one attempt's log"),
    CONFIG_SETTING("source-max", CONFIG_BYTES, "2147483648", "bytes of one source tree"),
    CONFIG_SETTING("cache-max", CONFIG_BYTES, "2147483648",
                   "bytes of archives and artifacts kept at hand"),
    CONFIG_SETTING("log-level", CONFIG_STRING, "info", "debug, info, warn or error"),
};

struct server {
    uv_loop_t loop;
    uv_signal_t signals[2];
    struct config *config;
    struct farm *farm;
    struct web *web;
    char *store_token;
    bool stopping;
    int status;
};

/* --- stopping --- */

static void on_farm_stopped(void *ctx)
{
    struct server *server = ctx;

    server->farm = NULL;
    for (size_t i = 0; i < countof(server->signals); i++)
        uv_close((uv_handle_t *)&server->signals[i], NULL);
}

static void on_web_stopped(void *ctx)
{
    struct server *server = ctx;

    farm_stop(server->farm, on_farm_stopped, server);
}

static void server_stop(struct server *server, int status)
{
    if (server->stopping)
        return;
    server->stopping = true;
    server->status = status;
    web_stop(server->web, on_web_stopped, server);
}

static void on_signal(uv_signal_t *signal, int number)
{
    log_info("server", "stopping", "signal=%d", number);
    server_stop(signal->data, 0);
}

/* What was not committed is not known to anybody and a failed fsync is never tried again: the
 * supervisor starts us anew, from what the disk says. */
static void on_broken(void *ctx, const struct err *err)
{
    (void)ctx;
    log_error("server", "the disk broke, leaving", "error=%s", err->text);
    _exit(1);
}

/* --- settings --- */

static int log_level_of(const char *text)
{
    static const char *const names[] = { "debug", "info", "warn", "error" };

    for (size_t i = 0; i < countof(names); i++)
        if (strcmp(names[i], text) == 0)
            return (int)i;
    return -1;
}

/* A secret that others can read is none. */
static int secret_check(const char *path, struct err *err)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return errno == ENOENT ? 0 : err_errno(err, "stat %s", path);
    if (st.st_mode & 077) {
        err_set(err, ERR_DENIED, "%s can be read by others (mode %o)", path, st.st_mode & 0777u);
        err_hint(err, "chmod 600 %s, and make a new token", path);
        return -ERR_DENIED;
    }
    return 0;
}

static int store_token_read(struct server *server, struct err *err)
{
    const char *named = config_string(server->config, "store-token-file");
    auto_free char *fallback =
        xasprintf("%s/store/admin.token", config_string(server->config, "state"));
    const char *path = *named ? named : fallback;
    struct buf text;
    int rc = secret_check(path, err);

    if (rc < 0)
        return rc;
    buf_init(&text, 4096);
    rc = fs_read(path, &text, err);
    if (rc == -ERR_NOT_FOUND && !*named) {
        log_warn("server", "no token of the store, going on without", "file=%s", path);
        rc = 0;
    }
    if (rc == 0) {
        server->store_token = buf_take(&text);
        server->store_token[strcspn(server->store_token, "\r\n")] = '\0';
    }
    buf_done(&text);
    return rc;
}

static int tokens_check(const char *state, struct err *err)
{
    auto_free char *admin = xasprintf("%s/admin.token", state);
    auto_free char *worker = xasprintf("%s/worker.token", state);
    int rc = secret_check(admin, err);

    return rc < 0 ? rc : secret_check(worker, err);
}

/* --- starting --- */

/* Without those at its end (gives; free()). */
static char *without_slashes(const char *url)
{
    char *copy = xstrdup(url);
    size_t len = strlen(copy);

    while (len > 0 && copy[len - 1] == '/')
        copy[--len] = '\0';
    return copy;
}

static int start_farm(struct server *server, struct err *err)
{
    const struct config *config = server->config;
    const char *images = config_string(config, "images");
    auto_free char *state = xasprintf("%s/server", config_string(config, "state"));
    auto_free char *store = without_slashes(config_string(config, "store-url"));
    auto_free char *images_beside = xasprintf("%s/images", config_string(config, "state"));
    struct farm_config farm = {
        .state_dir = state,
        .images_dir = *images ? images : images_beside,
        .store_url = store,
        .store_token = server->store_token ? server->store_token : "",
        .store_repository = config_string(config, "store-repository"),
        .lease_ttl_ms = config_int(config, "lease-ttl"),
        .renew_interval_ms = config_int(config, "renew-interval"),
        .queue_ttl_ms = config_int(config, "queue-ttl"),
        .publish_retry_ms = config_int(config, "publish-retry"),
        .log_bytes_max = config_int(config, "log-max"),
        .source_bytes_max = config_int(config, "source-max"),
        .cache_bytes_max = config_int(config, "cache-max"),
    };

    if (farm.renew_interval_ms <= 0 || farm.lease_ttl_ms < 2 * farm.renew_interval_ms)
        return err_set(err, ERR_INVALID, "lease-ttl must be at least twice renew-interval");
    if (farm.publish_retry_ms <= 0)
        return err_set(err, ERR_INVALID, "publish-retry must be more than nothing");
    int rc = tokens_check(state, err);
    return rc < 0 ? rc : farm_start(&server->loop, &farm, on_broken, server, &server->farm, err);
}

static int start_web(struct server *server, struct err *err)
{
    const char *cert = config_string(server->config, "tls-cert");
    const char *key = config_string(server->config, "tls-key");
    char address[HTTP_ADDRESS_MAX];
    struct http_config http = {
        .tls_cert_file = *cert ? cert : NULL,
        .tls_key_file = *key ? key : NULL,
    };
    int rc = http_listen_parse(config_string(server->config, "listen"), address, &http, err);

    if (rc < 0)
        return rc;
    if (!*cert != !*key)
        return err_set(err, ERR_INVALID, "tls-cert and tls-key go together");
    return web_start(&server->loop, &http, server->farm, &server->web, err);
}

static int server_start(struct server *server, struct err *err)
{
    static const int numbers[] = { SIGTERM, SIGINT };
    int level = log_level_of(config_string(server->config, "log-level"));

    if (level < 0)
        return err_set(err, ERR_INVALID, "log-level is debug, info, warn or error");
    log_level_set((enum log_level)level);
    log_info("server", "libraries", "version=%s sqlite=%s libuv=%s curl=%s", SOS_VERSION,
             sqlite3_libversion(), uv_version_string(), curl_version());
    int rc = store_token_read(server, err);
    if (rc == 0)
        rc = start_farm(server, err);
    if (rc == 0)
        rc = start_web(server, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < countof(numbers); i++) {
        uv_signal_init(&server->loop, &server->signals[i]);
        server->signals[i].data = server;
        uv_signal_start(&server->signals[i], on_signal, numbers[i]);
    }
    printf("ready %s\n", web_url(server->web));
    fflush(stdout);
    return 0;
}

/* Loading and linking two dozen libraries touched most of their pages once.  What is never written
 * (code, constants) may leave our memory: what is needed comes back from the page cache. */
static int on_object(struct dl_phdr_info *object, size_t size, void *ctx)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

    (void)size;
    (void)ctx;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        uintptr_t begin = (object->dlpi_addr + part->p_vaddr) / page * page;
        uintptr_t end = object->dlpi_addr + part->p_vaddr + part->p_filesz;
        if (part->p_type == PT_LOAD && !(part->p_flags & PF_W))
            madvise((void *)begin, end - begin, MADV_DONTNEED);
    }
    return 0;
}

static int fail(const struct err *err)
{
    fprintf(stderr, "sos-server: %s\n", err->text);
    if (err->hint[0])
        fprintf(stderr, "  %s\n", err->hint);
    return err->code == ERR_INVALID ? 2 : 1;
}

/* Few arenas and an early return of memory: the server idles small. */
static void process_prepare(void)
{
    signal(SIGPIPE, SIG_IGN);
    limits_raise_files();
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_TRIM_THRESHOLD, 256 << 10);
    mallopt(M_MMAP_THRESHOLD, 256 << 10);
    setenv("UV_THREADPOOL_SIZE", "8", 1); /* one for each strand: see farm/state.h */
}

int main(int argc, char **argv)
{
    static struct server server;
    struct err err = { 0 };

    process_prepare();
    if (config_load(items, countof(items), argc, argv, "/etc/sos/sos-server.yaml", &server.config,
                    &err) < 0)
        return fail(&err);
    if (config_wants_help(server.config)) {
        puts("sos-server - the coordinator of the build farm\n");
        config_help(items, countof(items), stdout);
        return 0;
    }
    uv_loop_init(&server.loop);
    if (server_start(&server, &err) < 0)
        return fail(&err);
    dl_iterate_phdr(on_object, NULL);
    uv_run(&server.loop, UV_RUN_DEFAULT);
    uv_loop_close(&server.loop);
    web_free(server.web);
    free(server.store_token);
    config_free(server.config);
    return server.status;
}
