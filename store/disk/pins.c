#include "store/disk/pins.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/list.h"
#include "store/disk/holes.h"
#include "store/disk/index.h"

struct pin {
    struct list link;
    char sha256[SHA256_HEX];
};

/* Uploads in flight are few (the connections that are past their last byte): a list is enough. */
struct pins {
    pthread_mutex_t mutex;
    pthread_cond_t removed;
    struct list list;
    char removing[SHA256_HEX]; /* "": none */
};

struct pins *pins_new(void)
{
    struct pins *pins = xcalloc(1, sizeof *pins);

    pthread_mutex_init(&pins->mutex, NULL);
    pthread_cond_init(&pins->removed, NULL);
    list_init(&pins->list);
    return pins;
}

void pins_free(struct pins *pins)
{
    if (!pins)
        return;
    assert(list_empty(&pins->list));
    pthread_cond_destroy(&pins->removed);
    pthread_mutex_destroy(&pins->mutex);
    free(pins);
}

static struct pin *pins_find(struct pins *pins, const char *sha256)
{
    list_each (link, &pins->list) {
        struct pin *pin = list_item(link, struct pin, link);
        if (strcmp(pin->sha256, sha256) == 0)
            return pin;
    }
    return NULL;
}

void pins_add(struct pins *pins, const char *sha256)
{
    struct pin *pin = xcalloc(1, sizeof *pin);

    snprintf(pin->sha256, sizeof pin->sha256, "%s", sha256);
    pthread_mutex_lock(&pins->mutex);
    while (strcmp(pins->removing, sha256) == 0)
        pthread_cond_wait(&pins->removed, &pins->mutex);
    list_append(&pins->list, &pin->link);
    pthread_mutex_unlock(&pins->mutex);
}

void pins_drop(struct pins *pins, const char *sha256)
{
    pthread_mutex_lock(&pins->mutex);
    struct pin *pin = pins_find(pins, sha256);
    assert(pin);
    list_remove(&pin->link);
    pthread_mutex_unlock(&pins->mutex);
    free(pin);
}

/* Mark the digest as being removed; false: it is pinned. */
static bool removal_begin(struct pins *pins, const char *sha256)
{
    pthread_mutex_lock(&pins->mutex);
    while (pins->removing[0]) /* another remover */
        pthread_cond_wait(&pins->removed, &pins->mutex);
    bool ok = !pins_find(pins, sha256);
    if (ok)
        snprintf(pins->removing, sizeof pins->removing, "%s", sha256);
    pthread_mutex_unlock(&pins->mutex);
    return ok;
}

static void removal_end(struct pins *pins)
{
    pthread_mutex_lock(&pins->mutex);
    pins->removing[0] = '\0';
    pthread_cond_broadcast(&pins->removed);
    pthread_mutex_unlock(&pins->mutex);
}

int pins_remove_blob(struct pins *pins, struct blobs *blobs, struct db *reader, const char *sha256,
                     struct err *err)
{
    if (!removal_begin(pins, sha256))
        return 0;
    int rc = index_blob_is_free(reader, sha256, err);
    if (rc > 0) {
        rc = blobs_remove(blobs, sha256, err);
        rc = rc == 0 || rc == -ERR_NOT_FOUND ? 1 : rc;
    }
    removal_end(pins);
    return rc;
}

int pins_quarantine_blob(struct pins *pins, const char *blobs_dir, const char *quarantine_dir,
                         const char *sha256, struct err *err)
{
    if (!removal_begin(pins, sha256))
        return 0;
    int rc = blob_quarantine(blobs_dir, quarantine_dir, sha256, err);
    removal_end(pins);
    return rc < 0 ? rc : 1;
}
