#include "store/web/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sos/base/auto.h"
#include "sos/base/clock.h"
#include "sos/base/fs.h"
#include "sos/base/log.h"
#include "store/core/build_info.h"
#include "store/web/keep/keeper.h"

#define GATEWAY      "sos-gateway" /* whom its token is for */
#define GATEWAY_FILE "gateway.token"

/* --- repositories --- */

static struct repository *store_repository_find(struct store *store, const char *key)
{
    for (size_t i = 0; i < store->repositories_count; i++)
        if (strcmp(store->repositories[i].key, key) == 0)
            return &store->repositories[i];
    return NULL;
}

const struct repository *store_repository(const struct store *store, const char *key)
{
    return store_repository_find((struct store *)store, key);
}

/* By key, as the operator wrote it; what is in the index and written nowhere any more stays. */
static int repository_take(struct store *store, const char *text, struct err *err)
{
    struct repository repository;

    int rc = repo_parse(text, &repository, err);
    if (rc < 0)
        return rc;
    repository.created_ms = clock_wall_ms();
    if (store_repository(store, repository.key))
        return err_set(err, ERR_INVALID, "repository %s is told twice", repository.key);
    if (store->repositories_count == STORE_REPOSITORIES_MAX)
        return err_set(err, ERR_LIMIT, "a store has at most %d repositories",
                       STORE_REPOSITORIES_MAX);
    store->repositories[store->repositories_count++] = repository;
    return index_repository_put(store->writer_db, &repository, err);
}

static int repositories_configure(struct store *store, struct err *err)
{
    auto_free char *list = xstrdup(store->settings->repositories);
    char *rest = list;
    int rc = 0;

    for (char *word; rc == 0 && (word = strsep(&rest, ",\n"));)
        if (word[strspn(word, " \t")] != '\0')
            rc = repository_take(store, word, err);
    return rc;
}

static void repository_load(void *ctx, const struct repository *kept)
{
    struct store *store = ctx;
    struct repository *told = store_repository_find(store, kept->key);

    if (told)
        told->created_ms = kept->created_ms;
    else if (store->repositories_count < STORE_REPOSITORIES_MAX)
        store->repositories[store->repositories_count++] = *kept;
    else
        store->repositories_over = true;
}

/* A virtual repository is made of others that are there and are not virtual themselves. */
static int members_check(const struct store *store, const struct repository *repository,
                         struct err *err)
{
    const char *at = repository->members;
    char key[REPO_KEY_MAX + 1];

    while (repo_next_member(&at, key)) {
        const struct repository *member = store_repository(store, key);
        if (!member || member->class == REPO_VIRTUAL || member->type != repository->type)
            return err_set(err, ERR_INVALID,
                           "repository %s: its member %s is not a local or remote"
                           " repository of its type",
                           repository->key, key);
    }
    if (!repository->deploy[0])
        return 0;
    const struct repository *deploy = store_repository(store, repository->deploy);
    if (!deploy || deploy->class != REPO_LOCAL || deploy->type != repository->type)
        return err_set(err, ERR_INVALID,
                       "repository %s: deploy=%s is not a local repository of its"
                       " type",
                       repository->key, repository->deploy);
    return 0;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct repository *)a)->key, ((const struct repository *)b)->key);
}

static int repositories_open(struct store *store, struct err *err)
{
    int rc = index_repositories(store->writer_db, repository_load, store, err);

    if (rc == 0 && store->repositories_over)
        return err_set(err, ERR_LIMIT, "a store has at most %d repositories, this one has more",
                       STORE_REPOSITORIES_MAX);
    qsort(store->repositories, store->repositories_count, sizeof *store->repositories, by_key);
    for (size_t i = 0; rc == 0 && i < store->repositories_count; i++)
        if (store->repositories[i].class == REPO_VIRTUAL)
            rc = members_check(store, &store->repositories[i], err);
    return rc;
}

/* --- tokens --- */

