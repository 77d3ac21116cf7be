// EFAULT comes from the kernel, for every pointer position: null, unmapped, read-only, half mapped, ours.
#include "guest.h"
#include <sys/epoll.h>
#include <sys/utsname.h>
int main(void) {
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *constant = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED && munmap(pages + 4096, 4096) == 0);
    void *bad[] = {(void *)8, pages + 4095, constant, (void *)0x550000000000, (void *)0xffff800000000000, (void *)-1};
    int zero = open("/dev/zero", O_RDONLY), ends[2], pair[2];
    CHECK(zero >= 0 && pipe(ends) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    struct iovec part = {NULL, 16};
#define FAULTS(call) CHECK((call) == -1 && errno == EFAULT)
    for (int i = 0; i < 6; i++) {
        void *p = bad[i];
        FAULTS(syscall(SYS_uname, p));
        FAULTS(syscall(SYS_stat, "/", p));
        FAULTS(syscall(SYS_pipe2, p, 0));
        FAULTS(syscall(SYS_clock_gettime, CLOCK_REALTIME, p));
        FAULTS(syscall(SYS_getrlimit, RLIMIT_STACK, p));
        FAULTS(syscall(SYS_getitimer, ITIMER_REAL, p));
        FAULTS(syscall(SYS_rt_sigaction, SIGUSR1, NULL, p, 8));
        FAULTS(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, p, 8));
        FAULTS(syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, p));
        FAULTS(syscall(SYS_statx, AT_FDCWD, "/", 0, STATX_ALL, p));
        if (i != 1) FAULTS(syscall(SYS_read, zero, p, 16));
        else CHECK(syscall(SYS_read, zero, p, 16) == 1);
        part.iov_base = p;
        if (i != 1) FAULTS(syscall(SYS_readv, zero, &part, 1));
        if (i != 1 && i != 2) FAULTS(syscall(SYS_write, ends[1], p, 16));
        if (i != 2) FAULTS(syscall(SYS_rt_sigaction, SIGUSR1, p, NULL, 8));
        if (i != 2) FAULTS(syscall(SYS_nanosleep, p, NULL));
        if (i != 2) FAULTS(syscall(SYS_writev, ends[1], p, 1));
        if (i != 1 && i != 2) FAULTS(syscall(SYS_open, p, O_RDONLY));
        if (i != 1 && i != 2) FAULTS(syscall(SYS_execve, p, NULL, NULL));
        if (i != 2) FAULTS(syscall(SYS_execve, "/bin/true", p, NULL));
        if (i != 2) FAULTS(syscall(SYS_execve, "/bin/true", NULL, p));
        if (i != 2) FAULTS(syscall(SYS_recvmsg, pair[0], p, MSG_DONTWAIT));
    }
    printf("all faults\n");
    return 0;
}
