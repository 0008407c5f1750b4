/* Runs inside a sandbox: `attack NAME [ARGUMENT...]` tries one thing that a build
 * must not be able to do, and prints what came of it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TRIES = 70000, ORPHANS = 5000, DEPTH = 20000, MINUTES = 600 };

static void tell(const char *name, long rc)
{
    printf("%s %s\n", name, rc < 0 ? strerrorname_np(errno) : "ok");
}

static int abstract_socket(const char *name, struct sockaddr_un *ret, socklen_t *ret_len)
{
    *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
    snprintf(ret->sun_path + 1, sizeof ret->sun_path - 1, "%s", name);
    *ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    tell("socket", fd);
    return fd;
}

/* Wait for a neighbour's descriptor and hold it as long as we live. */
static int hold(char **args)
{
    struct sockaddr_un name;
    socklen_t len;
    int fd = abstract_socket(args[0], &name, &len);
    tell("bind", bind(fd, (struct sockaddr *)&name, len));
    tell("listen", listen(fd, 1));
    int peer = accept(fd, NULL, NULL);
    tell("accept", peer);
    char byte;
    char room[CMSG_SPACE(sizeof(int))];
    struct iovec part = { &byte, 1 };
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room
    };
    tell("held", recvmsg(peer, &message, 0));
    sleep(MINUTES);
    return 0;
}

/* Give the neighbour a descriptor of our own disk. */
static int give(char **args)
{
    struct sockaddr_un name;
    socklen_t len;
    int fd = abstract_socket(args[0], &name, &len);
    int rc = connect(fd, (struct sockaddr *)&name, len);
    tell("connect", rc);
    if (rc < 0)
        return 1;
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr header;
    } control = { 0 };
    struct iovec part = { (char[]){ "x" }, 1 };
    struct msghdr message = { .msg_iov = &part,
                              .msg_iovlen = 1,
                              .msg_control = control.room,
                              .msg_controllen = sizeof control.room };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
                                .cmsg_type = SCM_RIGHTS,
                                .cmsg_len = CMSG_LEN(sizeof(int)) };
    int own = open("/src", O_RDONLY | O_DIRECTORY);
    memcpy(CMSG_DATA(header), &own, sizeof own);
    tell("given", sendmsg(fd, &message, 0));
    return 0;
}

/* Take all there is of a thing that the kernel counts for the whole machine. */
static int hoard(char **args)
{
    int count = 0;
    while (count < TRIES) {
        long got = -1;
        if (strcmp(args[0], "inotify") == 0)
            got = inotify_init1(IN_CLOEXEC);
        else if (strcmp(args[0], "pty") == 0)
            got = posix_openpt(O_RDWR | O_NOCTTY);
        if (got < 0)
            break;
        count++;
    }
    printf("%s %d %s\n", args[0], count, strerrorname_np(errno));
    fflush(stdout);
    for (int i = 0; args[1] && i < atoi(args[1]); i++) {
        sleep(1);
        puts(".");
        fflush(stdout);
    }
    return 0;
}

static int process_one(char **args)
{
    (void)args;
    tell("kill_9", kill(1, SIGKILL));
    tell("kill_stop", kill(1, SIGSTOP));
    tell("kill_segv", kill(1, SIGSEGV));
    tell("kill_chld", kill(1, SIGCHLD));
    tell("ptrace", syscall(SYS_ptrace, 16 /* PTRACE_ATTACH */, 1, 0, 0));
    tell("mem", open("/proc/1/mem", O_RDWR));
    tell("environ", open("/proc/1/environ", O_RDONLY));
    tell("fd", open("/proc/1/fd/1", O_WRONLY));
    tell("root", open("/proc/1/root", O_PATH | O_DIRECTORY));
    return 0;
}

/* Orphans by the thousand: process 1 reaps them. */
static int orphans(char **args)
{
    (void)args;
    for (int i = 0; i < ORPHANS; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            if (fork() >= 0)
                _exit(0);
            _exit(1);
        }
        int status = 0;
        waitpid(pid, &status, 0);
    }
    puts("orphaned");
    return 0;
}

/* Each call in a child, for the answer may be its death. */
static void tell_child(const char *name, long (*call)(void))
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        _exit(call() < 0 ? errno : 0);
    int status = 0;
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status))
        printf("%s SIG%s\n", name, sigabbrev_np(WTERMSIG(status)));
    else
        printf("%s %s\n", name, WEXITSTATUS(status) ? strerrorname_np(WEXITSTATUS(status)) : "ok");
}

#ifdef __x86_64__
static long x32_getpid(void)
{
    return syscall(0x40000000 + SYS_getpid);
}

static long i386_getpid(void)
{
    long rc;
    __asm__ volatile("int $0x80" : "=a"(rc) : "a"(20L) : "memory");
    errno = (int)-rc;
    return rc < 0 ? -1 : rc;
}
#endif

