/* sos-gateway: one build's door to the store, on a unix socket.
 *
 *     sos-gateway --listen SOCKET --record FILE --store-url URL --base-url URL …  < TOKEN
 *
 * Started by sos-worker for the step fetch of one build, as a user of its own; prints "ready" and
 * serves until it is killed.  The store's token comes by standard input: neither arguments nor
 * environment hold it. */
#include <jansson.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "gateway/gateway.h"
#include "sos/base/auto.h"
#include "sos/base/config.h"
#include "sos/serve/http.h"

enum { TOKEN_MAX = 8192 };

static const struct config_item items[] = {
    CONFIG_FLAG("listen", CONFIG_STRING, "", "path of the socket"),
    CONFIG_FLAG("record", CONFIG_STRING, "", "file to write what passes to; must not be there"),
    CONFIG_FLAG("store-url", CONFIG_STRING, "", "the store, up to /artifactory"),
    CONFIG_FLAG("base-url", CONFIG_STRING, "", "the store as the build sees it"),
    CONFIG_FLAG("ca-bundle", CONFIG_STRING, "", "authorities to trust besides the system's"),
    CONFIG_FLAG("go-repository", CONFIG_STRING, "",
                "key of the repository of Go modules; empty: none"),
    CONFIG_FLAG("npm-repository", CONFIG_STRING, "", "of npm packages"),
    CONFIG_FLAG("pypi-repository", CONFIG_STRING, "", "of Python packages"),
    CONFIG_FLAG("maven-repository", CONFIG_STRING, "", "of Maven artifacts"),
    CONFIG_FLAG("requests-max", CONFIG_INT, "100000", "requests in all"),
    CONFIG_FLAG("bytes-max", CONFIG_BYTES, "20GiB", "bytes in all"),
    CONFIG_FLAG("connections-max", CONFIG_INT, "128", "connections at once"),
};

/* One line; nothing: no token. */
static void token_read(char ret[TOKEN_MAX])
{
    if (!fgets(ret, TOKEN_MAX, stdin))
        ret[0] = '\0';
    ret[strcspn(ret, " \r\n")] = '\0';
}

static int config_read(const struct config *config, const char *token, struct gateway_config *ret,
                       struct err *err)
{
    const char *ca_file = config_string(config, "ca-bundle");
    *ret = (struct gateway_config){
        .listen = config_string(config, "listen"),
        .base_url = config_string(config, "base-url"),
        .store_url = config_string(config, "store-url"),
        .token = token,
        .ca_file = ca_file[0] ? ca_file : NULL,
        .record = config_string(config, "record"),
        .rules.repositories = { [RULES_GO] = config_string(config, "go-repository"),
                                [RULES_NPM] = config_string(config, "npm-repository"),
                                [RULES_PYPI] = config_string(config, "pypi-repository"),
                                [RULES_MAVEN] = config_string(config, "maven-repository") },
        .requests_max = config_int(config, "requests-max"),
        .bytes_max = config_int(config, "bytes-max"),
        .connections_max = (int)config_int(config, "connections-max"),
    };
    for (int type = 0; type < RULES_TYPES; type++) {
        const char *name = ret->rules.repositories[type];
        if (name[0] && !rules_name_is_plain(name))
            return err_set(err, ERR_INVALID, "'%.80s' is no key of a repository", name);
    }
    return ret->listen[0] == '/' && ret->record[0] && ret->store_url[0]
               ? 0
               : err_set(err, ERR_INVALID, "--listen, --record and --store-url are needed");
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    gateway_stop(handle->data);
    uv_close((uv_handle_t *)handle, NULL);
}

static int serve(const struct gateway_config *config, struct err *err)
{
    uv_loop_t *loop = uv_default_loop();
    uv_signal_t term;
    struct gateway *gateway;
    signal(SIGPIPE, SIG_IGN);
    int rc = gateway_start(loop, config, &gateway, err);
    if (rc == 0) {
        uv_signal_init(loop, &term);
        term.data = gateway;
        uv_signal_start(&term, on_signal, SIGTERM);
        puts("ready");
        fflush(stdout);
    }
    uv_run(loop, UV_RUN_DEFAULT);
    uv_loop_close(loop);
    return rc;
}

int main(int argc, char **argv)
{
    struct config *config = NULL;
    struct gateway_config settings;
    struct err err = { 0 };
    static char token[TOKEN_MAX];
    prctl(PR_SET_DUMPABLE, 0);
    mallopt(M_ARENA_MAX, 2);
    json_object_seed(0);
    int rc = config_load(items, countof(items), argc, argv, NULL, &config, &err);
    if (rc == 0 && config_wants_help(config)) {
        config_help(items, countof(items), stdout);
    } else if (rc == 0) {
        token_read(token);
        rc = config_read(config, token, &settings, &err);
        rc = rc < 0 ? rc : serve(&settings, &err);
    }
    explicit_bzero(token, sizeof token);
    if (rc < 0)
        fprintf(stderr, "sos-gateway: %s\n", err.text);
    config_free(config);
    return rc < 0 ? 1 : 0;
}
