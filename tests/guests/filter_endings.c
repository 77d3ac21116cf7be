// How a process and a thread end that a filter does not let go on, and who sees what of it.
#include "filters.h"
#include <pthread.h>
static void *killed_thread(void *call) {
    raw((long)call, 0, 0, 0);
    return NULL;
}
// Ends when the first thread has.
static void *outlives(void *unused) {
    (void)unused;
    char path[64], line[128];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", getpid());
    do {
        int file = open(path, O_RDONLY);
        ssize_t length = read(file, line, sizeof line - 1);
        line[length > 0 ? length : 0] = 0;
        close(file);
    } while (!strstr(line, ") Z"));
    raw(SYS_exit, 4, 0, 0);
    return NULL;
}
static void end_by(unsigned action) {
    PROGRAM(program, LOAD(nr), IF(SYS_getuid), ANSWER(action), ANSWER(SECCOMP_RET_ALLOW));
    no_new_privileges();
    CHECK(install(&program, 0) == 0);
}
static void show(const char *what, int status) {
    printf("%s: %s %d%s\n", what, WIFSIGNALED(status) ? "signal" : "status",
           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), WCOREDUMP(status) ? ", core" : "");
}
static void nothing(int number, siginfo_t *info, void *context) { (void)number, (void)info, (void)context; }
int main(void) {
    show("process", ENDING(end_by(SECCOMP_RET_KILL_PROCESS); raw(SYS_getuid, 0, 0, 0)));
    show("thread", ENDING(end_by(SECCOMP_RET_KILL_THREAD); raw(SYS_getuid, 0, 0, 0)));
    show("unknown", ENDING(end_by(0x12340000); raw(SYS_getuid, 0, 0, 0)));
    show("trap", ENDING(end_by(SECCOMP_RET_TRAP); raw(SYS_getuid, 0, 0, 0)));
    show("trap ignored", ENDING(signal(SIGSYS, SIG_IGN); end_by(SECCOMP_RET_TRAP); raw(SYS_getuid, 0, 0, 0)));
    show("trap blocked", ENDING(on_signal(SIGSYS, nothing, 0); sigset_t all; sigfillset(&all); sigprocmask(SIG_BLOCK, &all, NULL);
                                end_by(SECCOMP_RET_TRAP); raw(SYS_getuid, 0, 0, 0)));
    show("strict", ENDING(CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0) == 0); raw(SYS_write, 1, (long)"strict\n", 7);
                          raw(SYS_getuid, 0, 0, 0)));
    show("strict exit", ENDING(CHECK(raw(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, 0) == 0); raw(SYS_exit, 5, 0, 0)));
    // One of several threads: the others go on, and see that it is gone.
    show("one of two", ENDING(pthread_t thread; end_by(SECCOMP_RET_KILL_THREAD);
                              CHECK(pthread_create(&thread, NULL, killed_thread, (void *)SYS_getuid) == 0);
                              CHECK(pthread_join(thread, NULL) == 0); puts("joined"); fflush(stdout); _exit(3)));
    show("first thread", ENDING(pthread_t thread; end_by(SECCOMP_RET_KILL_THREAD);
                                CHECK(pthread_create(&thread, NULL, outlives, NULL) == 0);
                                raw(SYS_getuid, 0, 0, 0)));
    show("whole process", ENDING(pthread_t thread; end_by(SECCOMP_RET_KILL_PROCESS);
                                 CHECK(pthread_create(&thread, NULL, killed_thread, (void *)SYS_getuid) == 0);
                                 pthread_join(thread, NULL)));
    // In memory that is its parent's.
    pid_t child = vfork();
    if (child == 0) {
        end_by(SECCOMP_RET_KILL_THREAD);
        raw(SYS_getuid, 0, 0, 0);
        _exit(0);
    }
    show("vfork", wait_status(child));
    CHECK(raw(SYS_getuid, 0, 0, 0) >= 0);
    return 0;
}
