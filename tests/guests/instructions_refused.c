// Instructions that the processor or the kernel refuses to a program, or only some processors have: a signal
// says so, with the registers as they were. Some stand behind the instruction, as traps do.
#include "guest.h"
static sigjmp_buf back;
static volatile unsigned long marks;
static void handler(int number, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const unsigned char *at = (const unsigned char *)registers[REG_RIP];
    printf("signal %d code %d rbx %llx next %02x\n", number, info->si_code, registers[REG_RBX], *at);
    marks = marks * 31 + (unsigned long)number;
    siglongjmp(back, 1);
}
#define TRY(text)                                                                          \
    do {                                                                                   \
        if (sigsetjmp(back, 1) == 0) {                                                     \
            unsigned long a = 0, d = 0, c = 0;                                             \
            __asm__ volatile("mov $0x5a5a, %%ebx\n" text "\nnop"                           \
                             : "+a"(a), "+d"(d), "+c"(c) : : "rbx", "memory", "cc");       \
            printf("%s: no signal\n", text);                                               \
        }                                                                                  \
    } while (0)
int main(void) {
    static const int signals[] = {SIGSEGV, SIGILL, SIGTRAP, SIGBUS, SIGFPE};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) on_signal(signals[i], handler, 0);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 0; i < 2; i++) {
        TRY("rdpmc");
        TRY("int $4");
        TRY("int $0x20");
        TRY("int $3");
        TRY(".byte 0xf1");  // int1
        TRY("cli");
        TRY("hlt");
        TRY("inb $0x60, %%al");
        TRY("swapgs");
        TRY("sysretq");
        TRY("mov %%cr0, %%rax");
        TRY("wrmsr");
        TRY("ud2");
        TRY("mov $0x1234, %%eax\nmov %%eax, %%ss");  // No such segment.
        TRY("mov $0x1234, %%eax\nmov %%eax, %%ds");
        TRY("push $0x1233\npush $0\nlretq");
    }
    printf("%lx\n", marks);
    return 0;
}
