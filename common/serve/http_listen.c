/* http_listen.c - the listening socket: TCP or unix. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/serve/http_own.h"

int http_listen_parse(const char *text, char room[HTTP_ADDRESS_MAX], struct http_config *ret,
                      struct err *err)
{
    const char *colon = strrchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : 0;
    char *end = NULL;

    if (text[0] == '/') {
        ret->address = text;
        return 0;
    }
    long port = colon ? strtol(colon + 1, &end, 10) : -1;
    bool bracketed = len > 1 && text[0] == '[' && text[len - 1] == ']';
    if (bracketed)
        len -= 2;
    if (len == 0 || len >= HTTP_ADDRESS_MAX || end == colon + 1 || *end || port < 0 || port > 65535)
        return err_set(err, ERR_INVALID, "listen: '%.80s' is not ADDRESS:PORT", text);
    memcpy(room, text + bracketed, len);
    room[len] = '\0';
    ret->address = room;
    ret->port = (int)port;
    return 0;
}

enum { SOCKET_FLAGS = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK };

static int socket_port(int fd)
{
    struct sockaddr_storage address = { 0 };
    socklen_t len = sizeof address;

    if (getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        return 0;
    if (address.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

static int listen_on(int fd, const struct sockaddr *address, socklen_t len, struct err *err)
{
    if (bind(fd, address, len) < 0)
        return err_errno(err, "bind");
    return listen(fd, SOMAXCONN) < 0 ? err_errno(err, "listen") : 0;
}

static int listen_tcp(const struct http_config *config, int *ret_fd, int *ret_port, struct err *err)
{
    const struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
                                    .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    char port[16];

    snprintf(port, sizeof port, "%d", config->port);
    int code = getaddrinfo(config->address, port, &hints, &found);
    if (code != 0)
        return err_set(err, ERR_INVALID, "%s", gai_strerror(code));
    auto_close int fd = socket(found->ai_family, SOCKET_FLAGS, 0);
    int rc = fd < 0 ? err_errno(err, "socket") : 0;
    if (rc == 0) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
        rc = listen_on(fd, found->ai_addr, found->ai_addrlen, err);
    }
    freeaddrinfo(found);
    if (rc < 0)
        return rc;
    *ret_port = socket_port(fd);
    *ret_fd = take_fd(fd);
    return 0;
}

/* A socket file that nobody listens on was left by a killed server. */
static bool unix_is_stale(const struct sockaddr_un *address)
{
    struct stat st;
    auto_close int fd = socket(AF_UNIX, SOCKET_FLAGS, 0);

    return fd >= 0 && lstat(address->sun_path, &st) == 0 && S_ISSOCK(st.st_mode) &&
           connect(fd, (const struct sockaddr *)address, sizeof *address) < 0 &&
           errno == ECONNREFUSED;
}

static int listen_unix(const char *path, int *ret_fd, struct err *err)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    if (strlen(path) >= sizeof address.sun_path)
        return err_set(err, ERR_INVALID, "the path of a unix socket has at most %zu characters",
                       sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, strlen(path) + 1);
    auto_close int fd = socket(AF_UNIX, SOCKET_FLAGS, 0);
    if (fd < 0)
        return err_errno(err, "socket");
    if (fchmod(fd, 0600) < 0) /* the mode that bind() gives the file */
        return err_errno(err, "mode");
    if (unix_is_stale(&address))
        unlink(path);
    int rc = listen_on(fd, (const struct sockaddr *)&address, sizeof address, err);
    if (rc == 0)
        *ret_fd = take_fd(fd);
    return rc;
}

int http_listen(const struct http_config *config, int *ret_fd, int *ret_port, struct err *err)
{
    *ret_port = 0;
    int rc = config->address[0] == '/' ? listen_unix(config->address, ret_fd, err)
                                       : listen_tcp(config, ret_fd, ret_port, err);
    if (rc < 0)
        err_wrap(err, "listen on %s port %d", config->address, config->port);
    return rc;
}
