// Standard output by other ways than its number: fetched from a process, in threads with tables of their own.
#include "guest.h"
#include <pthread.h>
static void say(int descriptor, const char *text) {
    CHECK(write(descriptor, text, strlen(text)) == (ssize_t)strlen(text));
}
static void *with_own_table(void *argument) {
    int how = *(int *)argument;
    CHECK((how ? unshare(CLONE_FILES) : (int)syscall(SYS_close_range, 900, 901, 2)) == 0);
    int null = open("/dev/null", O_WRONLY);
    CHECK(null >= 0 && dup2(null, 1) == 1);
    say(1, "nowhere\n");
    CHECK(dup2(2, 1) == 1);
    say(1, "a thread's number 1 is the error stream\n");
    return argument;
}
int main(void) {
    int self = syscall(SYS_pidfd_open, getpid(), 0);
    CHECK(self >= 0);
    int fetched = syscall(SYS_pidfd_getfd, self, 1, 0);
    CHECK(fetched >= 0);
    say(fetched, "fetched\n");
    CHECK(close(fetched) == 0);
    pid_t child = fork();
    if (child == 0) {
        int parent = syscall(SYS_pidfd_open, getppid(), 0), null = open("/dev/null", O_WRONLY);
        CHECK(parent >= 0 && null >= 0 && dup2(null, 1) == 1);
        say(1, "nowhere\n");
        say(syscall(SYS_pidfd_getfd, parent, 1, 0), "fetched from the parent\n");
        _exit(0);
    }
    CHECK(wait_status(child) == 0);
    for (int how = 0; how < 2; how++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, with_own_table, &how) == 0);
        pthread_join(thread, NULL);
        say(1, "the first thread's is what it was\n");
    }
    return 0;
}
