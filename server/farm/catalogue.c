/* catalogue.c - the curated images, read from <images>/NAME.json and again when a file changes.
 *
 * A file that cannot be read is told and what was known of it before stays: a half-written file
 * takes no image away. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "server/farm/state.h"
#include "sos/base/fs.h"

enum { IMAGES_MAX = 64, IMAGE_FILE_MAX = 1 << 20 };

struct entry {
    char *file; /* "python-3.13.json" */
    struct timespec mtime;
    off_t size;
    bool seen; /* in this look at the folder */
    bool good;
    struct sos_image image;
};

struct catalogue {
    char *dir;
    struct entry entries[IMAGES_MAX];
    size_t count;
    bool missing_told;
};

struct catalogue *catalogue_new(const char *dir)
{
    struct catalogue *catalogue = xcalloc(1, sizeof *catalogue);

    catalogue->dir = xstrdup(dir);
    catalogue_refresh(catalogue);
    return catalogue;
}

static void entry_done(struct entry *entry)
{
    sos_image_done(&entry->image);
    free(entry->file);
}

void catalogue_free(struct catalogue *catalogue)
{
    if (!catalogue)
        return;
    for (size_t i = 0; i < catalogue->count; i++)
        entry_done(&catalogue->entries[i]);
    free(catalogue->dir);
    free(catalogue);
}

/* --- reading --- */

static int image_check(const struct sos_image *image, struct err *err)
{
    if (!image->name || !image->language)
        return err_set(err, ERR_INVALID, "no name or no language");
    if (!image->build || !image->build->digest || !image->run || !image->run->digest)
        return err_set(err, ERR_INVALID, "no digests");
    return 0;
}

static int image_read(const char *path, struct sos_image *ret, struct err *err)
{
    struct buf text;

    buf_init(&text, IMAGE_FILE_MAX);
    int rc = fs_read(path, &text, err);
    if (rc == 0)
        rc = sos_image_read(text.data, text.len, ret, err);
    buf_done(&text);
    if (rc == 0 && (rc = image_check(ret, err)) < 0)
        sos_image_done(ret);
    return rc;
}

static struct entry *entry_of(struct catalogue *catalogue, const char *file)
{
    for (size_t i = 0; i < catalogue->count; i++)
        if (strcmp(catalogue->entries[i].file, file) == 0)
            return &catalogue->entries[i];
    if (catalogue->count == IMAGES_MAX)
        return NULL;
    struct entry *entry = &catalogue->entries[catalogue->count++];
    *entry = (struct entry){ .file = xstrdup(file) };
    return entry;
}

static void entry_refresh(struct catalogue *catalogue, const char *file)
{
    auto_free char *path = xasprintf("%s/%s", catalogue->dir, file);
    struct entry *entry = entry_of(catalogue, file);
    struct sos_image image;
    struct err err = { 0 };
    struct stat st;

    if (!entry || stat(path, &st) < 0)
        return;
    entry->seen = true;
    if (entry->mtime.tv_sec == st.st_mtim.tv_sec && entry->mtime.tv_nsec == st.st_mtim.tv_nsec &&
        entry->size == st.st_size)
        return;
    entry->mtime = st.st_mtim;
    entry->size = st.st_size;
    if (image_read(path, &image, &err) < 0) {
        log_warn("image", "not read, keeping what was known", "file=%s why=\"%s\"", path, err.text);
        return;
    }
    sos_image_done(&entry->image);
    entry->image = image;
    entry->good = true;
    log_info("image", "read", "image=%s build=%s", image.name, image.build->digest);
}

static void forget_unseen(struct catalogue *catalogue)
{
    size_t kept = 0;

    for (size_t i = 0; i < catalogue->count; i++) {
        if (catalogue->entries[i].seen)
            catalogue->entries[kept++] = catalogue->entries[i];
        else
            entry_done(&catalogue->entries[i]);
    }
    catalogue->count = kept;
}

void catalogue_refresh(struct catalogue *catalogue)
{
    DIR *dir = opendir(catalogue->dir);
    struct dirent *at;

    if (!dir) {
        if (!catalogue->missing_told)
            log_warn("image", "no folder of images yet", "dir=%s why=\"%s\"", catalogue->dir,
                     strerror(errno));
        catalogue->missing_told = true;
        return;
    }
    catalogue->missing_told = false;
    for (size_t i = 0; i < catalogue->count; i++)
        catalogue->entries[i].seen = false;
    while ((at = readdir(dir))) {
        size_t len = strlen(at->d_name);
        if (len > 5 && at->d_name[0] != '.' && strcmp(at->d_name + len - 5, ".json") == 0)
            entry_refresh(catalogue, at->d_name);
    }
    closedir(dir);
    forget_unseen(catalogue);
}

/* --- asking --- */

size_t catalogue_count(const struct catalogue *catalogue)
{
    size_t count = 0;

    for (size_t i = 0; i < catalogue->count; i++)
        count += catalogue->entries[i].good;
    return count;
}

const struct sos_image *catalogue_at(const struct catalogue *catalogue, size_t index)
{
    for (size_t i = 0; i < catalogue->count; i++)
        if (catalogue->entries[i].good && index-- == 0)
            return &catalogue->entries[i].image;
    return NULL;
}

const struct sos_image *catalogue_find(const struct catalogue *catalogue, const char *name)
{
    const struct sos_image *image;

    for (size_t i = 0; (image = catalogue_at(catalogue, i)); i++)
        if (strcmp(image->name, name) == 0)
            return image;
    return NULL;
}

const char *catalogue_name_of(const struct catalogue *catalogue, const char *build_digest)
{
    const struct sos_image *image;

    for (size_t i = 0; (image = catalogue_at(catalogue, i)); i++)
        if (strcmp(image->build->digest, build_digest) == 0)
            return image->name;
    return NULL;
}

static const struct sos_image *image_of_language(const struct catalogue *catalogue,
                                                 const char *language)
{
    const struct sos_image *image, *any = NULL;

    for (size_t i = 0; (image = catalogue_at(catalogue, i)); i++) {
        if (strcmp(image->language, language) != 0)
            continue;
        if (image->default_)
            return image;
        any = image;
    }
    return any;
}

static int image_unknown(const struct catalogue *catalogue, struct err *err)
{
    struct buf names;
    const struct sos_image *image;

    buf_init(&names, 100);
    for (size_t i = 0; (image = catalogue_at(catalogue, i)); i++)
        buf_printf(&names, "%s%s", i ? ", " : "", image->name);
    if (names.len)
        err_hint(err, "images here: %s", names.data);
    else
        err_hint(err, "no image was made yet: images/make");
    buf_done(&names);
    err_reason(err, "UNKNOWN_IMAGE");
    return -ERR_INVALID;
}

int catalogue_choose(const struct catalogue *catalogue, const char *name, const char *language,
                     const struct sos_image **ret, struct err *err)
{
    bool named = name && *name;
    bool spoken = language && *language;
    const struct sos_image *image = named    ? catalogue_find(catalogue, name)
                                    : spoken ? image_of_language(catalogue, language)
                                             : NULL;

    if (!image) {
        err_set(err, ERR_INVALID,
                named    ? "no image is called %.80s"
                : spoken ? "no image serves the language %.80s"
                         : "neither image nor language is given%s",
                named    ? name
                : spoken ? language
                         : "");
        return image_unknown(catalogue, err);
    }
    if (spoken && strcmp(language, image->language) != 0) {
        err_set(err, ERR_INVALID, "image %s is for %s, not for %.40s", image->name, image->language,
                language);
        return image_unknown(catalogue, err);
    }
    *ret = image;
    return 0;
}
