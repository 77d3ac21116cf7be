// A deadly signal to the whole process group, the sender and its children in it. Who records it must live to tell.
#include "guest.h"
int main(int argc, char **argv) {
    CHECK(argc > 1);
    int ready[2];
    CHECK(pipe(ready) == 0);
    for (int i = 0; i < 3; i++)
        if (fork() == 0) {
            CHECK(write(ready[1], "r", 1) == 1);
            for (;;) pause();
        }
    char byte;
    for (int i = 0; i < 3; i++) CHECK(read(ready[0], &byte, 1) == 1);
    // One that is in another group stays.
    pid_t other = fork();
    if (other == 0) {
        CHECK(setpgid(0, 0) == 0 && write(ready[1], "r", 1) == 1);
        CHECK(raise(SIGSTOP) == 0);
        _exit(0);
    }
    CHECK(read(ready[0], &byte, 1) == 1);
    int status;
    CHECK(waitpid(other, &status, WUNTRACED) == other && kill(-other, SIGKILL) == 0);
    printf("another group: %d\n", WTERMSIG(wait_status(other)));
    fflush(stdout);
    kill(argc > 2 ? -getpgrp() : 0, atoi(argv[1]));
    return 1;
}
