// Generated code asks which processor it runs on, as the JVM does between making memory for code and its
// first other call; on each processor in turn, in an image of its own.
#include "guest.h"
// push rbx; mov eax, edi; mov ecx, esi; cpuid; mov eax, ebx; shl rdx, 32; or rax, rdx; pop rbx; ret
static const unsigned char ask[] = {0x53, 0x89, 0xf8, 0x89, 0xf1, 0x0f, 0xa2, 0x89, 0xd8, 0x48, 0xc1,
                                    0xe2, 0x20, 0x48, 0x09, 0xd0, 0x5b, 0xc3};
static const unsigned leaves[] = {1, 0xb, 0x1f, 0x8000001e};
static void handler(int number) {
    (void)number;
}
static int generate(void) {
    struct sigaction action = {.sa_handler = handler};
    unsigned char *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(code != MAP_FAILED && sigaction(SIGUSR1, &action, NULL) == 0);
    memcpy(code, ask, sizeof ask);
    uint64_t answers[4], (*run)(unsigned, unsigned) = (uint64_t(*)(unsigned, unsigned))code;
    for (int i = 0; i < 4; i++) answers[i] = run(leaves[i], 0);
    // What it got is in the arguments of a call, which are compared.
    for (int i = 0; i < 4; i++) syscall(SYS_getpriority, 1000 + (answers[i] >> 24), answers[i]);
    cpu_set_t set;
    CHECK(sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) == 1);
    return 0;
}
int main(int count, char **arguments) {
    cpu_set_t all, one;
    if (count > 1) return generate();
    CHECK(sched_getaffinity(0, sizeof all, &all) == 0);
    for (int processor = 0, left = 4; processor < CPU_SETSIZE && left > 0; processor++) {
        if (!CPU_ISSET(processor, &all)) continue;
        left--;
        pid_t pid = fork();
        if (pid == 0) {
            CPU_ZERO(&one);
            CPU_SET(processor, &one);
            CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
            execl("/proc/self/exe", arguments[0], "generate", NULL);
            _exit(98);
        }
        CHECK(wait_status(pid) == 0);
    }
    cpu_set_t after;
    CHECK(sched_getaffinity(0, sizeof after, &after) == 0 && CPU_EQUAL(&all, &after));
    printf("asked\n");
    return 0;
}
