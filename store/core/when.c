#include "store/core/when.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

static void when_split(int64_t wall_ms, struct tm *ret)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    gmtime_r(&seconds, ret);
}

void when_iso(int64_t wall_ms, char ret[WHEN_TEXT_MAX])
{
    struct tm tm;

    when_split(wall_ms, &tm);
    snprintf(ret, WHEN_TEXT_MAX, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
             (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)(tm.tm_mon + 1) % 100,
             (unsigned)tm.tm_mday % 100, (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
             (unsigned)tm.tm_sec % 100, (unsigned)(wall_ms % 1000));
}

/* strftime() would write the names of the locale. */
void when_http(int64_t wall_ms, char ret[WHEN_TEXT_MAX])
{
    struct tm tm;

    when_split(wall_ms, &tm);
    snprintf(ret, WHEN_TEXT_MAX, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT", days + 3 * tm.tm_wday,
             (unsigned)tm.tm_mday % 100, months + 3 * tm.tm_mon,
             (unsigned)(tm.tm_year + 1900) % 10000, (unsigned)tm.tm_hour % 100,
             (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100);
}

static int month_of(const char *name)
{
    for (int i = 0; i < 12; i++)
        if (memcmp(months + 3 * i, name, 3) == 0)
            return i;
    return -1;
}

bool when_http_parse(const char *text, int64_t *ret_wall_ms)
{
    char month[4] = "";
    char zone[4] = "";
    int end = 0;
    struct tm tm = { 0 };

    if (strlen(text) != 29 ||
        sscanf(text, "%*3c, %2d %3c %4d %2d:%2d:%2d %3c%n", &tm.tm_mday, month, &tm.tm_year,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec, zone, &end) != 7)
        return false;
    tm.tm_mon = month_of(month);
    if (end != 29 || strcmp(zone, "GMT") != 0 || tm.tm_mon < 0 || tm.tm_year < 1970 ||
        tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour < 0 || tm.tm_hour > 23 || tm.tm_min < 0 ||
        tm.tm_min > 59 || tm.tm_sec < 0 || tm.tm_sec > 60)
        return false;
    tm.tm_year -= 1900;
    *ret_wall_ms = (int64_t)timegm(&tm) * 1000;
    return true;
}

/* --- ISO 8601 --- */

/* Exactly `digits` of them; *at goes on.  -1: they are not there. */
static int digits_read(const char **at, int digits)
{
    int value = 0;

    for (int i = 0; i < digits; i++) {
        char c = (*at)[i];
        if (c < '0' || c > '9')
            return -1;
        value = value * 10 + (c - '0');
    }
    *at += digits;
    return value;
}

/* Also steps over `before`, if there is one. */
static int field_read(const char **at, char before, int digits, int least, int most)
{
    if (before && *(*at)++ != before)
        return -1;
    int value = digits_read(at, digits);
    return value < least || value > most ? -1 : value;
}

static int millis_read(const char **at)
{
    int millis = 0;
    int weight = 100;

    if (**at != '.')
        return 0;
    for ((*at)++; **at >= '0' && **at <= '9'; (*at)++, weight /= 10)
        millis += (**at - '0') * weight;
    return millis;
}

/* Minutes east of Greenwich; false: something else stands there. */
static bool zone_read(const char *at, int *ret_minutes)
{
    *ret_minutes = 0;
    if (*at == '\0' || strcmp(at, "Z") == 0)
        return true;
    int sign = *at == '-' ? -1 : 1;
    if (*at != '+' && *at != '-')
        return false;
    at++;
    int hours = field_read(&at, '\0', 2, 0, 23);
    at += *at == ':';
    int minutes = hours < 0 ? -1 : field_read(&at, '\0', 2, 0, 59);
    *ret_minutes = sign * (hours * 60 + minutes);
    return minutes >= 0 && *at == '\0';
}

bool when_iso_parse(const char *text, int64_t *ret_wall_ms)
{
    const char *at = text;
    struct tm tm = { 0 };
    int millis = 0;
    int zone = 0;

    if ((tm.tm_year = field_read(&at, '\0', 4, 0, 9999)) < 0 ||
        (tm.tm_mon = field_read(&at, '-', 2, 1, 12)) < 0 ||
        (tm.tm_mday = field_read(&at, '-', 2, 1, 31)) < 0)
        return false;
    if (*at && ((tm.tm_hour = field_read(&at, 'T', 2, 0, 23)) < 0 ||
                (tm.tm_min = field_read(&at, ':', 2, 0, 59)) < 0 ||
                (*at == ':' && (tm.tm_sec = field_read(&at, ':', 2, 0, 60)) < 0)))
        return false;
    millis = millis_read(&at);
    if (!zone_read(at, &zone))
        return false;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    *ret_wall_ms = ((int64_t)timegm(&tm) - (int64_t)zone * 60) * 1000 + millis;
    return true;
}