void store_token_put(struct store *store, const struct token *token)
{
    struct auth_token known = { .scope = token->scope, .expire_wall_ms = token->expire_ms };

    memcpy(known.id, token->id, sizeof known.id);
    memcpy(known.sha256, token->sha256, sizeof known.sha256);
    memcpy(known.subject, token->subject, sizeof known.subject);
    auth_put(store->auth, &known);
}

static void token_load(void *ctx, const struct token *token)
{
    store_token_put(ctx, token);
}

/* A token in a file for whoever owns the state, hashed in the index. */
static int token_make(struct store *store, const char *subject, const char *scope, const char *file,
                      struct err *err)
{
    auto_free char *path = xasprintf("%s/%s", store->settings->state_dir, file);
    struct token token = { .created_ms = clock_wall_ms() };
    char secret[SECRET_MAX];

    snprintf(token.subject, sizeof token.subject, "%s", subject);
    snprintf(token.scope, sizeof token.scope, "%s", scope);
    secret_new("sost", secret);
    id_new("tok", token.created_ms, token.id);
    sha256_hex(secret, strlen(secret), token.sha256);
    int rc = tokens_add(store->writer_db, &token, err);
    if (rc < 0)
        return rc;
    auto_free char *line = xasprintf("%s\n", secret);
    return fs_write_atomic(path, line, strlen(line), 0600, err);
}

/* The tokens that the store makes by itself, as far as they are there. */
struct own_tokens {
    bool admin;
    struct token gateway; /* id "": none */
};

static void token_seen(void *ctx, const struct token *token)
{
    struct own_tokens *own = ctx;

    own->admin |= token->expire_ms == 0 && scope_allows(token->scope, ACCESS_ADMIN, NULL, NULL);
    if (strcmp(token->subject, GATEWAY) == 0 && token->expire_ms == 0)
        own->gateway = *token;
}

/* To read what builds depend on and nothing else; with very many repositories, to read. */
static void gateway_scope(const struct store *store, char ret[SCOPE_MAX])
{
    size_t len = 0;
    size_t words = 0;

    ret[0] = '\0';
    for (size_t i = 0; i < store->repositories_count; i++) {
        const struct repository *repository = &store->repositories[i];
        if (repository->class == REPO_LOCAL)
            continue;
        int put = snprintf(ret + len, SCOPE_MAX - len, "%sartifact:%s:r", len ? " " : "",
                           repository->key);
        len += (size_t)put;
        if (len >= SCOPE_MAX || ++words > SCOPE_WORDS_MAX) {
            strcpy(ret, SCOPE_READERS);
            return;
        }
    }
}

/* Does the file hold that token?  It is written before the commit, and either may be restored. */
static bool token_is_in(const struct token *token, const char *path)
{
    char sha256[SHA256_HEX];
    struct buf text;

    buf_init(&text, SECRET_MAX + 1);
    bool is = fs_read(path, &text, NULL) == 0 && text.len > 0;
    if (is) {
        sha256_hex(text.data, strcspn(text.data, "\n"), sha256);
        is = strcmp(sha256, token->sha256) == 0;
    }
    buf_done(&text);
    return is;
}

/* The farm's, and what the workers' gateways read with; that one follows the repositories. */
static int tokens_make(struct store *store, struct err *err)
{
    struct own_tokens own = { 0 };
    char scope[SCOPE_MAX];

    gateway_scope(store, scope);
    int rc = tokens_each(store->writer_db, token_seen, &own, err);
    if (rc == 0 && !own.admin)
        rc = token_make(store, "farm", SCOPE_ADMIN, "admin.token", err);
    auto_free char *path = xasprintf("%s/" GATEWAY_FILE, store->settings->state_dir);
    bool known = own.gateway.id[0] && strcmp(own.gateway.scope, scope) == 0 &&
                 token_is_in(&own.gateway, path);
    if (rc < 0 || known || (!scope[0] && !own.gateway.id[0]))
        return rc;
    if (own.gateway.id[0])
        rc = tokens_remove(store->writer_db, own.gateway.id, err);
    return rc < 0 || !scope[0] ? rc : token_make(store, GATEWAY, scope, GATEWAY_FILE, err);
}

