// A traced process in which a thread that is not the first executes a program, children of vfork and their end, and ends by
// signals that the tracer is told of.
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static char *self;

static void *waits(void *nothing) {
    for (;;) pause();
    return nothing;
}

static void *executes(void *nothing) {
    execl(self, self, "again", (char *)0);
    return nothing;
}

static int traced(const char *how) {
    struct rlimit none = {0, 0};
    pthread_t thread;
    setrlimit(RLIMIT_CORE, &none);
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    if (!strcmp(how, "exec")) {
        pthread_create(&thread, 0, waits, 0);
        pthread_create(&thread, 0, executes, 0);
        pthread_join(thread, 0);
    } else if (!strcmp(how, "vfork")) {
        if (vfork() == 0) _exit(4);
    } else if (!strcmp(how, "fault")) {
        volatile int *volatile nowhere = 0;
        *nowhere = 1;
    } else {
        raise(SIGTERM);
    }
    return 3;
}

static void watch(const char *how) {
    fflush(stdout);
    pid_t child = fork(), pid;
    if (child == 0) exit(traced(how));
    int status, count = 0;
    waitpid(child, &status, 0);
    long options = PTRACE_O_TRACECLONE | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT;
    ptrace(PTRACE_SETOPTIONS, child, 0, options);
    pid_t second = 0;
    for (ptrace(PTRACE_CONT, child, 0, 0); (pid = waitpid(-1, &status, __WALL)) > 0;) {
        int event = status >> 16, signal = WIFSTOPPED(status) ? WSTOPSIG(status) : 0;
        unsigned long message = 0;
        if (event) ptrace(PTRACE_GETEVENTMSG, pid, 0, &message);
        if (event == PTRACE_EVENT_VFORK) second = (pid_t)message;
        // What the others do comes in any order.
        if (pid == child && (event != PTRACE_EVENT_CLONE || ++count == 2) && signal != SIGCHLD)
            printf("%s: %x message %s\n", how, status, event == PTRACE_EVENT_EXIT ? (message ? "status" : "0")
                   : message == (unsigned long)child ? "first" : message && (pid_t)message == second ? "second" : message ? "other" : "0");
        if (WIFSTOPPED(status)) ptrace(PTRACE_CONT, pid, 0, event || signal == SIGSTOP || signal == SIGTRAP ? 0 : signal);
    }
}

int main(int argc, char **argv) {
    if (argc > 1) return 5;
    self = argv[0];
    static const char *const ways[] = {"exec", "vfork", "fault", "signal"};
    for (int i = 0; i < 4; i++) watch(ways[i]);
}
