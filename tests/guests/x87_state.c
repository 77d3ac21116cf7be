// x87: results, fnstenv's instruction pointer, fxsave, control word and rounding kept across calls and signals.
#include "guest.h"
static volatile int caught;
static void handler(int number, siginfo_t *info, void *context) {
    (void)number, (void)info;
    CHECK(((ucontext_t *)context)->uc_mcontext.fpregs->cwd != 0);
    __asm__ volatile("fninit\n\tfldpi\n\tfldpi");
    caught++;
}
int main(void) {
    on_signal(SIGUSR1, handler, 0);
    long double sum = 0;
    for (int i = 1; i < 1000; i++) sum += 1.0L / i, sum *= 1.0001L;
    printf("%.18Lg\n", sum);
    static uint32_t environment[7];
    static unsigned char state[512] __attribute__((aligned(16)));
    uintptr_t here, pid = (uintptr_t)getpid(), self = SIGUSR1;
    long result = SYS_kill;
    __asm__ volatile("fninit\n\tfld1\n\tfldpi\n1:\tfmul %%st(1), %%st\n\tlea 1b(%%rip), %0\n\tsyscall\n\t"
                     "fnstenv %1\n\tfxsave %2\n\tfstp %%st(0)\n\tfstp %%st(0)"
                     : "=&r"(here), "=m"(environment), "=m"(state), "+a"(result)
                     : "D"(pid), "S"(self) : "rcx", "r11", "memory");
    CHECK(result == 0 && caught == 1);
    printf("rip low bits agree: %d, status %04x, tag %04x\n",
           environment[3] == (uint32_t)here || environment[3] == 0, environment[1] & 0xffff, environment[2] & 0xffff);
    printf("fxsave fcw %02x%02x top %016lx\n", state[1], state[0], hash_bytes(state + 32, 32));
    fprintf(stderr, "ip %016lx\n", hash_bytes(environment, sizeof environment) ^ hash_bytes(state, 160));
    uint16_t control = 0xb7f, kept = 0;
    __asm__ volatile("fldcw %0" : : "m"(control));
    for (int i = 0; i < 100; i++) getppid();
    __asm__ volatile("fnstcw %0" : "=m"(kept));
    printf("rounding %d\n", kept == control);
    return 0;
}
