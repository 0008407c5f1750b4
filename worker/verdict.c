#include "worker/verdict.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sos/base/utf8.h"

void verdict_clean(const char *text, size_t len, char *ret, size_t ret_max)
{
    size_t used = 0;
    for (size_t at = 0; at < len;) {
        uint32_t code;
        size_t step = utf8_next(text + at, len - at, &code);
        const char *put = text + at;
        size_t put_len = step;
        if (step == 0 || utf8_is_unsafe(code)) {
            put = step == 0 ? "?" : " ";
            put_len = 1;
        }
        if (used + put_len >= ret_max)
            break;
        memcpy(ret + used, put, put_len);
        used += put_len;
        at += step ? step : 1;
    }
    while (used > 0 && ret[used - 1] == ' ')
        used--;
    ret[used] = '\0';
}

int verdict_fail(struct verdict *ret, enum sos_result_reason reason, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    ret->outcome = SOS_RESULT_OUTCOME_FAILURE;
    ret->reason = reason;
    verdict_clean(text, strlen(text), ret->message, sizeof ret->message);
    return -1;
}

int verdict_error(struct verdict *ret, enum sos_result_reason reason, const struct err *err)
{
    verdict_fail(ret, reason, "%s", err->text);
    snprintf(ret->hint, sizeof ret->hint, "%s", err->hint);
    ret->outcome = SOS_RESULT_OUTCOME_ERROR;
    return -1;
}

/* The words a recipe may use; every other reason is the farm's to give. */
static enum sos_result_reason recipe_reason(const char *name)
{
    int reason = name ? wire_enum_value(&sos_result_reason_enum, name) : -1;
    if (reason < SOS_RESULT_REASON_CHECK || reason > SOS_RESULT_REASON_PACKAGE)
        return SOS_RESULT_REASON_UNSPECIFIED;
    return (enum sos_result_reason)reason;
}

static void clean_json(const json_t *object, const char *key, char *ret, size_t ret_max)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_string(value))
        verdict_clean(json_string_value(value), json_string_length(value), ret, ret_max);
}

int verdict_parse_failure(const char *json, size_t len, struct verdict *ret, struct err *err)
{
    if (len > VERDICT_FILE_MAX)
        return err_set(err, ERR_INVALID, "failure.json has more than %d bytes", VERDICT_FILE_MAX);
    json_error_t fault;
    json_t *object = json_loadb(json, len, JSON_REJECT_DUPLICATES, &fault);
    enum sos_result_reason reason =
        recipe_reason(json_string_value(json_object_get(object, "reason")));
    if (reason == SOS_RESULT_REASON_UNSPECIFIED) {
        json_decref(object);
        return err_set(err, ERR_INVALID, "failure.json holds no reason");
    }
    ret->outcome = SOS_RESULT_OUTCOME_FAILURE;
    ret->reason = reason;
    clean_json(object, "message", ret->message, sizeof ret->message);
    clean_json(object, "hint", ret->hint, sizeof ret->hint);
    json_decref(object);
    return 0;
}
