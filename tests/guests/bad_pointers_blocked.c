// Bad pointers while the program blocks the signals by which one is noticed: an error as always.
#include "guest.h"
#define BAD 4096
static char *missing;
static void ask(const char *name, long number, long a, long b, long c, long d) {
    long result = syscall(number, a, b, c, d, 0, 0);
    printf("%s: %ld %d\n", name, result, result < 0 ? errno : 0);
}
static void all(void) {
    int ends[2];
    CHECK(pipe(ends) == 0 && write(ends[1], "hello", 5) == 5);
    struct iovec vector = {(void *)BAD, 4};
    ask("stat", SYS_stat, BAD, BAD, 0, 0), ask("openat", SYS_openat, AT_FDCWD, BAD, 0, 0);
    ask("read", SYS_read, ends[0], BAD, 4, 0), ask("write", SYS_write, ends[1], BAD, 4, 0);
    ask("readv", SYS_readv, ends[0], BAD, 1, 0), ask("writev", SYS_writev, ends[1], (long)&vector, 1, 0);
    ask("sendmsg", SYS_sendmsg, ends[0], BAD, 0, 0), ask("poll", SYS_poll, BAD, 1, 0, 0);
    ask("execve", SYS_execve, BAD, BAD, BAD, 0), ask("execve", SYS_execve, (long)"/bin/true", BAD, BAD, 0);
    ask("sigaction", SYS_rt_sigaction, SIGUSR1, BAD, 0, 8), ask("sigaction", SYS_rt_sigaction, SIGUSR1, 0, BAD, 8);
    ask("sigprocmask", SYS_rt_sigprocmask, 0, BAD, 0, 8), ask("sigprocmask", SYS_rt_sigprocmask, 0, 0, BAD, 8);
    ask("sigaltstack", SYS_sigaltstack, BAD, 0, 0, 0), ask("sigaltstack", SYS_sigaltstack, 0, BAD, 0, 0);
    ask("sigpending", SYS_rt_sigpending, BAD, 8, 0, 0), ask("sigsuspend", SYS_rt_sigsuspend, BAD, 8, 0, 0);
    ask("futex", SYS_futex, BAD, 0, 0, 0);
    ask("prctl", SYS_prctl, 15, BAD, 0, 0), ask("ioctl", SYS_ioctl, ends[0], 0x541b, BAD, 0);
    ask("getcwd", SYS_getcwd, BAD, 100, 0, 0), ask("readlink", SYS_readlink, (long)"/proc/self/exe", BAD, 100, 0);
    ask("nanosleep", SYS_nanosleep, BAD, 0, 0, 0), ask("gettimeofday", SYS_gettimeofday, BAD, 0, 0, 0);
    ask("prlimit", SYS_prlimit64, 0, RLIMIT_STACK, BAD, 0), ask("wait4", SYS_wait4, -1, BAD, 0, 0);
    // Behind the end of a file: SIGBUS natively, if the program touched it.
    ask("stat", SYS_stat, (long)missing, BAD, 0, 0), ask("writev", SYS_writev, ends[1], (long)missing, 1, 0);
    ask("sigaction", SYS_rt_sigaction, SIGUSR1, (long)missing, 0, 8);
}
int main(void) {
    int file = memfd_create("empty", 0);
    missing = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0);
    CHECK(missing != MAP_FAILED);
    sigset_t blocked;
    sigemptyset(&blocked), sigaddset(&blocked, SIGSEGV), sigaddset(&blocked, SIGBUS);
    CHECK(sigprocmask(SIG_SETMASK, &blocked, NULL) == 0);
    all();
    sigfillset(&blocked);
    CHECK(sigprocmask(SIG_SETMASK, &blocked, NULL) == 0);
    all();
    // What others send waits, and is there to be asked for.
    CHECK(kill(getpid(), SIGSEGV) == 0 && kill(getpid(), SIGBUS) == 0);
    CHECK(sigpending(&blocked) == 0 && sigismember(&blocked, SIGSEGV) && sigismember(&blocked, SIGBUS));
    CHECK(sigwaitinfo(&blocked, NULL) == SIGBUS && sigwaitinfo(&blocked, NULL) == SIGSEGV);
    puts("all told");
    return 0;
}
