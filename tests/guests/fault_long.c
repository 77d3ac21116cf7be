// Code that is no instruction: too many prefixes fault in another way than an unknown opcode does.
#include "guest.h"
static sigjmp_buf back;
static void handler(int number, siginfo_t *info, void *context) {
    (void)context;
    printf("signal %d code %d\n", number, info->si_code);
    siglongjmp(back, 1);
}
static void run(const uint8_t *bytes, size_t length) {
    uint8_t *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(code != MAP_FAILED);
    memset(code, 0xc3, 64);
    memcpy(code, bytes, length);
    if (!sigsetjmp(back, 1)) ((void (*)(void))code)(), printf("returned\n");
    CHECK(munmap(code, 4096) == 0);
}
int main(void) {
    uint8_t prefixes[32];
    on_signal(SIGSEGV, handler, 0), on_signal(SIGILL, handler, 0);
    memset(prefixes, 0xf2, sizeof prefixes);
    run(prefixes, sizeof prefixes);
    memset(prefixes, 0x66, sizeof prefixes);
    for (int count = 12; count <= 16; count++) prefixes[count] = 0x90, run(prefixes, count + 1), prefixes[count] = 0x66;
    run((const uint8_t[]){0x0f, 0x0b}, 2);
    run((const uint8_t[]){0x06}, 1);
    return 0;
}
