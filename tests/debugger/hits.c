/* Memory that is written in many ways and code that is come to often: by threads, a handler, calls, strings. */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
volatile long total;
char buffer[64], other[64];
static int ends[2];
__attribute__((noinline)) static void hot(long i)
{
    total += i; /* hot */
}
__attribute__((noinline)) static void strings(long i)
{
    void *target = buffer;
    const void *source = other;
    unsigned long count = 1 + i % 60;
    __asm__ volatile("rep stosb" : "+D"(target), "+c"(count) : "a"(i) : "memory");
    target = buffer + i % 8, count = i % 7;
    __asm__ volatile("rep movsq" : "+D"(target), "+S"(source), "+c"(count) : : "memory");
    memcpy(buffer + i % 32, other, 16);
}
static void handler(int number)
{
    hot(number);
    buffer[3]++;
}
static void *work(void *rounds)
{
    for (long i = 0; i < (long)rounds; i++) {
        hot(i);
        if (i % 16 == 0)
            strings(i);
        if (i % 50 == 0) {
            raise(SIGUSR1);
            if (write(ends[1], other, 5) != 5 || read(ends[0], buffer, 5) != 5)
                _exit(1);
        }
    }
    return 0;
}
int main(void)
{
    pthread_t thread;
    signal(SIGUSR1, handler);
    if (pipe(ends))
        return 1;
    pthread_create(&thread, 0, work, (void *)150l);
    work((void *)400l);
    pthread_join(thread, 0);
    work((void *)100l);
    return 0;
}
