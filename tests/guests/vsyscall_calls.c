// Functions of the vsyscall page, as a caller sees them: registers, results, bad pointers, and what a filter makes of them.
#include "guest.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#define GET_TIME_OF_DAY 0xffffffffff600000
#define TIME 0xffffffffff600400
#define GET_CPU 0xffffffffff600800

// Prints which of the registers that `syscall` loses have kept what was in them.
static long call(uintptr_t function, const void *first, void *second, void *third) {
    long result, rcx = 0x1234;
    register long r11 __asm__("r11") = 0x5678;
    __asm__ volatile("call *%[function]"
                     : "=a"(result), "+c"(rcx), "+r"(r11)
                     : [function] "b"(function), "D"(first), "S"(second), "d"(third)
                     : "memory");
    printf("%d %d: ", rcx == 0x1234, r11 == 0x5678);
    return result;
}

static void handler(int number, siginfo_t *info, void *context) {
    const greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    printf("signal %d: code %d, address %lx, at %llx, %lld\n", number, info->si_code, (long)info->si_addr,
           number == SIGSYS ? 0 : registers[REG_RIP], registers[REG_RAX]);
    fflush(stdout);
    if (number == SIGSEGV) _exit(3);
}

static void bad(uintptr_t function, uintptr_t pointer, int is_handled) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        if (is_handled) on_signal(SIGSEGV, handler, 0);
        printf("returned %ld\n", call(function, (void *)pointer, NULL, NULL)), fflush(stdout);
        _exit(0);
    }
    printf("%lx: %x\n", function, wait_status(child));
}

int main(void) {
    struct timeval time = {0, 0};
    struct timezone zone;
    long seconds = 0;
    unsigned processor = 9999, node = 9999, other = 77;
    printf("%ld\n", call(GET_TIME_OF_DAY, &time, &zone, NULL));
    printf("%d\n", call(TIME, &seconds, NULL, NULL) == seconds && seconds >= time.tv_sec && time.tv_sec > 1000000000);
    printf("%ld\n", call(GET_CPU, &processor, &node, &other));
    printf("%d\n", processor < 9999 && node < 9999 && other == 77);
    for (int i = 0; i < 20; i++) seconds = call(TIME, NULL, NULL, NULL) - time.tv_sec;
    for (int is_handled = 0; is_handled < 2; is_handled++) {
        bad(GET_TIME_OF_DAY, 8, is_handled), bad(GET_TIME_OF_DAY, 0xffff800000000000, is_handled), bad(TIME, 16, is_handled);
        bad(GET_CPU, 24, is_handled), bad(TIME + 1, 0, is_handled), bad(0xffffffffff600c00, 0, is_handled);
    }
    struct sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
                                 BPF_JUMP(BPF_JMP | BPF_JEQ, SYS_gettimeofday, 0, 1), BPF_STMT(BPF_RET, SECCOMP_RET_ERRNO | EXDEV),
                                 BPF_JUMP(BPF_JMP | BPF_JEQ, SYS_time, 0, 1), BPF_STMT(BPF_RET, SECCOMP_RET_TRAP | 9),
                                 BPF_STMT(BPF_RET, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    on_signal(SIGSYS, handler, 0);
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
    printf("%ld\n", call(GET_TIME_OF_DAY, &time, NULL, NULL));
    printf("%ld\n", call(TIME, NULL, NULL, NULL));
    printf("%ld\n", call(GET_CPU, &processor, NULL, NULL));
    return 0;
}
