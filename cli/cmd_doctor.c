/* cmd_doctor.c - sos doctor: what stands between this machine and a build. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/api.h"
#include "cli/commands.h"
#include "cli/login.h"
#include "cli/text.h"
#include "sos/base/auto.h"
#include "sos/base/spawn.h"

struct doctor {
    struct cli *cli;
    int fails;
    json_t *checks; /* of --json */
};

static const struct config_item items[] = {
    { .name = "config",
      .type = CONFIG_BOOL,
      .flag_only = true,
      .help = "print each effective setting and where it comes from" },
};

static void say(struct doctor *d, const char *verdict, const char *what, const char *detail,
                const char *fix)
{
    d->fails += strcmp(verdict, "fail") == 0;
    struct buf shown;
    if (d->cli->json) {
        json_array_append_new(d->checks,
                              json_pack("{ss,ss,ss,ss*}", "verdict", verdict, "what", what,
                                        "detail", detail, "fix", fix && fix[0] ? fix : NULL));
        return;
    }
    text_shown(detail, d->cli->utf8, &shown);
    printf("  %-5s %-9s %s\n", verdict, what, shown.data);
    if (fix && fix[0])
        printf("        fix: %s\n", fix);
    buf_done(&shown);
}

static bool look_server(struct doctor *d)
{
    struct err err = { 0 };
    struct sos_version version = { 0 };
    if (api_call(d->cli, "GET", "/v1/version", NULL, NULL, NULL, &sos_version_type, &version, NULL,
                 &err) < 0) {
        say(d, "fail", "server", err.text, "sos up, or --server URL");
        return false;
    }
    auto_free char *text = xasprintf("%s answers, version %s", d->cli->server, version.version);
    bool same = version.version && strcmp(version.version, SOS_VERSION) == 0;
    say(d, same ? "ok" : "warn", "server", text,
        same ? "" : "client and farm are of different versions");
    sos_version_done(&version);
    return true;
}

static void look_login(struct doctor *d)
{
    struct err err = { 0 };
    struct sos_whoami who = { 0 };
    if (api_call(d->cli, "GET", "/v1/whoami", NULL, NULL, NULL, &sos_whoami_type, &who, NULL,
                 &err) < 0) {
        say(d, "fail", "login", err.text, "sos login");
        return;
    }
    auto_free char *text =
        xasprintf("%s, role %s", who.subject, wire_enum_name(&sos_role_enum, (int)who.role));
    say(d, who.role >= SOS_ROLE_SUBMITTER && who.role != SOS_ROLE_WORKER ? "ok" : "warn", "login",
        text, who.role < SOS_ROLE_SUBMITTER ? "this token may look but not build" : "");
    sos_whoami_done(&who);
}

static void look_images(struct doctor *d)
{
    struct err err = { 0 };
    struct sos_list_images_response list = { 0 };
    if (api_call(d->cli, "GET", "/v1/images", NULL, NULL, NULL, &sos_list_images_response_type,
                 &list, NULL, &err) < 0) {
        say(d, "fail", "images", err.text, "");
        return;
    }
    if (list.images_count == 0)
        say(d, "fail", "images", "the farm has no image", "images/make on the farm's machine");
    for (size_t i = 0; i < list.images_count; i++) {
        auto_free char *text =
            xasprintf("%s on %zu worker%s", list.images[i].name, list.images[i].workers_count,
                      list.images[i].workers_count == 1 ? "" : "s");
        say(d, list.images[i].workers_count ? "ok" : "warn", "image", text,
            list.images[i].workers_count ? "" : "start a worker that has it");
    }
    sos_list_images_response_done(&list);
}

static void look_git(struct doctor *d)
{
    const char *argv[] = { "git", "--version", NULL };
    struct spawn spawn = { .argv = argv, .timeout_ms = 5000 };
    struct buf out;
    buf_init(&out, 200);
    if (spawn_run(&spawn, &out, NULL, NULL) == 0 && out.data) {
        out.data[strcspn(out.data, "\n")] = '\0';
        say(d, "ok", "git", out.data, "");
    } else {
        say(d, "warn", "git", "not here; versions from tags and the dirty check are off", "");
    }
    buf_done(&out);
}

static void setting_say(const struct doctor *d, const char *name, const char *value,
                        const char *origin)
{
    if (d->cli->json)
        json_array_append_new(d->checks, json_pack("{ss,ss,ss}", "setting", name, "value", value,
                                                   "origin", origin));
    else
        printf("  %-12s %-30s %s\n", name, value[0] ? value : "-", origin);
}

/* The settings that hold here, each with its origin.  Lists are one a line: shown with blanks. */
static void settings_say(const struct doctor *d)
{
    const struct cli *cli = d->cli;
    for (size_t i = 0; i < global_items_count; i++) {
        const char *name = global_items[i].name;
        bool own = cli->foreign && strcmp(name, "server") == 0;
        setting_say(d, name, own ? cli->server : config_string(cli->config, name),
                    config_origin(own ? cli->project : cli->config, name));
    }
    for (size_t i = 0; i < project_items_count; i++) {
        const char *name = project_items[i].name;
        auto_free char *value = xstrdup(config_string(cli->project, name));
        for (char *p = value; *p; p++)
            *p = *p == '\n' ? ' ' : *p;
        if (strcmp(name, "server") != 0)
            setting_say(d, name, value, config_origin(cli->project, name));
    }
    setting_say(d, "token", "", login_origin(cli));
}

static int run(struct cli *cli)
{
    struct doctor doctor = { .cli = cli, .checks = json_array() };
    bool settings = config_bool(cli->config, "config");
    if (settings) {
        settings_say(&doctor);
    } else {
        if (look_server(&doctor)) {
            look_login(&doctor);
            look_images(&doctor);
        }
        look_git(&doctor);
    }
    if (cli->json) {
        json_t *all = json_pack("{si,sO}", "fails", doctor.fails, settings ? "settings" : "checks",
                                doctor.checks);
        json_dumpf(all, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(all);
    }
    json_decref(doctor.checks);
    return doctor.fails ? EXIT_UNEXPECTED : EXIT_OK;
}

const struct command command_doctor = {
    .name = "doctor",
    .args = "",
    .summary = "Look for what stands between you and a build.",
    .items = items,
    .items_count = countof(items),
    .run = run,
};
