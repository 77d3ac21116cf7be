// Stops by SIGTSTP with and without a handler, SIGTTIN in the background, waitpid's view of each.
#include "guest.h"
static void handler(int number, siginfo_t *info, void *context) {
    (void)number, (void)info, (void)context;
    CHECK(write(1, "about to stop\n", 14) == 14);
    raise(SIGSTOP);
    CHECK(write(1, "continued\n", 10) == 10);
}
int main(void) {
    int status, gate[2]; // a continued child waits at the gate until its parent has seen it so
    char byte = 0;
    CHECK(pipe(gate) == 0);
    pid_t child = fork();
    if (child == 0) {
        on_signal(SIGTSTP, handler, 0);
        raise(SIGTSTP);
        CHECK(read(gate[0], &byte, 1) == 1);
        _exit(4);
    }
    CHECK(waitpid(child, &status, WUNTRACED) == child);
    CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    CHECK(kill(child, SIGCONT) == 0 && waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status));
    CHECK(write(gate[1], &byte, 1) == 1);
    CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 4);
    child = fork();
    if (child == 0) {
        CHECK(setpgid(0, 0) == 0);
        raise(SIGTSTP);
        CHECK(read(gate[0], &byte, 1) == 1);
        _exit(5);
    }
    CHECK(waitpid(child, &status, WUNTRACED) == child && WSTOPSIG(status) == SIGTSTP);
    siginfo_t info;
    CHECK(kill(child, SIGCONT) == 0 && waitid(P_PID, (id_t)child, &info, WCONTINUED) == 0);
    CHECK(info.si_code == CLD_CONTINUED && info.si_status == SIGCONT);
    CHECK(write(gate[1], &byte, 1) == 1);
    CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 5);
    child = fork();
    if (child == 0) {
        raise(SIGSTOP);
        _exit(6);
    }
    CHECK(waitpid(child, &status, WUNTRACED) == child && kill(child, SIGKILL) == 0);
    CHECK(waitpid(child, &status, 0) == child && WTERMSIG(status) == SIGKILL);
    printf("done\n");
    return 0;
}
