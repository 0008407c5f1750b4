#include "worker/settings.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sos/base/auto.h"
#include "sos/base/buf.h"
#include "sos/base/digest.h"
#include "sos/base/fs.h"

enum { NAME_MAX_LEN = 40 };

const struct config_item settings_items[] = {
    { .name = "server-url",
      .type = CONFIG_STRING,
      .fallback = "http://127.0.0.1:8600",
      .help = "the server to work for" },
    { .name = "server-token-file",
      .type = CONFIG_STRING,
      .help = "file with the worker's token; built-in: <state>/server/worker.token" },
    { .name = "name",
      .type = CONFIG_STRING,
      .help = "of this worker, unique in the farm; built-in: the host's name" },
    { .name = "slots",
      .type = CONFIG_INT,
      .fallback = "0",
      .help = "builds at a time; 0: one for each two cores" },
    { .name = "state",
      .type = CONFIG_STRING,
      .fallback = "/var/lib/sos",
      .help = "folder for everything that is kept" },
    { .name = "images",
      .type = CONFIG_STRING,
      .help = "folder that images/make filled; built-in: <state>/images" },
    { .name = "runtime", .type = CONFIG_STRING, .fallback = "auto", .help = "auto, runc or crun" },
    { .name = "init",
      .type = CONFIG_STRING,
      .help = "the sos-init for sandboxes; built-in: beside this program" },
    { .name = "network",
      .type = CONFIG_STRING,
      .fallback = "gateway",
      .help = "of the step fetch: gateway (the store's repositories and nothing else) or host" },
    { .name = "gateway",
      .type = CONFIG_STRING,
      .help = "the sos-gateway to run; built-in: beside this program" },
    { .name = "store-url",
      .type = CONFIG_STRING,
      .fallback = "http://127.0.0.1:8601/artifactory",
      .help = "the store that gateways ask, up to /artifactory" },
    { .name = "store-token-file",
      .type = CONFIG_STRING,
      .help = "file with a token that may read there; built-in: <state>/store/gateway.token" },
    { .name = "store-ca",
      .type = CONFIG_STRING,
      .help = "authorities that gateways trust besides the system's" },
    { .name = "go-repository",
      .type = CONFIG_STRING,
      .fallback = "go-remote",
      .help = "where builds get Go modules from; empty: nowhere" },
    { .name = "npm-repository",
      .type = CONFIG_STRING,
      .fallback = "npm-remote",
      .help = "npm packages" },
    { .name = "pypi-repository",
      .type = CONFIG_STRING,
      .fallback = "pypi-remote",
      .help = "Python packages" },
    { .name = "maven-repository",
      .type = CONFIG_STRING,
      .fallback = "maven-remote",
      .help = "Maven artifacts" },
    { .name = "fetch-env",
      .type = CONFIG_LIST,
      .fallback = "GOPROXY\nGOSUMDB\nGONOSUMDB\nPIP_INDEX_URL\nUV_INDEX_URL\nnpm_config_registry\n"
                  "COREPACK_NPM_REGISTRY\nSOS_MAVEN_REPOSITORY\nhttp_proxy\nhttps_proxy\nno_proxy\n"
                  "HTTP_PROXY\nHTTPS_PROXY\nNO_PROXY",
      .help = "variables of the worker's environment that fetch gets with the host's network" },
    { .name = "ca-bundle",
      .type = CONFIG_STRING,
      .fallback = "/etc/ssl/certs/ca-certificates.crt",
      .help = "authorities that fetch trusts with the host's network; empty: the image's" },
    { .name = "cache-total",
      .type = CONFIG_BYTES,
      .fallback = "20GiB",
      .help = "room for the caches of all projects" },
};
const size_t settings_items_count = countof(settings_items);

static const char *or_default(const struct config *config, const char *name, const char *fallback)
{
    const char *value = config_string(config, name);
    return value[0] ? value : fallback;
}

static char *host_name(void)
{
    char name[65] = "";
    gethostname(name, sizeof name - 1);
    return xstrdup(name[0] ? name : "worker");
}

