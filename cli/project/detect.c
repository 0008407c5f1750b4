#include "cli/project/detect.h"

#include <string.h>
#include <sys/stat.h>

#include "cli/project/facts.h"
#include "sos/base/auto.h"
#include "sos/base/fs.h"

enum { MARKER_FILE_MAX = 1 << 20, LANGUAGES_MAX = 32 };

struct candidate {
    const struct sos_image *image;
    const char *strong; /* file that says so */
    const char *weak;
};

static int marker_matches(const char *root, const struct sos_detect_rule *rule)
{
    auto_free char *path = xasprintf("%s/%s", root, rule->file);
    struct stat st;
    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return 0;
    if (!rule->contains)
        return 1;
    struct buf text;
    struct err ignored;
    buf_init(&text, MARKER_FILE_MAX);
    int found = fs_read(path, &text, &ignored) == 0 && text.data &&
                line_matches(text.data, rule->contains, &ignored) > 0;
    buf_done(&text);
    return found;
}

static void candidate_look(const char *root, struct candidate *candidate)
{
    for (size_t i = 0; i < candidate->image->detect_count; i++) {
        const struct sos_detect_rule *rule = &candidate->image->detect[i];
        if (!rule->file || !marker_matches(root, rule))
            continue;
        if (rule->strength == SOS_DETECT_RULE_STRENGTH_STRONG && !candidate->strong)
            candidate->strong = rule->file;
        else if (!candidate->weak)
            candidate->weak = rule->file;
    }
}

/* The images that may be chosen: the named one, else the default one of each language. */
static size_t candidates_list(const struct sos_list_images_response *images, const char *language,
                              const char *image_name, struct candidate candidates[LANGUAGES_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < images->images_count && count < LANGUAGES_MAX; i++) {
        const struct sos_image *image = &images->images[i];
        if (image_name ? strcmp(image->name, image_name) != 0 : !image->default_)
            continue;
        if (language && (!image->language || strcmp(image->language, language) != 0))
            continue;
        candidates[count++] = (struct candidate){ .image = image };
    }
    return count;
}

static int none_fits(const struct sos_list_images_response *images, const char *language,
                     const char *image_name, struct err *err)
{
    struct buf names;
    buf_init(&names, 100);
    for (size_t i = 0; i < images->images_count; i++)
        buf_printf(&names, "%s%s", i ? ", " : "", images->images[i].name);
    int rc = err_set(err, ERR_INVALID, "the farm has no image %s%s%s", image_name ? image_name : "",
                     language ? " for " : "", language ? language : "");
    err_hint(err, "images of this farm: %s", names.data ? names.data : "none");
    buf_done(&names);
    return rc;
}

static int nothing_seen(const char *root, const struct candidate *candidates, size_t count,
                        struct err *err)
{
    struct buf wanted;
    buf_init(&wanted, 160);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < candidates[i].image->detect_count; j++)
            if (candidates[i].image->detect[j].strength == SOS_DETECT_RULE_STRENGTH_STRONG) {
                buf_printf(&wanted, "%s%s", wanted.len ? ", " : "",
                           candidates[i].image->detect[j].file);
                break;
            }
    int rc = err_set(err, ERR_INVALID, "%s is no project that this farm can build (looked for %s)",
                     root, wanted.data ? wanted.data : "nothing");
    err_hint(err, "run it in the project's directory, or: sos build DIR");
    buf_done(&wanted);
    return rc;
}

static int several_seen(const struct candidate *a, const struct candidate *b, struct err *err)
{
    int rc = err_set(err, ERR_CONFLICT, "two kinds of project here: %s (%s) and %s (%s)", a->strong,
                     a->image->language, b->strong, b->image->language);
    err_hint(err, "sos build --lang %s   or in sos.yaml:  lang: %s", a->image->language,
             a->image->language);
    return rc;
}

int detect_project(const char *root, const struct sos_list_images_response *images,
                   const char *language, const char *image_name, struct detection *ret,
                   struct err *err)
{
    struct candidate candidates[LANGUAGES_MAX];
    size_t count = candidates_list(images, language, image_name, candidates);
    const struct candidate *strong = NULL, *weak = NULL;
    if (count == 0)
        return none_fits(images, language, image_name, err);
    for (size_t i = 0; i < count; i++) {
        candidate_look(root, &candidates[i]);
        if (candidates[i].strong && strong)
            return several_seen(strong, &candidates[i], err);
        if (candidates[i].strong)
            strong = &candidates[i];
        else if (candidates[i].weak)
            weak = &candidates[i];
    }
    const struct candidate *found = strong ? strong : weak;
    if (!found && (language || image_name) && count == 1)
        found = &candidates[0]; /* the user says what it is; the recipe will tell if it is not */
    if (!found)
        return nothing_seen(root, candidates, count, err);

    memset(ret, 0, sizeof *ret);
    ret->image = found->image;
    snprintf(ret->evidence, sizeof ret->evidence, "%s",
             found->strong ? found->strong
             : found->weak ? found->weak
                           : "chosen by you");
    if (strong && weak)
        snprintf(ret->note, sizeof ret->note, "%s (%s) is here too and was not followed",
                 weak->weak, weak->image->language);
    return 0;
}
