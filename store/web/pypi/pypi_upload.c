/* pypi_upload.c - POST of a file to a PyPI repository, as twine and uv send it: a form with fields
 * about the file and the file itself, in any order.
 *
 * Source: "Upload API" of the documentation of PyPI.  Stored once a file stays: the same bytes
 * again are fine, others are 409, which clients may be told to take for "is there already"; so a
 * damaged upload is not 409 but 400. */
#include <string.h>

#include "sos/base/auto.h"
#include "store/core/intake.h"
#include "store/core/multipart.h"
#include "store/core/pypi.h"
#include "store/disk/blake2b.h"
#include "store/disk/wheel.h"
#include "store/web/item/deployed.h"
#include "store/web/item/upload.h"
#include "store/web/pypi/pypi.h"

enum { FIELDS_BYTES_MAX = 16 << 20 }; /* of all but the file */

enum field {
    FIELD_ACTION,
    FIELD_NAME,
    FIELD_VERSION,
    FIELD_MD5,
    FIELD_SHA256,
    FIELD_BLAKE2,
    FIELD_PYTHON,
    FIELDS, /* this many, and any other, which is not kept */
};

static const char *const names[FIELDS] = { ":action",        "name",          "version",
                                           "md5_digest",     "sha256_digest", "blake2_256_digest",
                                           "requires_python" };

struct pypi_form {
    const struct repository *asked; /* a virtual one, or where it goes */
    struct multipart *multipart;
    char values[FIELDS][PYPI_FIELD_MAX + 1];
    char file[MULTIPART_NAME_MAX + 1]; /* its name; "": it did not come yet */
    char project[PYPI_NAME_MAX + 1];
    bool is_wheel;
    bool in_file;
    enum field field; /* of this part; FIELDS: one of no interest */
    size_t fields_bytes;
    struct blake2b *blake2b;
    char blake2b_hex[BLAKE2B_256_HEX];
};

static struct pypi_form *form_of(const struct call *call)
{
    return call->own;
}

/* --- the parts of the form (loop) --- */

static int on_begin(void *ctx, const struct multipart_part *part, struct err *err)
{
    struct pypi_form *form = ((struct call *)ctx)->own;

    form->in_file = part->is_file && strcmp(part->name, "content") == 0;
    form->field = FIELDS;
    if (form->in_file) {
        if (form->file[0] || !part->filename[0])
            return err_set(err, ERR_INVALID, "the form must have one file, with a name");
        memcpy(form->file, part->filename, sizeof form->file);
        return 0;
    }
    for (int i = 0; i < FIELDS && !part->is_file; i++)
        if (strcmp(part->name, names[i]) == 0)
            form->field = (enum field)i;
    if (form->field < FIELDS && form->values[form->field][0])
        return err_set(err, ERR_INVALID, "the form tells '%s' twice", part->name);
    return 0;
}

static int on_data(void *ctx, const char *data, size_t len, struct err *err)
{
    struct call *call = ctx;
    struct pypi_form *form = call->own;

    if (form->in_file) {
        upload_add(call, data, len);
        return 0;
    }
    form->fields_bytes += len;
    if (form->fields_bytes > FIELDS_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "the fields of the form are larger than %d bytes",
                       FIELDS_BYTES_MAX);
    if (form->field == FIELDS)
        return 0;
    char *value = form->values[form->field];
    size_t before = strlen(value);
    if (before + len > PYPI_FIELD_MAX)
        return err_set(err, ERR_LIMIT, "the field '%s' is longer than %d bytes", names[form->field],
                       PYPI_FIELD_MAX);
    if (memchr(data, '\0', len))
        return err_set(err, ERR_INVALID, "the field '%s' holds a NUL", names[form->field]);
    memcpy(value + before, data, len);
    value[before + len] = '\0';
    return 0;
}

static int on_part_end(void *ctx, struct err *err)
{
    (void)ctx;
    (void)err;
    return 0;
}

static const struct multipart_events events = { on_begin, on_data, on_part_end };

/* --- what the form says of its file (loop) --- */

/* call->at.repo is told; the rest of the path is what the name of the file tells. */
static int form_place(struct call *call, struct pypi_file_name *ret, struct err *err)
{
    struct pypi_form *form = call->own;
    const char *action = form->values[FIELD_ACTION];
    char repo[REPO_KEY_MAX + 1];

    memcpy(repo, call->at.repo, sizeof repo);
    if (!form->file[0])
        return err_set(err, ERR_INVALID, "the form has no file named 'content'");
    if (action[0] && strcmp(action, "file_upload") != 0)
        return err_set(err, ERR_INVALID, "':action' must be 'file_upload', not '%.40s'", action);
    int rc = pypi_normal_name(form->values[FIELD_NAME], form->project, err);
    if (rc == 0)
        rc = pypi_file_parse(form->file, form->project, ret, err);
    if (rc == 0)
        rc = pypi_item(repo, form->project, form->file, &call->at, err);
    if (rc < 0)
        return rc;
    form->is_wheel = ret->wheel;
    if (call_may(call, ACCESS_PUSH, &call->at))
        return 0;
    err_set(err, ERR_DENIED, "may not deploy there");
    err_reason(err, "FORBIDDEN");
    return -ERR_DENIED;
}

