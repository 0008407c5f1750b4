/* log.h - one event, one line on standard error, same keys everywhere:
 *
 *   2026-11-23T16:02:11.250Z INFO  build leased build=bld_… worker=w1 attempt=1
 *
 * Only web, farm, main, the worker and the cli log; everything below returns
 * errors.  Control bytes in values are escaped. */
#pragma once

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

void log_level_set(enum log_level least);
/* `fmt` holds key=value pairs and may be "". */
void log_line(enum log_level level, const char *area, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
