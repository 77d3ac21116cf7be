// Hundreds of threads that do nothing but system calls: whoever waits asks the running thread for
// room, and most of the requests meet it at a `syscall` instruction or in the trap of one, often
// two of them. The instruction is in no shape that is ever patched, and rcx and r11, which it
// destroys, have a value before it that they do not have after it.
#include "guest.h"
#include <pthread.h>
static unsigned long rounds = 1000;
static long call_with(long number, unsigned long mark) {
    long result;
    __asm__ volatile(
        "mov %[mark], %%rcx\n\tmov %[mark], %%r11\n\tmov %[number], %%rax\n\tsyscall\n\tnop"
        : "=&a"(result)
        : [number] "d"(number), [mark] "S"(mark)
        : "rcx", "r11", "memory");
    return result;
}
static void *calls(void *argument) {
    unsigned long index = (unsigned long)argument;
    unsigned long right = 0;
    long process = getpid();
    for (unsigned long round = 0; round < rounds; round++)
        right += call_with(SYS_getpid, index << 32 | round) == process;
    return (void *)right;
}
int main(int count, char **arguments) {
    enum { MOST = 1000 };
    pthread_t thread[MOST];
    unsigned long threads = count > 1 ? strtoul(arguments[1], NULL, 10) : 300;
    if (count > 2) rounds = strtoul(arguments[2], NULL, 10);
    unsigned long total = 0;
    pthread_attr_t attributes;
    CHECK(threads <= MOST);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 << 10);
    for (unsigned long i = 0; i < threads; i++)
        CHECK(pthread_create(&thread[i], &attributes, calls, (void *)i) == 0);
    for (unsigned long i = 0; i < threads; i++) {
        void *result;
        CHECK(pthread_join(thread[i], &result) == 0);
        total += (unsigned long)result;
    }
    printf("%lu\n", total);
    return 0;
}
