#include "worker/forward.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BUFFER_BYTES = 16384, SOCKET_FLAGS = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK };

/* One direction of a connection: bytes [at, end) of `bytes` are read and not yet written. */
struct half {
    int from, to;
    size_t at, end;
    bool eof;  /* nothing more comes … */
    bool over; /* … and whoever reads was told */
    char bytes[BUFFER_BYTES];
};

struct pair {
    bool used;
    struct half halves[2];
};

static struct pair pairs[FORWARD_MAX];
static struct pollfd polls[1 + 2 * FORWARD_MAX];

int forward_listen(int port)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCKET_FLAGS, 0);
    if (fd < 0)
        return -1;
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 ||
        listen(fd, FORWARD_MAX) < 0) {
        int why = errno;
        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

/* --- one direction --- */

static bool is_retry(void)
{
    return errno == EAGAIN || errno == EINTR;
}

/* False: the connection is broken. */
static bool half_read(struct half *half)
{
    ssize_t got = recv(half->from, half->bytes, sizeof half->bytes, 0);
    if (got < 0)
        return is_retry();
    half->eof = got == 0;
    half->at = 0;
    half->end = (size_t)got;
    return true;
}

static bool half_write(struct half *half)
{
    while (half->at < half->end) {
        ssize_t put = send(half->to, half->bytes + half->at, half->end - half->at, MSG_NOSIGNAL);
        if (put < 0)
            return is_retry();
        half->at += (size_t)put;
    }
    return true;
}

/* Move what can be moved now. */
static bool half_move(struct half *half)
{
    if (half->at == half->end && !half->eof && !half_read(half))
        return false;
    if (!half_write(half))
        return false;
    if (half->eof && !half->over) {
        half->over = true;
        shutdown(half->to, SHUT_WR);
    }
    return true;
}

/* --- connections --- */

static void pair_close(struct pair *pair)
{
    close(pair->halves[0].from);
    close(pair->halves[0].to);
    pair->used = false;
}

static void pair_move(struct pair *pair)
{
    bool whole = half_move(&pair->halves[0]) && half_move(&pair->halves[1]);
    if (!whole || (pair->halves[0].over && pair->halves[1].over))
        pair_close(pair);
}

static int connect_unix(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    /* Waits while the other side's queue is full: then nobody gets on. */
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) < 0 ||
        fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static void pair_open(struct pair *pair, int listener, const char *path)
{
    int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client < 0)
        return;
    int server = connect_unix(path);
    if (server < 0) {
        close(client);
        return;
    }
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
    pair->used = true;
    for (int i = 0; i < 2; i++) {
        struct half *half = &pair->halves[i];
        half->from = i == 0 ? client : server;
        half->to = i == 0 ? server : client;
        half->at = half->end = 0;
        half->eof = half->over = false;
    }
}

static struct pair *pair_unused(void)
{
    for (size_t i = 0; i < FORWARD_MAX; i++)
        if (!pairs[i].used)
            return &pairs[i];
    return NULL;
}

/* --- the loop --- */

/* What is waited for at a descriptor: room for what was read from the other, or else more bytes. */
static short wanted(const struct half *reads, const struct half *writes)
{
    short events = 0;
    if (!reads->eof && reads->at == reads->end)
        events |= POLLIN;
    if (writes->at < writes->end)
        events |= POLLOUT;
    return events;
}

static void polls_fill(int listener)
{
    polls[0] = (struct pollfd){ .fd = pair_unused() ? listener : -1, .events = POLLIN };
    for (size_t i = 0; i < FORWARD_MAX; i++) {
        const struct half *up = &pairs[i].halves[0];
        const struct half *down = &pairs[i].halves[1];
        short client = pairs[i].used ? wanted(up, down) : 0;
        short server = pairs[i].used ? wanted(down, up) : 0;
        /* A side of which nothing is wanted would only repeat that it hung up. */
        polls[1 + 2 * i] = (struct pollfd){ .fd = client ? up->from : -1, .events = client };
        polls[2 + 2 * i] = (struct pollfd){ .fd = server ? down->from : -1, .events = server };
    }
}

static _Noreturn void forward_run(int listener, const char *path)
{
    for (;;) {
        polls_fill(listener);
        if (poll(polls, sizeof polls / sizeof polls[0], -1) < 0)
            continue;
        for (size_t i = 0; i < FORWARD_MAX; i++)
            if (pairs[i].used && (polls[1 + 2 * i].revents || polls[2 + 2 * i].revents))
                pair_move(&pairs[i]);
        struct pair *pair = polls[0].revents ? pair_unused() : NULL;
        if (pair)
            pair_open(pair, listener, path);
    }
}

int forward_start(int listener, const char *socket_path)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid < 0 ? -1 : 0;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    /* The output's end must be seen when the command has ended. */
    close_range(0, 2, 0);
    forward_run(listener, socket_path);
}