/* A program beside this one, wherever that is installed. */
static char *beside(const char *program)
{
    char path[4096];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    path[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(path, '/');
    if (slash)
        *slash = '\0';
    return xasprintf("%s/%s", path, program);
}

static char *read_token(const char *path, struct err *err)
{
    struct buf text;
    buf_init(&text, 4096);
    char *token = NULL;
    if (fs_read(path, &text, err) == 0) {
        token = buf_take(&text);
        token[strcspn(token, " \r\n")] = '\0';
    }
    buf_done(&text);
    return token;
}

/* The variables of `names` (one a line) that are set, as NAME=value. */
static char **forwarded(const char *names)
{
    auto_free char *copy = xstrdup(names);
    char **list = xcalloc(1, sizeof *list);
    size_t count = 0;
    char *rest = copy;
    for (char *name; (name = strsep(&rest, "\n"));) {
        const char *value = name[0] ? getenv(name) : NULL;
        if (!value)
            continue;
        list = xrealloc(list, (count + 2) * sizeof *list);
        list[count++] = xasprintf("%s=%s", name, value);
        list[count] = NULL;
    }
    return list;
}

/* <state>/worker, absolute, with what is always in it. */
static char *state_open(const char *state, struct err *err)
{
    auto_free char *dir = xasprintf("%s/worker", state);
    static const char *const folders[] = { "rootfs", "caches", "slots" };
    for (size_t i = 0; i < countof(folders); i++) {
        auto_free char *path = xasprintf("%s/%s", dir, folders[i]);
        if (fs_mkdirs(path, 0700, err) < 0)
            return NULL;
    }
    char *real = realpath(dir, NULL);
    if (!real)
        err_errno(err, "resolve %s", dir);
    return real;
}

/* It becomes part of file names. */
static bool name_is_plain(const char *name)
{
    size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    return len > 0 && len <= NAME_MAX_LEN && name[len] == '\0' && name[0] != '.';
}

/* How fetch gets what it needs. */
static int network_read(const struct config *config, const char *state, struct settings *ret,
                        struct err *err)
{
    static const char *const types[SETTINGS_REPOSITORIES] = { "go", "npm", "pypi", "maven" };
    const char *network = config_string(config, "network");
    auto_free char *token_file = xasprintf("%s/store/gateway.token", state);
    ret->gateway = strcmp(network, "gateway") == 0;
    if (!ret->gateway && strcmp(network, "host") != 0)
        return err_set(err, ERR_INVALID, "network: gateway or host");
    ret->gateway_program = or_default(config, "gateway", beside("sos-gateway"));
    ret->store_url = config_string(config, "store-url");
    ret->store_ca = config_string(config, "store-ca");
    for (size_t i = 0; i < countof(types); i++) {
        auto_free char *name = xasprintf("%s-repository", types[i]);
        ret->repositories[i] = config_string(config, name);
    }
    if (!ret->gateway)
        return 0;
    ret->store_token_file = xstrdup(or_default(config, "store-token-file", token_file));
    auto_free char *token = settings_store_token(ret, err);
    return token ? 0 : -(int)err->code;
}

char *settings_store_token(const struct settings *settings, struct err *err)
{
    char *token = read_token(settings->store_token_file, err);
    if (!token)
        err_hint(err, "--store-url and --store-token-file, or --network=host");
    return token;
}

int settings_read(const struct config *config, struct settings *ret, struct err *err)
{
    const char *state = config_string(config, "state");
    auto_free char *token_file = xasprintf("%s/server/worker.token", state);
    ret->name = or_default(config, "name", host_name());
    ret->server_url = config_string(config, "server-url");
    ret->images = or_default(config, "images", xasprintf("%s/images", state));
    ret->init = or_default(config, "init", beside("sos-init"));
    ret->ca_bundle = config_string(config, "ca-bundle");
    ret->fetch_env = forwarded(config_string(config, "fetch-env"));
    ret->cache_total_bytes = config_int(config, "cache-total");
    ret->slots = (int)config_int(config, "slots");
    if (ret->slots == 0)
        ret->slots = (int)(sysconf(_SC_NPROCESSORS_ONLN) + 1) / 2;
    if (ret->slots < 1 || ret->slots > SETTINGS_SLOTS_MAX)
        return err_set(err, ERR_INVALID, "slots must be from 1 to %d", SETTINGS_SLOTS_MAX);
    if (network_read(config, state, ret, err) < 0)
        return -(int)err->code;
    ret->state = state_open(state, err);
    if (!ret->state)
        return -ERR_IO;
    char hash[SHA256_HEX];
    sha256_hex(ret->state, strlen(ret->state), hash);
    snprintf(ret->prefix, sizeof ret->prefix, "sos-%.8s-", hash);
    if (!name_is_plain(ret->name))
        return err_set(err, ERR_INVALID, "the worker's name must be of [A-Za-z0-9._-], at most %d",
                       NAME_MAX_LEN);
    ret->token = read_token(or_default(config, "server-token-file", token_file), err);
    return ret->token ? 0 : -ERR_IO;
}