/* The builds' own is always there. */
static int build_repository(struct store *store, struct err *err)
{
    const struct repository *told = store_repository(store, BUILD_REPO);

    if (!told)
        return repository_take(store, BUILD_REPO, err);
    return told->class == REPO_LOCAL && told->type == REPO_GENERIC && !told->immutable
               ? 0
               : err_set(err, ERR_INVALID, "repository " BUILD_REPO " is a plain local one");
}

/* All in one transaction; the token's file is written before it ends. */
static int state_prepare(struct store *store, struct err *err)
{
    struct strand_batch batch;

    journal_batch(store->journal, &batch);
    int rc = batch.begin(batch.ctx, err);
    if (rc < 0)
        return rc;
    rc = repositories_configure(store, err);
    if (rc == 0)
        rc = build_repository(store, err);
    if (rc == 0)
        rc = repositories_open(store, err);
    if (rc == 0)
        rc = tokens_make(store, err);
    if (rc == 0)
        rc = batch.commit(batch.ctx, err);
    return rc;
}

/* An index that is gone must not come to life empty: all the blobs would be swept. */
static int index_expect(const char *index, const char *journal, struct err *err)
{
    if (access(index, F_OK) == 0 || !journal_is_there(journal))
        return 0;
    err_set(err, ERR_CONFLICT, "%s is gone, but its journal is there", index);
    err_hint(err, "run `sos-store rebuild`, which makes the index from the journal");
    return -ERR_CONFLICT;
}

static int index_open(struct store *store, const char *index, const char *journal, struct err *err)
{
    struct journal_start told;

    int rc = index_expect(index, journal, err);
    if (rc < 0)
        return rc;
    rc = index_open_writer(index, &store->writer_db, err);
    if (rc < 0 && rc != -ERR_CONFLICT && journal_is_there(journal))
        err_hint(err, "run `sos-store rebuild`, which makes the index from the journal");
    if (rc == 0)
        rc = journal_open(journal, index, store->writer_db, &store->journal, &told, err);
    if (rc < 0)
        return rc;
    if (told.applied > 0 || told.torn_bytes > 0)
        log_info("journal", "the index was brought to its end",
                 "commits=%" PRId64 " torn_bytes=%" PRId64, told.applied, told.torn_bytes);
    if (told.behind)
        log_warn("journal", "it was behind the index, begun anew", "path=%s", journal);
    return 0;
}

static int builds_prepare(struct store *store, struct err *err)
{
    struct strand_batch batch;

    journal_batch(store->journal, &batch);
    int rc = batch.begin(batch.ctx, err);
    if (rc == 0)
        rc = builds_restore(store, err);
    return rc < 0 ? rc : batch.commit(batch.ctx, err);
}

int state_open(struct store *store, struct err *err)
{
    const char *dir = store->settings->state_dir;
    auto_free char *index = xasprintf("%s/index.db", dir);
    auto_free char *journal = xasprintf("%s/journal", dir);
    auto_free char *headroom = xasprintf("%s/headroom", dir);

    store->blobs_dir = xasprintf("%s/blobs", dir);
    store->quarantine_dir = xasprintf("%s/quarantine", dir);
    int rc = fs_mkdirs_durable(dir, 0700, err);
    if (rc < 0)
        return rc;
    store->headroom = headroom_new(headroom, STORE_HEADROOM_BYTES);
    if (rc == 0)
        rc = index_open(store, index, journal, err);
    if (rc == 0)
        rc = state_prepare(store, err);
    if (rc == 0)
        rc = db_open_reader(index, &store->reader_db, err);
    for (int i = 0; rc == 0 && i < STORE_SEARCHERS; i++)
        rc = db_open_reader(index, &store->searchers[i].db, err);
    if (rc == 0)
        rc = tokens_each(store->reader_db, token_load, store, err);
    if (rc == 0)
        rc = blobs_open(store->blobs_dir, &store->blobs, err);
    if (rc == 0)
        rc = builds_prepare(store, err);
    return rc;
}
