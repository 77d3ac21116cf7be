// A child made with CLONE_VFORK and a copy of the memory, while memory is shared and other processes and
// threads have to run before it executes another program.
#include "guest.h"
#include <pthread.h>
static int pipes[2][2];
static volatile int *shared;
static void *answer(void *unused) {
    char byte;
    CHECK(read(pipes[0][0], &byte, 1) == 1 && write(pipes[1][1], &byte, 1) == 1);
    return unused;
}
static void child(int asks) {
    char byte = 'x';
    shared[0]++;
    if (asks) CHECK(write(pipes[0][1], &byte, 1) == 1 && read(pipes[1][0], &byte, 1) == 1);
    while (asks && !shared[1]) sched_yield();
    execl("/bin/echo", "echo", "executed", (char *)0);
    _exit(1);
}
int main(void) {
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED && pipe(pipes[0]) == 0 && pipe(pipes[1]) == 0);
    // Another member answers, then a thread of the parent; the last child needs nobody.
    for (int round = 0; round < 3; round++) {
        pid_t helper = 0;
        pthread_t thread;
        shared[1] = round == 1;
        if (round == 0 && (helper = fork()) == 0) {
            answer(NULL);
            shared[1] = 1;
            _exit(0);
        }
        if (round == 1) CHECK(pthread_create(&thread, NULL, answer, NULL) == 0);
        long pid = syscall(SYS_clone, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);
        CHECK(pid >= 0);
        if (pid == 0) child(round < 2);
        CHECK(wait_status(pid) == 0 && shared[0] == round + 1);
        if (helper) CHECK(wait_status(helper) == 0);
        if (round == 1) CHECK(pthread_join(thread, NULL) == 0);
    }
    // One that ends without executing anything.
    long pid = syscall(SYS_clone, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);
    CHECK(pid >= 0);
    if (pid == 0) {
        shared[0] = 100;
        raise(SIGKILL);
    }
    CHECK(shared[0] == 100 && wait_status(pid) == SIGKILL);
    return 0;
}