static int foreign_calls(char **args)
{
    (void)args;
#ifdef __x86_64__
    tell_child("x32", x32_getpid);
    tell_child("i386", i386_getpid);
#endif
    return 0;
}

static int terminal(char **args)
{
    (void)args;
    for (int fd = 0; fd < 3; fd++)
        tell("TIOCSTI", ioctl(fd, TIOCSTI, "x"));
    char what = 2;
    tell("TIOCLINUX", ioctl(0, TIOCLINUX, &what));
    tell("tty", open("/dev/tty", O_RDWR));
    tell("console", open("/dev/console", O_RDWR));
    return 0;
}

/* All the inodes of a disk. */
static int bomb(char **args)
{
    int count = 0;
    char name[16];
    for (int fd = 0; chdir(args[0]) == 0 && fd >= 0; count++) {
        snprintf(name, sizeof name, "%d", count);
        fd = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        close(fd);
    }
    printf("files %d\n", count);
    return 0;
}

/* A folder in a folder in a folder, far beyond PATH_MAX, and a file in each. */
static int deep(char **args)
{
    int depth = 0;
    if (chdir(args[0]) < 0)
        return 1;
    for (; depth < DEPTH; depth++) {
        int fd = open("f", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        if (fd < 0 || mkdir("d", 0700) < 0 || chdir("d") < 0)
            break;
        close(fd);
    }
    printf("depth %d\n", depth);
    return 0;
}

/* --- the network --- */

static int connect_to(const char *host, const char *port, int type)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
    inet_pton(AF_INET, host, &address.sin_addr);
    int fd = socket(AF_INET, type, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    return -1;
}

/* HOST PORT...: a connection, or a datagram where the port is of names. */
static int reach(char **args)
{
    for (; args[0]; args += 2) {
        int type = strcmp(args[1], "53") == 0 ? SOCK_DGRAM : SOCK_STREAM;
        int fd = connect_to(args[0], args[1], type);
        printf("%s:", args[0]);
        tell(args[1], fd < 0 ? -1 : send(fd, "x", 1, MSG_NOSIGNAL));
    }
    return 0;
}

/* A name that the host's services could have, or another build. */
static int meet(char **args)
{
    struct sockaddr_un name;
    socklen_t len;
    int fd = abstract_socket(args[0], &name, &len);
    tell("connect", connect(fd, (struct sockaddr *)&name, len));
    return 0;
}

/* PORT LINE...: send a request's head as it is and show all that comes back. */
static int ask(char **args)
{
    char bytes[4096];
    int fd = connect_to("127.0.0.1", args[0], SOCK_STREAM);
    for (args++; *args; args++)
        dprintf(fd, "%s\r\n", *args);
    dprintf(fd, "Host: x\r\nConnection: close\r\n\r\n");
    for (ssize_t got; (got = read(fd, bytes, sizeof bytes)) > 0;)
        fwrite(bytes, 1, (size_t)got, stdout);
    printf("\nover\n");
    return 0;
}

/* PORT COUNT LINE: so many connections that stay, a request on each; how many are answered while
 * all are open. */
static int flood(char **args)
{
    enum { FLOOD_MAX = 1000, QUIET_MS = 1500 };
    static struct pollfd all[FLOOD_MAX];
    int count = atoi(args[1]);
    int answered = 0;
    for (int i = 0; i < count && i < FLOOD_MAX; i++) {
        struct sockaddr_in address = { .sin_family = AF_INET,
                                       .sin_port = htons((uint16_t)atoi(args[0])),
                                       .sin_addr = { htonl(INADDR_LOOPBACK) } };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 || errno == EINPROGRESS)
            dprintf(fd, "%s\r\nHost: x\r\n\r\n", args[2]);
        all[i] = (struct pollfd){ .fd = fd, .events = POLLIN };
    }
    printf("open %d\n", count);
    while (poll(all, (nfds_t)count, QUIET_MS) > 0)
        for (int i = 0; i < count; i++)
            if (all[i].revents) {
                answered += (all[i].revents & POLLIN) != 0;
                all[i].fd = -1; /* open all the same */
            }
    printf("answered %d\n", answered);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(char **args);
    } attacks[] = {
        { "hold", hold },         { "give", give },       { "hoard", hoard },
        { "init", process_one },  { "orphans", orphans }, { "foreign", foreign_calls },
        { "terminal", terminal }, { "bomb", bomb },       { "deep", deep },
        { "reach", reach },       { "meet", meet },       { "ask", ask },
        { "flood", flood },
    };
    setvbuf(stdout, NULL, _IONBF, 0);
    for (size_t i = 0; argc > 1 && i < sizeof attacks / sizeof attacks[0]; i++)
        if (strcmp(argv[1], attacks[i].name) == 0)
            return attacks[i].run(argv + 2);
    return 2;
}
