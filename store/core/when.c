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
