// signalfd: signals read as records, beside a poll, from a child's death too.
#include "guest.h"
#include <sys/signalfd.h>
int main(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGRTMIN);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    int file = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    struct signalfd_siginfo records[4];
    CHECK(file >= 0 && read(file, records, sizeof records) == -1 && errno == EAGAIN);
    CHECK(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 5}) == 0);
    CHECK(kill(getpid(), SIGUSR1) == 0);
    CHECK(read(file, records, sizeof records) == 2 * sizeof records[0]);
    printf("%u from self %d, %u with %d\n", records[0].ssi_signo, records[0].ssi_pid == (uint32_t)getpid(),
           records[1].ssi_signo, records[1].ssi_int);
    pid_t child = fork();
    if (child == 0) _exit(6);
    struct pollfd wanted = {file, POLLIN, 0};
    CHECK(poll(&wanted, 1, 5000) == 1 && wanted.revents == POLLIN);
    CHECK(read(file, records, sizeof records) == sizeof records[0]);
    printf("%u status %d from the child %d\n", records[0].ssi_signo, records[0].ssi_status,
           records[0].ssi_pid == (uint32_t)child);
    CHECK(wait_status(child) == 6 << 8);
    sigdelset(&set, SIGUSR1);
    CHECK(signalfd(file, &set, 0) == file);
    return 0;
}
