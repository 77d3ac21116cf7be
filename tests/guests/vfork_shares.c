// Children that run in their parent's memory and share more of it: actions, descriptors, the directory.
#include "clone_structure.h"
static volatile int got;
static char stack[65536] __attribute__((aligned(16)));
static void note(int number) { got = number; }
static void start(uint64_t flags, int (*function)(void *), void *argument) {
    struct clone_args a = {.flags = CLONE_VM | CLONE_VFORK | flags, .exit_signal = SIGCHLD};
    a.stack = (uintptr_t)stack, a.stack_size = sizeof stack;
    pid_t child = clone3_call(&a, function, argument);
    CHECK(child > 0);
    printf("%d\n", WEXITSTATUS(wait_status(child)));
}
static int executes(void *program) {
    char *arguments[] = {"vfork_shares", "child", NULL};
    signal(SIGUSR1, note);
    signal(SIGUSR2, SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    dup2(1, 20);
    CHECK(chdir("/tmp") == 0);
    execv(program, arguments);
    return 127;
}
static void look(void) {
    struct sigaction now[3];
    sigaction(SIGUSR1, NULL, &now[0]);
    sigaction(SIGUSR2, NULL, &now[1]);
    char directory[100];
    CHECK(getcwd(directory, sizeof directory));
    printf("handler %d, ignored %d, descriptor %d, directory %d\n", now[0].sa_handler != SIG_DFL,
           now[1].sa_handler == SIG_IGN, fcntl(20, F_GETFD), !strcmp(directory, "/tmp"));
    if (now[1].sa_handler == SIG_IGN) raise(SIGUSR2);
    if (now[0].sa_handler != SIG_DFL) raise(SIGUSR1);
    printf("got %d\n", got);
    got = 0;
    fflush(stdout);
}
int main(int argc, char **argv) {
    (void)argv;
    if (argc > 1) {
        puts("executed");
        return 3;
    }
    CHECK(chdir("/") == 0);
    start(0, executes, "/nonexistent");
    look();
    start(0, executes, "/proc/self/exe");
    look();
    start(CLONE_FS, executes, "/proc/self/exe");
    look();
    start(CLONE_FILES, executes, "/proc/self/exe");
    look();
    dprintf(20, "by the other descriptor\n");
    start(CLONE_SIGHAND, executes, "/nonexistent");
    look();
    start(CLONE_SIGHAND, executes, "/proc/self/exe");
    look();
    return 0;
}
