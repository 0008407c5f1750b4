/* Runs inside a sandbox: makes each forbidden system call and prints its errno's
 * name, "NAME EPERM", or "NAME ok" when the kernel let it pass. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void tell(const char *name, long rc)
{
    printf("%s %s\n", name, rc < 0 ? strerrorname_np(errno) : "ok");
}

#define TRY(name, ...) tell(#name, syscall(SYS_##name, __VA_ARGS__))

static void namespaces(void)
{
    TRY(unshare, CLONE_NEWUSER);
    TRY(setns, 0, 0);
    TRY(mount, "none", "/tmp", "tmpfs", 0, 0);
    TRY(umount2, "/tmp", 0);
    TRY(pivot_root, "/", "/tmp");
    TRY(chroot, "/");
    TRY(open_tree, -100, "/", 0);
    TRY(fsopen, "tmpfs", 0);
    TRY(fsconfig, 0, 0, 0, 0, 0);
    TRY(fsmount, 0, 0, 0);
    TRY(fspick, -100, "/", 0);
    TRY(move_mount, 0, "", 0, "", 0);
    TRY(mount_setattr, 0, "", 0, 0, 0);
    TRY(sethostname, "x", 1);
    TRY(clone3, 0, 0);
    TRY(setdomainname, "x", 1);
    tell("clone_newnet", syscall(SYS_clone, CLONE_NEWNET | 17, 0, 0, 0, 0));
    tell("clone_newuser", syscall(SYS_clone, CLONE_NEWUSER | 17, 0, 0, 0, 0));
}

static void kernel(void)
{
    TRY(ptrace, 0, 0, 0, 0);
    TRY(process_vm_readv, 1, 0, 0, 0, 0, 0);
    TRY(process_vm_writev, 1, 0, 0, 0, 0, 0);
    TRY(pidfd_getfd, 0, 0, 0);
    TRY(kcmp, 1, 1, 0, 0, 0);
    TRY(bpf, 0, 0, 0);
    TRY(perf_event_open, 0, 0, 0, 0, 0);
    TRY(io_uring_setup, 1, 0);
    TRY(io_uring_enter, 0, 0, 0, 0, 0, 0);
    TRY(io_uring_register, 0, 0, 0, 0);
    TRY(io_setup, 1, &(void *){ 0 });
    TRY(userfaultfd, 0);
    TRY(keyctl, 0, 0, 0, 0, 0);
    TRY(add_key, "user", "x", "y", 1, 0);
    TRY(request_key, "user", "x", 0, 0);
    TRY(open_by_handle_at, 0, 0, 0);
    TRY(name_to_handle_at, 0, "", 0, 0, 0);
    TRY(kexec_load, 0, 0, 0, 0);
    TRY(kexec_file_load, 0, 0, 0, 0, 0);
    TRY(init_module, 0, 0, "");
    TRY(finit_module, 0, "", 0);
    TRY(delete_module, "x", 0);
    TRY(reboot, 0, 0, 0, 0);
    TRY(syslog, 3, 0, 0);
    TRY(acct, 0);
    TRY(swapon, "/tmp/x", 0);
    TRY(swapoff, "/tmp/x");
    TRY(memfd_secret, 0);
    TRY(process_madvise, 0, 0, 0, 0, 0);
    TRY(migrate_pages, 0, 0, 0, 0);
    TRY(vhangup, 0);
    TRY(quotactl, 0, 0, 0, 0);
    TRY(quotactl_fd, 0, 0, 0, 0);
    TRY(fanotify_init, 0, 0);
    TRY(fanotify_mark, 0, 0, 0, 0, 0);
    TRY(iopl, 3);
    TRY(ioperm, 0, 1, 1);
    TRY(settimeofday, 0, 0);
    TRY(clock_settime, 0, 0);
    TRY(adjtimex, 0);
    TRY(vmsplice, 0, 0, 0, 0);
    TRY(modify_ldt, 0, 0, 0);
    TRY(personality, 0x0040000); /* ADDR_NO_RANDOMIZE is what exploits ask for */
    struct sched_param first = { .sched_priority = 1 };
    tell("sched_fifo", sched_setscheduler(0, SCHED_FIFO, &first));
    tell("nice", setpriority(PRIO_PROCESS, 0, -5));
    TRY(ioprio_set, 1, 0, 1 << 13 /* real time */);
}

static void files(void)
{
    int fd = open("/src/mode", O_CREAT | O_RDWR | O_CLOEXEC, 0700);
    tell("file", fd);
    TRY(chmod, "/src/mode", 04755);
    tell("chmod_setgid", syscall(SYS_chmod, "/src/mode", 02755));
    TRY(fchmod, fd, 06755);
    TRY(fchmodat, AT_FDCWD, "/src/mode", 04755);
    tell("fchmodat2", syscall(452, AT_FDCWD, "/src/mode", 04755, 0));
    tell("chmod_plain", syscall(SYS_chmod, "/src/mode", 0755));
    tell("mknod_char", mknod("/src/dev", S_IFCHR | 0600, (1 << 8) | 3));
    tell("mknod_block", mknod("/src/dev", S_IFBLK | 0600, (7 << 8)));
    tell("chown_root", chown("/src/mode", 0, 0));
}

static void sockets(void)
{
    int pair[2];
    tell("socket_unix", socket(AF_UNIX, SOCK_STREAM, 0));
    tell("socket_unix_high", syscall(SYS_socket, (1L << 32) | AF_UNIX, SOCK_STREAM, 0));
    tell("pair_stream", socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
    tell("pair_dgram", socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair));
    tell("pair_raw", socketpair(AF_UNIX, SOCK_RAW, 0, pair));
    tell("socket_route", socket(AF_NETLINK, SOCK_RAW, 0));
    tell("socket_netfilter", socket(AF_NETLINK, SOCK_RAW, 12));
    tell("socket_audit", socket(AF_NETLINK, SOCK_RAW, 9));
    tell("socket_inet", socket(AF_INET, SOCK_STREAM, 0));
    tell("socket_packet", socket(AF_PACKET, SOCK_RAW, 0));
    tell("socket_raw", socket(AF_INET, SOCK_RAW, 1));
    tell("socket_alg", socket(AF_ALG, SOCK_SEQPACKET, 0));
    tell("socket_vsock", socket(AF_VSOCK, SOCK_STREAM, 0));
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    namespaces();
    kernel();
    files();
    sockets();
    return 0;
}
