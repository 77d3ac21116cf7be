// Instructions that show the kernel's tables, which differ from processor to processor; and what is refused about
// segments and about the catching of calls: nothing else changes by that.
#include "guest.h"
#include <asm/ldt.h>
#include <cpuid.h>
#include <linux/membarrier.h>
#include <sys/prctl.h>
// A replay compares the arguments of calls.
static void compare(uint64_t value) { syscall(SYS_getppid, value); }
#define SHOW(text, from)                                                                          \
    do {                                                                                          \
        uint64_t value = from;                                                                    \
        __asm__ volatile(text : "+r"(value) : : "cc");                                            \
        compare(value);                                                                           \
    } while (0)
static void tables(unsigned segment) {
    SHOW("lsl %0, %0\nsetz %b0", segment);
    SHOW("lar %0, %0\nsetz %b0", segment);
    SHOW("verr %w0\nsetz %b0", segment);
    SHOW("verw %w0\nsetz %b0", segment);
    SHOW("str %0", 0);
    SHOW("sldt %0", 0);
    SHOW("smsw %0", 0);
    uint64_t at[4] = {0};
    __asm__ volatile("sgdt %0" : "=m"(*(char(*)[10])at));
    __asm__ volatile("sidt %0" : "=m"(*(char(*)[10])(at + 2)));
    compare(hash_bytes(at, sizeof at));
}
static void waits(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(c >> 5 & 1)) return;
    uint64_t carry = 0;
    // tpause until a time that is over
    __asm__ volatile(".byte 0x66, 0x0f, 0xae, 0xf1\nsetc %b0" : "+r"(carry) : "a"(0), "d"(0), "c"(0) : "cc");
    compare(carry);
}
int main(void) {
    // Code and data of programs, and the one that has the processor's number.
    static const unsigned segments[] = {0x33, 0x2b, 0x7b, 0x1234};
    for (int round = 0; round < 20; round++) {
        tables(segments[round % 4]);
        waits();
        sched_yield();
    }
    struct user_desc small = {.limit = 0xfff, .contents = 2, .useable = 1};
    fprintf(stderr, "modify_ldt: %ld\n", syscall(SYS_modify_ldt, 1, &small, sizeof small));
    CHECK(syscall(SYS_set_thread_area, &small) == -1 && errno == ENOSYS);
    static char selector;
    fprintf(stderr, "dispatch: %d\n", prctl(59, 1, 0, 0, &selector));
    CHECK(prctl(59, 2, 0, 0, 0) == -1 && errno == EINVAL);
    CHECK(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == -1 && errno == EPERM);
    CHECK(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0);
    CHECK(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0);
    pid_t child = fork();
    if (child == 0) _exit(5);
    CHECK(wait_status(child) == 5 << 8);
    puts("goes on");
    return 0;
}
