// A signal frame has the size the kernel gives it: it fits in a small alternate stack, in which
// tiles (AMX) would not, and says what the kernel says of the state in it.
#include "guest.h"
static unsigned char stack[3 * 8192] __attribute__((aligned(64)));
static void handler(int number, siginfo_t *info, void *context) {
    (void)number, (void)info;
    const unsigned char *state = (void *)((ucontext_t *)context)->uc_mcontext.fpregs;
    const uint32_t *software = (const void *)(state + 464);
    CHECK(software[0] == 0x46505853);
    printf("%u bytes for %08x%08x, x87 and SSE in use: %d\n", software[4], software[3], software[2],
           state[512] & 3);
    uint32_t end;
    memcpy(&end, state + software[4], sizeof end);
    CHECK(software[1] == software[4] + 4 && end == 0x46505845);
}
int main(void) {
    memset(stack, 0xa5, sizeof stack);
    stack_t small = {.ss_sp = stack + sizeof stack - 8192, .ss_size = 8192};
    CHECK(sigaltstack(&small, NULL) == 0);
    on_signal(SIGUSR1, handler, SA_ONSTACK | SA_SIGINFO);
    raise(SIGUSR1);
    for (size_t i = 0; i < sizeof stack - 8192; i++) CHECK(stack[i] == 0xa5);
    puts("nothing below the stack was written");
    return 0;
}
