// Functions of the vDSO that are given a bad pointer fault, where system calls answer EFAULT.
#include "guest.h"
static sigjmp_buf back;
static void told(int number, siginfo_t *information, void *context) {
    (void)context;
    printf("signal %d, code %d, address %p\n", number, information->si_code, information->si_addr);
    siglongjmp(back, 1);
}
int main(void) {
    void *volatile read_only = mmap((void *)0x10000000, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    void *volatile nowhere = (void *)16;
    CHECK(read_only != MAP_FAILED);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        clock_gettime(CLOCK_REALTIME, nowhere);
        _exit(0);
    }
    int status = wait_status(child);
    printf("the child dies by %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    on_signal(SIGSEGV, told, 0);
    if (!sigsetjmp(back, 1)) printf("answered %d\n", clock_gettime(CLOCK_MONOTONIC, nowhere));
    if (!sigsetjmp(back, 1)) printf("answered %d\n", gettimeofday(nowhere, NULL));
    if (!sigsetjmp(back, 1)) printf("answered %d\n", clock_gettime(CLOCK_REALTIME, read_only));
    return 0;
}
