// fork, vfork, posix_spawn and execve from one thread while another never leaves its loop.
#include "guest.h"
#include <pthread.h>
static volatile uint64_t rounds;
static void *spin(void *unused) {
    for (;;) rounds++;
    return unused;
}
int main(int count, char **arguments) {
    pthread_t thread;
    setlinebuf(stdout);  // What a child prints comes after what was printed before it was made.
    if (count > 1) return printf("image %s\n", arguments[1]), 0;
    CHECK(pthread_create(&thread, NULL, spin, NULL) == 0);
    while (rounds == 0) sched_yield();
    for (int i = 0; i < 3; i++) {
        pid_t child = fork();
        if (child == 0) _exit(rounds > 0 ? 10 + i : 1);
        printf("forked %d\n", wait_status(child));
        child = vfork();
        if (child == 0) _exit(20 + i);
        printf("vforked %d\n", wait_status(child));
        child = vfork();
        if (child == 0) execl("/proc/self/exe", arguments[0], "of vfork", NULL), _exit(1);
        printf("executed %d\n", wait_status(child));
        char *again[] = {arguments[0], "of spawn", NULL};
        CHECK(posix_spawn(&child, "/proc/self/exe", NULL, NULL, again, environ) == 0);
        printf("spawned %d\n", wait_status(child));
    }
    execl("/proc/self/exe", arguments[0], "of execve", NULL);
    return 1;
}
