/* init.c - sos-init, PID 1 inside a sandbox: static, tiny, no threads.
 *
 *     sos-init [--forward PORT SOCKET] -- COMMAND [ARGUMENT...]
 *     sos-init --user-limits NAME=NUMBER...
 *
 * Runs the command as its child with descriptors 0, 1 and 2 only, reaps every
 * orphan, passes SIGTERM on, and exits with the command's status (128 + signal
 * when one killed it).  When it exits the kernel kills whatever the command left
 * behind, for that is what the death of a PID namespace's first process means.
 * With --forward, 127.0.0.1:PORT leads to the unix socket SOCKET (forward.h).
 *
 * The second form is a hook of the runtime's, run as root of the new user
 * namespace before the sandbox is closed: it lowers what the kernel lets this
 * namespace have (user_namespaces(7), /proc/sys/user). */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/forward.h"

/* As the shells say it. */
enum { EXIT_NOT_RUN = 126, EXIT_NOT_FOUND = 127, EXIT_SIGNAL = 128 };

/* The child's part: a session of its own, the signals as they were. */
static void command_exec(char **argv, const sigset_t *mask)
{
    setsid();
    sigprocmask(SIG_SETMASK, mask, NULL);
    execvp(argv[0], argv);
    int status = errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN;
    fprintf(stderr, "sos-init: %s: %s\n", argv[0], strerror(errno));
    _exit(status);
}

/* Reap all that has ended.  Gives the exit status once the command is among it, else -1. */
static int reap(pid_t command)
{
    int status;
    int ret = -1;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        if (pid == command)
            ret = WIFSIGNALED(status) ? EXIT_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
    return ret;
}

static int supervise(pid_t command, const sigset_t *signals)
{
    for (;;) {
        int signal = sigwaitinfo(signals, NULL);
        if (signal == SIGTERM)
            kill(command, SIGTERM);
        int status = reap(command);
        if (status >= 0)
            return status;
    }
}

/* What this kernel does not count needs no limit. */
static int limit_set(char *limit)
{
    char path[128];
    char *number = strchr(limit, '=');
    if (!number)
        return -1;
    *number++ = '\0';
    snprintf(path, sizeof path, "/proc/sys/user/%s", limit);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -1;
    ssize_t put = write(fd, number, strlen(number));
    close(fd);
    return put < 0 ? -1 : 0;
}

static int user_limits(char **limits)
{
    for (; *limits; limits++)
        if (limit_set(*limits) < 0) {
            fprintf(stderr, "sos-init: limit %s: %s\n", *limits, strerror(errno));
            return 1;
        }
    return 0;
}

/* Before the command starts, so that it never meets a closed port. */
static int forward(const char *port, const char *socket_path)
{
    int listener = forward_listen(atoi(port));
    if (listener < 0 || forward_start(listener, socket_path) < 0) {
        fprintf(stderr, "sos-init: port %s: %s\n", port, strerror(errno));
        return -1;
    }
    close(listener);
    return 0;
}

/* Run the command to its end; gives the exit status. */
static int run(char **argv)
{
    /* Blocked before the fork, so that no end of a child is missed. */
    sigset_t signals;
    sigset_t before;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, &before);

    pid_t command = fork();
    if (command < 0) {
        perror("sos-init: fork");
        return EXIT_NOT_RUN;
    }
    if (command == 0)
        command_exec(argv, &before);
    return supervise(command, &signals);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("sos-init " SOS_VERSION);
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "--user-limits") == 0)
        return user_limits(argv + 2);
    bool forwards = argc > 4 && strcmp(argv[1], "--forward") == 0;
    char **rest = argv + (forwards ? 4 : 1);
    if (argc < 3 || strcmp(rest[0], "--") != 0 || !rest[1]) {
        fputs("usage: sos-init [--forward PORT SOCKET] -- COMMAND [ARGUMENT...]\n", stderr);
        return 2;
    }
    close_range(3, ~0U, 0);
    /* Nothing of a build has a reason to look into this process, or into the forwarder. */
    prctl(PR_SET_DUMPABLE, 0);
    if (forwards && forward(argv[2], argv[3]) < 0)
        return EXIT_NOT_RUN;
    return run(rest + 1);
}
