// What a recorded debugger follows: children of fork and vfork, and a program that is executed.
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int in_child(int n) { return n * 2; }

// A wait that the child's end interrupts is made once more, which a debugger tells.
static void let_end(void) {
    siginfo_t info = {0};
    while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0) sched_yield();
}

static int make(int n) {
    int status;
    if (fork() == 0) _exit(in_child(n));
    let_end();
    wait(&status);
    int sum = WEXITSTATUS(status);
    if (vfork() == 0) {
        execl("/bin/true", "true", (char *)0);
        _exit(1);
    }
    let_end();
    wait(&status);
    return sum + WEXITSTATUS(status);
}

int main(void) {
    printf("%d\n", make(21));
    return 0;
}
