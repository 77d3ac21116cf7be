// Numbers of system calls that no kernel has, and one in the lower half of the register only.
#include "guest.h"
static long call(unsigned long number) {
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(0), "S"(0), "d"(0) : "rcx", "r11", "memory");
    return result;
}
int main(void) {
    static const unsigned long numbers[] = {-1ul, -2ul, 337, 400, 512, 547, 1024, 0x10009, 0x1000b, 0x7fffffff,
                                            0x80000000, 0xffffffff, 0x100000000 | 1000000};
    // Often enough for a call site to be replaced.
    for (int round = 0; round < 12; round++)
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
            if (call(numbers[i]) != -ENOSYS) printf("%lx: %ld\n", numbers[i], call(numbers[i]));
    for (int round = 0; round < 12; round++)
        CHECK(call(0x100000000 | SYS_getpid) == getpid() && call(-1ul << 32 | SYS_getppid) == getppid());
    CHECK(syscall(-1) == -1 && errno == ENOSYS);
    // The kernel takes the lower half of a call that makes a process, too.
    long child = call(0xabcd00000000 | SYS_fork);
    if (child == 0) call(0xabcd00000000 | SYS_exit_group);
    int status = -1;
    CHECK(child > 0 && waitpid((pid_t)child, &status, 0) == child && status == 0);
    puts("no call of these numbers");
    return 0;
}
