// A thread asks another to let it run by a signal that has the number of the trap of a system call. Sent while
// that one makes calls, it can take the place of a trap; no call may be lost by that, not even where the
// registers are the same after each. The asking is done here, far more often than the recorder does.
#include "guest.h"
enum { CALLS = 60000, REQUESTS = 20000 };
static volatile uint64_t count, number = SYS_write, limit = CALLS;
static void ask(pid_t pid) {
    // As the recorder's own: SI_QUEUE, and a value by which it knows what is asked for (preemption.rs).
    uint64_t information[16] = {SIGSYS, 0xffffffff, 0, 0x726f6f6d726f6f6d + 1};
    for (int i = 0; i < REQUESTS; i++) {
        syscall(SYS_rt_tgsigqueueinfo, pid, pid, SIGSYS, information);
        for (volatile int pause = 0; pause < 10000; pause++) {}
    }
    _exit(0);
}
static void handler(int number_of_signal) {
    (void)number_of_signal;
}
int main(void) {
    int file = memfd_create("written", 0);
    pid_t main_thread = getpid(), asker;
    CHECK(file >= 0);
    // A signal only uses up the time of what it interrupts.
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    CHECK(sigaction(SIGSYS, &action, NULL) == 0);
    asker = fork();
    if (asker == 0) ask(main_thread);
    // One byte each: the result, 1, is the number of the call, which therefore changes no register.
    __asm__ volatile("1: incq %[count]\n xor %%r8d, %%r8d\n mov %[number], %%rax\n syscall\n"
                     "mov %[limit], %%r9\n cmp %%r9, %[count]\n mov $0, %%r9d\n jb 1b"
                     : [count] "+m"(count)
                     : [number] "m"(number), "D"(file), "S"("x"), "d"(1), [limit] "m"(limit)
                     : "rax", "rcx", "r11", "r8", "r9", "cc", "memory");
    struct stat status;
    CHECK(fstat(file, &status) == 0);
    CHECK(wait_status(asker) == 0);
    printf("%ld written in %lu calls\n", (long)status.st_size, count);
    return 0;
}
