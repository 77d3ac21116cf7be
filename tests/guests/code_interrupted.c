// Generated code is interrupted where it computes, and its page is written to before any of it runs again:
// by a signal's handler and by the kernel, or by another thread, which at last patches the loop away.
#include "guest.h"
#include <pthread.h>
static unsigned char *code;
static volatile unsigned ticks;
static int ends[2];
// inc rax; jmp back; ret
static const unsigned char loop[] = {0x48, 0xff, 0xc0, 0xeb, 0xfb, 0xc3};
static void leave(void) {
    // A nop of two bytes in place of the jump.
    *(volatile unsigned short *)(code + 4) = 0x9066;
}
static void handler(int number) {
    (void)number;
    if (ticks == 30) return;
    if (++ticks % 2) code[2048 + ticks]++;
    else CHECK(write(ends[1], "k", 1) == 1 && read(ends[0], code + 2048 + ticks, 1) == 1);
    if (ticks == 30) leave();
}
static void *spin(void *unused) {
    (void)unused;
    ((void (*)(void))(code + 1))();
    return NULL;
}
int main(int count, char **arguments) {
    code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(code != MAP_FAILED && pipe(ends) == 0);
    unsigned sum = 0;
    for (int round = 0; round < 4; round++) {
        memcpy(code + 1, loop, sizeof loop);
        if (count > 1 && !strcmp(arguments[1], "thread")) {
            pthread_t thread;
            CHECK(pthread_create(&thread, NULL, spin, NULL) == 0);
            for (unsigned step = 0; step < 8; step++) usleep(1000), code[2048 + step]++;
            leave();
            CHECK(pthread_join(thread, NULL) == 0);
        } else {
            signal(SIGALRM, handler);
            ticks = 0;
            CHECK(setitimer(ITIMER_REAL, &(struct itimerval){{0, 3000}, {0, 3000}}, NULL) == 0);
            spin(NULL);
            CHECK(setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, NULL) == 0);
        }
    }
    for (int i = 2048; i < 4096; i++) sum = sum * 31 + code[i];
    printf("%s %08x\n", count > 1 ? arguments[1] : "", sum);
    return 0;
}
