// A program that blocks every signal, among them those the recorder lives on: instructions that
// trap still work, also while a blocked SIGTRAP waits, and a new image inherits the mask.
#include "guest.h"
#include <cpuid.h>
static volatile int taken;
static void handler(int number, siginfo_t *info, void *context) {
    (void)info, (void)context;
    taken = number;
}
int main(int count, char **arguments) {
    static const int signals[] = {SIGSYS, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    sigset_t all, now;
    unsigned a, b, c, d;
    if (count > 1) {
        CHECK(sigprocmask(SIG_BLOCK, NULL, &now) == 0);
        for (int i = 0; i < 6; i++) printf("%d %d\n", signals[i], sigismember(&now, signals[i]));
        CHECK(__get_cpuid(0, &a, &b, &c, &d));
        return 5;
    }
    sigfillset(&all);
    CHECK(sigprocmask(SIG_SETMASK, &all, NULL) == 0);
    CHECK(__get_cpuid(0, &a, &b, &c, &d));
    __asm__ volatile("rdtsc" : "=a"(a), "=d"(d));
    on_signal(SIGTRAP, handler, 0);
    on_signal(SIGSEGV, handler, 0);
    for (int i = 1; i < 3; i++) {
        CHECK(kill(getpid(), signals[i]) == 0);
        __asm__ volatile("rdtsc" : "=a"(a), "=d"(d));
        CHECK(sigpending(&now) == 0 && sigismember(&now, signals[i]) && !taken);
        CHECK(sigprocmask(SIG_UNBLOCK, &all, NULL) == 0 && taken == signals[i]);
        CHECK(sigprocmask(SIG_SETMASK, &all, NULL) == 0);
        taken = 0;
    }
    pid_t child = vfork();
    if (child == 0) {
        execl("/proc/self/exe", arguments[0], "again", NULL);
        _exit(1);
    }
    printf("child %d\n", wait_status(child));
    fflush(stdout);
    execl("/proc/self/exe", arguments[0], "again", NULL);
    return 1;
}
