/* Hits of breakpoints and watchpoints before and behind a fork and an exec, and in memory that two processes share. Not
 * relocated: what is watched is at the same address in each image. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 400, WORK = 12000, SEVERAL = 90 };

volatile unsigned long rare;
volatile unsigned long *common;
static volatile unsigned state = 1;

__attribute__((noinline)) void seldom(unsigned long number)
{
    rare = number;
}

static void compute(unsigned long first, int who)
{
    for (unsigned long number = first; number < first + ROUNDS; number++) {
        for (int i = 0; i < WORK; i++) {
            unsigned next = state;
            next ^= next << 13;
            next ^= next >> 17;
            state = next ^ next << 5;
        }
        syscall(SYS_getppid);
        if (number % SEVERAL == 20)
            seldom(number);
        if (common && number % SEVERAL == 50)
            common[0] += number;
        if (common && number % SEVERAL == 70)
            common[who] = number;
    }
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        compute(5 * ROUNDS, 0);
        printf("%s: %lu\n", argv[1], rare);
        return 0;
    }
    common = mmap((void *)0x20000000, 4096, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (common == MAP_FAILED)
        return 1;
    compute(0, 2);
    pid_t child = fork();
    compute(child ? ROUNDS : 3 * ROUNDS, child ? 1 : 2);
    if (child && waitpid(child, NULL, 0) != child)
        return 1;
    execl("/proc/self/exe", argv[0], child ? "parent" : "child", (char *)NULL);
    return 1;
}
