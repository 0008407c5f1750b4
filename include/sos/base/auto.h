/* auto.h - the few cleanup attributes, and allocation that cannot fail.
 *
 *     auto_free char *path = xasprintf("%s/x", dir);
 *     auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);
 *     ...
 *     *ret_fd = take_fd(fd);     the local forgets it, the caller owns it
 */
#pragma once
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void auto_free_cleanup(void *p)
{
    free(*(void **)p);
}
static inline void auto_close_cleanup(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}
static inline void auto_fclose_cleanup(FILE **f)
{
    if (*f)
        fclose(*f);
}
#define auto_free   __attribute__((cleanup(auto_free_cleanup)))
#define auto_close  __attribute__((cleanup(auto_close_cleanup)))
#define auto_fclose __attribute__((cleanup(auto_fclose_cleanup)))

#define take_fd(fd)                                                                                \
    __extension__({                                                                                \
        int taken_fd = (fd);                                                                       \
        (fd) = -1;                                                                                 \
        taken_fd;                                                                                  \
    })
#define take_ptr(p)                                                                                \
    __extension__({                                                                                \
        __typeof__(p) taken_ptr = (p);                                                             \
        (p) = NULL;                                                                                \
        taken_ptr;                                                                                 \
    })

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define countof(array)                  (sizeof(array) / sizeof((array)[0]))

/* They abort when memory is out: the durable queue makes that safe.  Each
 * gives memory to be freed with free().  x…dup(NULL) is NULL. */
void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t len);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
