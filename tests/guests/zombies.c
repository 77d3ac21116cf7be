// Zombies: children that ended long before they are collected, by waitid, WNOHANG, WNOWAIT, wait4 with usage.
#include "guest.h"
int main(void) {
    pid_t children[8];
    for (int i = 0; i < 8; i++)
        if ((children[i] = fork()) == 0) _exit(i);
    siginfo_t info;
    for (int i = 0; i < 8; i++) {
        memset(&info, 0, sizeof info);
        CHECK(waitid(P_PID, (id_t)children[i], &info, WEXITED | WNOWAIT) == 0);
        CHECK(info.si_pid == children[i] && info.si_code == CLD_EXITED && info.si_status == i);
        CHECK(kill(children[i], 0) == 0);
    }
    int status;
    struct rusage usage;
    for (int i = 7; i >= 0; i--) {
        if (i % 2) {
            CHECK(wait4(children[i], &status, WNOHANG, &usage) == children[i]);
            printf("%d: %d\n", i, WEXITSTATUS(status));
        } else {
            CHECK(waitid(P_PIDFD, (id_t)syscall(SYS_pidfd_open, children[i], 0), &info, WEXITED) == 0);
            printf("%d: %d\n", i, info.si_status);
        }
    }
    CHECK(waitpid(-1, &status, WNOHANG) == -1 && errno == ECHILD);
    signal(SIGCHLD, SIG_IGN);
    if (fork() == 0) _exit(1);
    CHECK(wait(&status) == -1 && errno == ECHILD);
    return 0;
}
