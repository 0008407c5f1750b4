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
    CONFIG_SETTING("server-url", CONFIG_STRING, "http://127.0.0.1:8600", "the server to work for"),
    CONFIG_SETTING("server-token-file", CONFIG_STRING, "",
                   "file with the worker's token; built-in: <state>/server/worker.token"),
    CONFIG_SETTING("name", CONFIG_STRING, "",
                   "of this worker, unique in the farm; built-in: the host's name"),
    CONFIG_SETTING("slots", CONFIG_INT, "0", "builds at a time; 0: one for each two cores"),
    CONFIG_SETTING("state", CONFIG_STRING, "/var/lib/sos", "folder for everything that is kept"),
    CONFIG_SETTING("images", CONFIG_STRING, "",
                   "folder that images/make filled; built-in: <state>/images"),
    CONFIG_SETTING("runtime", CONFIG_STRING, "auto", "auto, runc or crun"),
    CONFIG_SETTING("init", CONFIG_STRING, "",
                   "the sos-init for sandboxes; built-in: beside this program"),
    CONFIG_SETTING(
        "network", CONFIG_STRING, "gateway",
        "of the step fetch: gateway (the store's repositories and nothing else) or host"),
    CONFIG_SETTING("gateway", CONFIG_STRING, "",
                   "the sos-gateway to run; built-in: beside this program"),
    CONFIG_SETTING("store-url", CONFIG_STRING, "http://127.0.0.1:8601/artifactory",
                   "the store that gateways ask, up to /artifactory"),
    CONFIG_SETTING("store-token-file", CONFIG_STRING, "",
                   "file with a token that may read there; built-in: <state>/store/gateway.token"),
    CONFIG_SETTING("store-ca", CONFIG_STRING, "",
                   "authorities that gateways trust besides the system's"),
    CONFIG_SETTING("go-repository", CONFIG_STRING, "go-remote",
                   "where builds get Go modules from; empty: nowhere"),
    CONFIG_SETTING("npm-repository", CONFIG_STRING, "npm-remote", "npm packages"),
    CONFIG_SETTING("pypi-repository", CONFIG_STRING, "pypi-remote", "Python packages"),
    CONFIG_SETTING("maven-repository", CONFIG_STRING, "maven-remote", "Maven artifacts"),
    CONFIG_SETTING(
        "fetch-env", CONFIG_LIST,
        "GOPROXY\nGOSUMDB\nGONOSUMDB\nPIP_INDEX_URL\nUV_INDEX_URL\nnpm_config_registry\n"
        "COREPACK_NPM_REGISTRY\nSOS_MAVEN_REPOSITORY\nhttp_proxy\nhttps_proxy\nno_proxy\n"
        "HTTP_PROXY\nHTTPS_PROXY\nNO_PROXY",
        "variables of the worker's environment that fetch gets with the host's network"),
    CONFIG_SETTING("ca-bundle", CONFIG_STRING, "/etc/ssl/certs/ca-certificates.crt",
                   "authorities that fetch trusts with the host's network; empty: the image's"),
    CONFIG_SETTING("cache-total", CONFIG_BYTES, "20GiB", "room for the caches of all projects"),
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
