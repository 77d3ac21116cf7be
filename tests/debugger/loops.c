/* Lines that loop, as debuggers step back through them: alone, around calls and instructions of strings, in
   recursion, beside a handler and another thread. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
static volatile unsigned long sum;
static volatile int handled;
static char buffer[32];
static unsigned long square(unsigned long i) { return i * i; }
static unsigned long turns(unsigned long n) { for (int i = 0; i < 3; i++) sum += i; return n ? turns(n - 1) + 1 : 0; } /* recursion */
static void handler(int number)
{
    for (int i = 0; i < 4; i++) handled += number; /* handler */
}
static void plain(void)
{
    unsigned long i = 0;
    for (i = 0; i < 40; i++) sum += i; /* loop */
    for (i = 0; i < 6; i++) for (int k = 0; k < 5; k++) sum += i * k; /* nested */
    sum ^= 1; /* behind */
    for (i = 0; i < 6; i++) sum += square(i); /* calls */
    for (i = 0; i < 6; i++) if (i == 3) raise(SIGUSR1); else sum += i; /* raises */
    do { void *to = buffer; unsigned long n = i; __asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(0) : "memory"); } while (++i < 12); /* strings */
    do { long r = 39; __asm__ volatile("syscall" : "+a"(r) : : "rcx", "r11", "memory"); sum += r != 0; } while (++i < 18); /* kernel */
    sum += turns(3); /* recursive */
}
static void *thread(void *unused)
{
    for (int i = 0; i < 20000; i++) sum++;
    return unused;
}
int main(void)
{
    pthread_t other;
    signal(SIGUSR1, handler);
    pthread_create(&other, 0, thread, 0);
    plain();
    pthread_join(other, 0);
    printf("%d\n", sum != 0); /* end */
    return 0;
}
