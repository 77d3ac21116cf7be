// What a traced process makes is traced, too: a fork, a thread, a vfork that executes another program, and their ends.
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static void *body(void *nothing) { return nothing; }

static int traced(const char *self) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    int status;
    pid_t copy = fork();
    if (copy == 0) _exit(4);
    waitpid(copy, &status, 0);
    pthread_t thread;
    pthread_create(&thread, 0, body, 0);
    pthread_join(thread, 0);
    pid_t other = vfork();
    if (other == 0) {
        execl(self, self, "again", (char *)0);
        _exit(1);
    }
    waitpid(other, &status, 0);
    return WEXITSTATUS(status);
}

int main(int argc, char **argv) {
    if (argc > 1) return 5;
    pid_t child = fork();
    if (child == 0) exit(traced(argv[0]));
    int status, events[8] = {0}, stops = 0, ends = 0;
    waitpid(child, &status, 0);
    long options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT;
    ptrace(PTRACE_SETOPTIONS, child, 0, options | PTRACE_O_EXITKILL);
    ptrace(PTRACE_CONT, child, 0, 0);
    for (pid_t pid; (pid = waitpid(-1, &status, __WALL)) > 0;) {
        if (!WIFSTOPPED(status)) {
            ends++;
            if (pid == child) printf("the first ended %x\n", status);
            continue;
        }
        int event = status >> 16, signal = WSTOPSIG(status);
        unsigned long message = 0;
        if (event) ptrace(PTRACE_GETEVENTMSG, pid, 0, &message);
        if (event == PTRACE_EVENT_EXIT) printf("an exit with %lx\n", message);
        if (event == PTRACE_EVENT_EXEC) printf("an exec of the same %d\n", (pid_t)message == pid);
        events[event & 7]++;
        if (!event && signal == SIGSTOP) stops++;
        ptrace(PTRACE_CONT, pid, 0, event || signal == SIGSTOP ? 0 : signal);
    }
    printf("%d, fork %d vfork %d clone %d exec %d exit %d, stops %d, ends %d\n", errno == ECHILD, events[1], events[2], events[3],
           events[4], events[6], stops, ends);
}