static int form_props(struct call *call, const struct pypi_file_name *name, struct err *err)
{
    struct pypi_form *form = call->own;
    const char *version = form->values[FIELD_VERSION];

    int rc = props_add(&call->props, PYPI_PROP_NAME, form->values[FIELD_NAME], err);
    if (rc == 0)
        rc = props_add(&call->props, PYPI_PROP_VERSION, version[0] ? version : name->version, err);
    if (rc == 0 && form->values[FIELD_PYTHON][0])
        rc = props_add(&call->props, PYPI_PROP_PYTHON, form->values[FIELD_PYTHON], err);
    return rc;
}

static int form_whole(struct call *call, struct err *err)
{
    struct pypi_form *form = call->own;
    struct pypi_file_name name;

    int rc = multipart_end(form->multipart, err);
    if (rc == 0)
        rc = form_place(call, &name, err);
    if (rc == 0)
        rc = intake_check(form->asked, &call->at, err);
    if (rc == 0)
        rc = intake_check(store_repository(call->store, call->at.repo), &call->at, err);
    if (rc == 0)
        rc = form_props(call, &name, err);
    if (rc == 0)
        rc = claim_add(&call->claim, CLAIM_SHA256, form->values[FIELD_SHA256], err);
    return rc < 0 ? rc : claim_add(&call->claim, CLAIM_MD5, form->values[FIELD_MD5], err);
}

static int form_take(struct call *call, const char *data, size_t len, struct err *err)
{
    return multipart_add(form_of(call)->multipart, data, len, err);
}

/* --- the bytes of the file (pool threads) --- */

static void form_hash(struct call *call, const char *data, size_t len)
{
    blake2b_add(form_of(call)->blake2b, data, len);
}

static int form_check(struct call *call, struct err *err)
{
    struct pypi_form *form = call->own;
    const char *claimed = form->values[FIELD_BLAKE2];

    blake2b_end(form->blake2b, form->blake2b_hex);
    if (!claimed[0] || strcasecmp(claimed, form->blake2b_hex) == 0)
        return 0;
    return err_set(err, ERR_CONFLICT, "blake2_256: the client claims %.64s, received %s", claimed,
                   form->blake2b_hex);
}

/* What cannot be read is not told; clients then look into the file themselves. */
static void form_look(struct call *call, int fd)
{
    struct pypi_form *form = call->own;
    char sha256[SHA256_HEX];
    char python[PYPI_FIELD_MAX + 1];
    struct buf metadata;

    buf_init(&metadata, WHEEL_METADATA_MAX);
    if (form->is_wheel && wheel_metadata(fd, form->project, &metadata, NULL) == 0 && metadata.len) {
        sha256_hex(metadata.data, metadata.len, sha256);
        props_add(&call->props, PYPI_PROP_METADATA, sha256, NULL);
        if (!form->values[FIELD_PYTHON][0] &&
            wheel_field(metadata.data, "Requires-Python", python) && python[0])
            props_add(&call->props, PYPI_PROP_PYTHON, python, NULL);
    }
    buf_done(&metadata);
}

/* --- the answer --- */

static void form_answer(struct call *call)
{
    const char *reason = call->task.err.reason ? call->task.err.reason : "";
    char text[ERROR_TEXT_MAX];

    if (!call->request || call->task.rc == 0) {
        deployed_done(call);
    } else if (strcmp(reason, "FORBIDDEN") == 0) {
        call_deny(call, ACCESS_PUSH, &call->at);
    } else if (strcmp(reason, "CHECKSUM") == 0) {
        call_error(call, 400, call->task.err.text);
    } else if (call->task.rc == -ERR_DENIED) {
        snprintf(text, sizeof text, "File already exists with other content: %s:%s", call->at.repo,
                 call->at.path);
        call_error(call, 409, text);
    } else {
        call_fail(call, TEXT_NO_ITEM);
    }
}

static void form_free(struct call *call)
{
    multipart_free(form_of(call)->multipart);
    blake2b_free(form_of(call)->blake2b);
    free(take_ptr(call->own));
}

static const struct upload_shape shape = { .take = form_take,
                                           .whole = form_whole,
                                           .hash = form_hash,
                                           .check = form_check,
                                           .look = form_look,
                                           .answer = form_answer };

/* Where it goes: a local repository itself, a virtual one's `deploy`.  NULL: it was answered. */
static const struct repository *upload_target(struct call *call,
                                              const struct repository **ret_asked)
{
    size_t len = strcspn(call->rest, "/");
    const struct repository *repository = *ret_asked = pypi_repository(call);

    if (!repository)
        return NULL;
    if (call->rest[len] && call->rest[len + 1]) {
        call_error(call, 404, TEXT_NO_FILE);
        return NULL;
    }
    if (repository->class == REPO_VIRTUAL && repository->deploy[0])
        repository = store_repository(call->store, repository->deploy);
    if (repository->class != REPO_LOCAL) {
        call_refuse_put(call, repository);
        return NULL;
    }
    return repository;
}

void pypi_upload_call(struct call *call)
{
    const struct repository *asked;
    const struct repository *target = upload_target(call, &asked);
    struct multipart *multipart;
    struct err err = { 0 };

    if (!target)
        return;
    if (multipart_new(http_header(call->request, "Content-Type"), &events, call, &multipart, &err) <
        0) {
        call_error(call, 400, err.text);
        return;
    }
    call->at = (struct item_path){ .folder = false };
    memcpy(call->at.repo, target->key, sizeof call->at.repo);
    call_own(call, xcalloc(1, sizeof(struct pypi_form)), form_free);
    form_of(call)->asked = asked;
    form_of(call)->multipart = multipart;
    form_of(call)->blake2b = blake2b_new();
    upload_call_shaped(call, &shape);
}
