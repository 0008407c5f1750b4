#include "store/core/props.h"

#include <string.h>

#include "sos/base/auto.h"
#include "sos/base/utf8.h"
#include "store/core/text.h"

enum { PARAMETER_MAX = 16384 };

void props_init(struct props *props)
{
    *props = (struct props){ 0 };
}

void props_done(struct props *props)
{
    for (size_t i = 0; i < props->count; i++) {
        free(props->list[i].key);
        free(props->list[i].value);
    }
    free(props->list);
    props_init(props);
}

/* A letter, then anything but white space and )(}{][*+^$\/~`!@#%&<>;=,±§ */
bool prop_key_is_valid(const char *key)
{
    size_t len = strlen(key);

    if (len == 0 || len > PROP_KEY_MAX || !utf8_is_valid(key, len))
        return false;
    if (!((key[0] >= 'a' && key[0] <= 'z') || (key[0] >= 'A' && key[0] <= 'Z')))
        return false;
    for (const char *at = key; *at; at++)
        if ((unsigned char)*at <= ' ' || *at == 0x7f || strchr(")(}{][*+^$\\/~`!@#%&<>;=,", *at))
            return false;
    return !strstr(key, "\u00b1") && !strstr(key, "\u00a7");
}

static bool props_hold(const struct props *props, const char *key, const char *value)
{
    for (size_t i = 0; i < props->count; i++)
        if (strcmp(props->list[i].key, key) == 0 && strcmp(props->list[i].value, value) == 0)
            return true;
    return false;
}

int props_add(struct props *props, const char *key, const char *value, struct err *err)
{
    if (!prop_key_is_valid(key))
        return err_set(err, ERR_INVALID, "Property key '%.100s' is not valid", key);
    if (strlen(value) > PROP_VALUE_MAX)
        return err_set(err, ERR_LIMIT, "Value of property '%.100s' is longer than %d bytes", key,
                       PROP_VALUE_MAX);
    if (props_hold(props, key, value))
        return 0;
    if (props->count >= PROPS_MAX)
        return err_set(err, ERR_LIMIT, "More than %d properties", PROPS_MAX);

    props->list = xrealloc(props->list, (props->count + 1) * sizeof *props->list);
    props->list[props->count++] = (struct prop){ xstrdup(key), xstrdup(value) };
    return 0;
}

/* --- matrix parameters --- */

static int matrix_add(const char *raw, size_t len, struct props *ret, struct err *err)
{
    char key[PROP_KEY_MAX + 1];
    char value[PROP_VALUE_MAX + 1] = "";
    const char *equals = memchr(raw, '=', len);
    size_t key_len = equals ? (size_t)(equals - raw) : len;

    int rc = text_decode(raw, key_len, true, key, sizeof key, err);
    if (rc == 0 && equals)
        rc = text_decode(equals + 1, len - key_len - 1, true, value, sizeof value, err);
    if (rc < 0) {
        err_wrap(err, "Matrix parameter '%.*s'", (int)(key_len < 100 ? key_len : 100), raw);
        return rc;
    }
    return props_add(ret, key, value, err);
}

int props_parse_matrix(const char *raw, size_t len, struct props *ret, struct err *err)
{
    while (len > 0) {
        const char *end = memchr(raw, ';', len);
        size_t one = end ? (size_t)(end - raw) : len;
        if (one > 0) {
            int rc = matrix_add(raw, one, ret, err);
            if (rc < 0)
                return rc;
        }
        one += end ? 1 : 0;
        raw += one;
        len -= one;
    }
    return 0;
}

/* --- ?properties= --- */

static int list_decode(const char *raw, size_t len, char **ret, struct err *err)
{
    if (len > PARAMETER_MAX)
        return err_set(err, ERR_LIMIT, "Property list is longer than %d bytes", PARAMETER_MAX);
    auto_free char *text = xmalloc(len + 1);
    int rc = text_decode(raw, len, true, text, len + 1, err);
    if (rc < 0) {
        err_wrap(err, "Property list");
        return rc;
    }
    *ret = take_ptr(text);
    return 0;
}

/* The text up to the first of `stops`, unescaped in place; *at then stands behind the stop, which
 * is returned ('\0' at the end). */
static char list_next(char **at, const char *stops, char **ret)
{
    char *in = *at;
    char *out = *at;

    *ret = out;
    while (*in && !strchr(stops, *in)) {
        if (*in == '\\' && in[1])
            in++;
        *out++ = *in++;
    }
    char stop = *in;
    *at = stop ? in + 1 : in;
    *out = '\0';
    return stop;
}

int props_parse_query(const char *raw, size_t len, struct props *ret, struct err *err)
{
    auto_free char *text = NULL;
    int rc = list_decode(raw, len, &text, err);

    for (char *at = text; rc == 0 && *at;) {
        char *key;
        char *value;
        char stop = list_next(&at, "=;|", &key);
        if (stop != '=') {
            rc = *key ? props_add(ret, key, "", err) : 0;
            continue;
        }
        do {
            stop = list_next(&at, ",;|", &value);
            rc = props_add(ret, key, value, err);
        } while (rc == 0 && stop == ',');
    }
    return rc;
}

int props_parse_keys(const char *raw, size_t len, struct props *ret, struct err *err)
{
    auto_free char *text = NULL;
    int rc = list_decode(raw, len, &text, err);

    for (char *at = text; rc == 0 && *at;) {
        char *key;
        list_next(&at, ",", &key);
        rc = *key ? props_add(ret, key, "", err) : 0;
    }
    return rc;
}
