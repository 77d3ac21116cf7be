// Process groups and sessions: a signal for a whole group, waiting by group.
#include "guest.h"
int main(void) {
    int ready[2];
    char byte;
    CHECK(pipe(ready) == 0);
    pid_t leader = 0, first[3];
    for (int i = 0; i < 3; i++) {
        pid_t child = fork();
        if (child == 0) {
            CHECK(setpgid(0, leader) == 0);
            CHECK(write(ready[1], "r", 1) == 1);
            for (;;) pause();
        }
        setpgid(child, leader ? leader : child);
        if (!leader) leader = child;
        first[i] = child;
    }
    for (int i = 0; i < 3; i++) CHECK(read(ready[0], &byte, 1) == 1);
    for (int i = 0; i < 3; i++) CHECK(getpgid(first[i]) == leader);
    CHECK(kill(-leader, SIGTERM) == 0);
    int status, killed = 0;
    for (int i = 0; i < 3; i++) {
        CHECK(waitpid(-leader, &status, 0) > 0);
        killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM;
    }
    CHECK(kill(-leader, 0) == -1 && errno == ESRCH);
    printf("killed %d\n", killed);
    pid_t child = fork();
    if (child == 0) {
        CHECK(setsid() == getpid() && getsid(0) == getpid() && getpgrp() == getpid());
        _exit(open("/dev/tty", O_RDWR) == -1 && errno == ENXIO ? 8 : 9);
    }
    printf("session %d\n", WEXITSTATUS(wait_status(child)));
    return 0;
}
