#include "sos/base/clock.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sos/base/auto.h"

/* RFC 3339 knows the years 0000 to 9999. */
static const int64_t WALL_LEAST_MS = -62167219200000;
static const int64_t WALL_MOST_MS = 253402300799999;

static int64_t clock_ms(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_wall_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

int64_t clock_mono_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

void clock_format(int64_t wall_ms, char ret_text[CLOCK_TEXT_MAX])
{
    if (wall_ms < WALL_LEAST_MS)
        wall_ms = WALL_LEAST_MS;
    if (wall_ms > WALL_MOST_MS)
        wall_ms = WALL_MOST_MS;
    int ms = (int)((wall_ms % 1000 + 1000) % 1000);
    time_t s = (time_t)((wall_ms - ms) / 1000);
    struct tm tm;
    gmtime_r(&s, &tm);

    char fraction[8] = "";
    if (ms != 0)
        snprintf(fraction, sizeof(fraction), ".%03d", ms);
    snprintf(ret_text, CLOCK_TEXT_MAX, "%04hd-%02hhd-%02hhdT%02hhd:%02hhd:%02hhd%sZ",
             (short)(tm.tm_year + 1900), (signed char)(tm.tm_mon + 1), (signed char)tm.tm_mday,
             (signed char)tm.tm_hour, (signed char)tm.tm_min, (signed char)tm.tm_sec, fraction);
}

/* Exactly `digits` digits and then `then` (NUL: anything); moves *p past them. */
static bool take_number(const char **p, int digits, char then, int *ret)
{
    int value = 0;
    for (int i = 0; i < digits; i++, (*p)++) {
        if (!isdigit((unsigned char)**p))
            return false;
        value = value * 10 + (**p - '0');
    }
    *ret = value;
    if (then == '\0')
        return true;
    if (**p != then)
        return false;
    (*p)++;
    return true;
}

static bool take_date(const char **p, struct tm *tm)
{
    static const int month_days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int year = 0;
    if (!take_number(p, 4, '-', &year) || !take_number(p, 2, '-', &tm->tm_mon) ||
        !take_number(p, 2, '\0', &tm->tm_mday))
        return false;
    if (tm->tm_mon < 1 || tm->tm_mon > 12 || tm->tm_mday < 1)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    tm->tm_year = year - 1900;
    tm->tm_mon -= 1;
    return tm->tm_mday <= month_days[tm->tm_mon] + (leap && tm->tm_mon == 1 ? 1 : 0);
}

static bool take_time(const char **p, struct tm *tm, int *ret_ms)
{
    if (!take_number(p, 2, ':', &tm->tm_hour) || !take_number(p, 2, ':', &tm->tm_min) ||
        !take_number(p, 2, '\0', &tm->tm_sec))
        return false;
    if (tm->tm_hour > 23 || tm->tm_min > 59 || tm->tm_sec > 59)
        return false;
    *ret_ms = 0;
    if (**p != '.')
        return true;
    (*p)++;
    if (!isdigit((unsigned char)**p))
        return false;
    for (int unit = 100; isdigit((unsigned char)**p); unit /= 10, (*p)++)
        *ret_ms += (**p - '0') * unit;
    return true;
}

/* "Z" or "+hh:mm", then the end. */
static bool take_offset(const char **p, int *ret_minutes)
{
    char sign = *(*p)++;
    *ret_minutes = 0;
    if (sign == 'Z' || sign == 'z')
        return **p == '\0';
    int hours = 0, minutes = 0;
    if ((sign != '+' && sign != '-') || !take_number(p, 2, ':', &hours) ||
        !take_number(p, 2, '\0', &minutes) || hours > 23 || minutes > 59 || **p != '\0')
        return false;
    *ret_minutes = (hours * 60 + minutes) * (sign == '-' ? -1 : 1);
    return true;
}

int clock_parse(const char *text, int64_t *ret_wall_ms, struct err *err)
{
    const char *p = text;
    struct tm tm = { 0 };
    int ms = 0, offset = 0;
    if (!take_date(&p, &tm) || (*p != 'T' && *p != 't'))
        goto bad;
    p++;
    if (!take_time(&p, &tm, &ms) || *p == '\0' || !take_offset(&p, &offset))
        goto bad;
    *ret_wall_ms = ((int64_t)timegm(&tm) - (int64_t)offset * 60) * 1000 + ms;
    return 0;
bad:
    return err_set(err, ERR_INVALID, "'%.40s' is not a time like 2026-11-23T16:02:11Z", text);
}

/* --- durations --- */

struct unit {
    const char *name;
    int64_t ms;
};
static const struct unit units[] = {
    { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 },
};
static const int64_t DURATION_MAX_MS = 36500LL * 86400000;

/* Digits and perhaps a fraction: thousandths of them in *ret_milli. */
static bool take_amount(const char **p, int64_t *ret_milli, bool *ret_fraction)
{
    int64_t whole = 0, fraction = 0;
    if (!isdigit((unsigned char)**p))
        return false;
    for (; isdigit((unsigned char)**p); (*p)++) {
        whole = whole * 10 + (**p - '0');
        if (whole > DURATION_MAX_MS)
            return false;
    }
    *ret_fraction = **p == '.';
    if (*ret_fraction) {
        (*p)++;
        if (!isdigit((unsigned char)**p))
            return false;
        for (int unit = 100; isdigit((unsigned char)**p); unit /= 10, (*p)++)
            fraction += (int64_t)(**p - '0') * unit;
    }
    *ret_milli = whole * 1000 + fraction;
    return true;
}

/* Index of the unit that stands at *p, later than `after`; -1 when there is none. */
static int take_unit(const char **p, int after)
{
    size_t len = strspn(*p, "dhms");
    for (int i = after + 1; i < (int)countof(units); i++) {
        /* "1m30s": the m ends at a digit; "5ms" is one word. */
        if (strlen(units[i].name) == len && memcmp(*p, units[i].name, len) == 0) {
            *p += len;
            return i;
        }
    }
    return -1;
}

int clock_parse_duration(const char *text, int64_t *ret_ms, struct err *err)
{
    const char *p = text;
    int64_t total = 0;
    bool fraction = false;
    for (int unit = -1; *p != '\0' || p == text;) {
        int64_t milli = 0;
        if (fraction || !take_amount(&p, &milli, &fraction))
            goto bad;
        if (*p == '\0' && unit == -1)
            unit = 3; /* a bare number is seconds */
        else if ((unit = take_unit(&p, unit)) < 0)
            goto bad;
        int64_t ms = 0;
        if (__builtin_mul_overflow(milli, units[unit].ms, &ms) || ms / 1000 > DURATION_MAX_MS)
            goto bad;
        total += ms / 1000;
        if (total > DURATION_MAX_MS)
            goto bad;
    }
    *ret_ms = total;
    return 0;
bad:
    return err_set(err, ERR_INVALID, "'%.40s' is not a duration like 90s, 1h30m or 250ms", text);
}
