/* Hits of breakpoints and watchpoints far from each other, with system calls between them: seldom ones, one loop
 * full of them, stores of generated code, of two threads and of the kernel. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

enum { ROUNDS = 1500, WORK = 4000, LOOP = 300 };

volatile unsigned long rare, often, generated, wide[4];
volatile unsigned long shared;
char filled[8];
static volatile unsigned state = 1;
static void (*store)(volatile unsigned long *where, unsigned long what);
static int pipes[2];

__attribute__((noinline)) void seldom(unsigned long number)
{
    rare = number;
}

__attribute__((noinline)) void hot(unsigned long number)
{
    often += number;
}

static void compute(void)
{
    for (int i = 0; i < WORK; i++) {
        unsigned next = state;
        next ^= next << 13;
        next ^= next >> 17;
        state = next ^ next << 5;
    }
}

static void on_alarm(int signal)
{
    (void)signal;
    wide[2]++;
}

static void one_round(unsigned long number)
{
    compute();
    syscall(SYS_getppid);
    if (number % 400 == 17)
        seldom(number);
    if (number % 500 == 30)
        store(&generated, number);
    if (number % 600 == 44 && write(pipes[1], &number, 8) == 8 && read(pipes[0], filled, 8) != 8)
        _exit(1);
    if (number == 900)
        for (unsigned long i = 0; i < LOOP; i++)
            hot(i);
}

static void *other(void *unused)
{
    for (unsigned long number = 0; number < ROUNDS / 4; number++) {
        compute();
        if (number % 100 == 50)
            shared = number;
        syscall(SYS_gettid);
    }
    return unused;
}

int main(void)
{
    static const unsigned char code[] = {0x48, 0x89, 0x37, 0xc3}; /* mov %rsi, (%rdi); ret */
    void *made = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(made, code, sizeof code);
    mprotect(made, 4096, PROT_READ | PROT_EXEC);
    store = (void (*)(volatile unsigned long *, unsigned long))made;
    if (pipe(pipes) != 0)
        return 1;
    signal(SIGALRM, on_alarm);
    struct itimerval often_enough = {{0, 7000}, {0, 7000}};
    setitimer(ITIMER_REAL, &often_enough, NULL);
    for (unsigned long number = 0; number < ROUNDS; number++)
        one_round(number);
    pthread_t thread;
    pthread_create(&thread, NULL, other, NULL);
    other(NULL);
    pthread_join(thread, NULL);
    printf("%lu %lu %lu %u %d\n", rare, often, generated, state, filled[0]);
    return 0;
}
