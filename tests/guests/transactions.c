// Transactions (xbegin): whether one is begun and comes to its end is chance; where it does not, a lock is taken.
#include "guest.h"
#include <cpuid.h>
static volatile int lock;
static volatile long sum;
static long begun, ended, refused;
static sigjmp_buf back;
static void refuse(int number) { siglongjmp(back, number); }
static unsigned begin(void) {
    unsigned status = ~0u;
    __asm__ volatile("xbegin 1f\n1:" : "+a"(status) : : "memory");
    return status;
}
static unsigned begin_far_behind(void) {
    unsigned status = ~0u;
    __asm__ volatile("jmp 2f\n1: nop\nmov %%eax, %0\njmp 3f\n2: xbegin 1b\n3:"
                     : "+a"(status) : : "memory");
    return status;
}
static unsigned char is_inside(void) {
    unsigned char inside;
    __asm__ volatile("xtest\nsetnz %0" : "=r"(inside));
    return inside;
}
static void add(long what, unsigned (*one)(void)) {
    if (one() == ~0u) {
        if (lock) __asm__ volatile("xabort $1");
        sum += what;
        int inside = is_inside();
        __asm__ volatile("xend" : : : "memory");
        CHECK(inside);
        ended++;
        return;
    }
    CHECK(!is_inside());
    lock = 1, sum += what, lock = 0;
}
static int has_transactions(void) {
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && b >> 11 & 1;
}
int main(void) {
    signal(SIGILL, refuse);
    if (sigsetjmp(back, 1) == 0)
        for (; begun < 2000; begun++) add(begun, begun % 2 ? begin : begin_far_behind);
    else
        refused = 1;
    // A processor that has them performs or aborts them; one that has them switched off may abort all.
    CHECK(!refused || !has_transactions());
    fprintf(stderr, "%ld of %ld transactions came to an end\n", ended, begun);
    printf("%ld %ld\n", refused, sum);
    return 0;
}
