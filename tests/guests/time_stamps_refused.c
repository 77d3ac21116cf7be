// Reading the time-stamp counter faults where a program wants that, in its own code and in code made at run time.
#include "guest.h"
#include <pthread.h>
#include <sys/prctl.h>
#include <x86intrin.h>
static volatile int faults;
static void skip(int number, siginfo_t *info, void *context) {
    ucontext_t *at = context;
    unsigned char *code = (unsigned char *)at->uc_mcontext.gregs[REG_RIP];
    CHECK(number == SIGSEGV && info->si_code == SI_KERNEL && code[0] == 0x0f);
    at->uc_mcontext.gregs[REG_RIP] += code[1] == 0x31 ? 2 : 3;
    faults++;
}
static int mode(void) {
    int mode = 0;
    CHECK(prctl(PR_GET_TSC, &mode) == 0);
    return mode;
}
static void *reads(void *argument) {
    (void)argument;
    unsigned int processor;
    faults = 0;
    for (int i = 0; i < 3; i++) __rdtsc(), __rdtscp(&processor);
    printf("mode %d, %d faults\n", mode(), faults);
    return NULL;
}
static void start(void) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, reads, NULL) == 0 && pthread_join(thread, NULL) == 0);
}
int main(void) {
    on_signal(SIGSEGV, skip, 0);
    reads(NULL);
    CHECK(prctl(PR_SET_TSC, 7) == -1 && errno == EINVAL);
    CHECK(prctl(PR_GET_TSC, 16) == -1 && errno == EFAULT);
    CHECK(prctl(PR_SET_TSC, PR_TSC_SIGSEGV) == 0);
    reads(NULL);
    start();
    unsigned char *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(code, "\x0f\x31\xc3", 3);
    faults = 0;
    ((void (*)(void))code)();
    printf("made at run time: %d\n", faults);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        __rdtsc();
        _exit(1);
    }
    printf("child: %d\n", WTERMSIG(wait_status(child)));
    CHECK(prctl(PR_SET_TSC, PR_TSC_ENABLE) == 0);
    reads(NULL);
    start();
    return 0;
}
