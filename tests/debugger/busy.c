/* Work for some hundred million instructions: calls, a line that loops, two threads that take turns. */
#include <pthread.h>
#include <stdio.h>

static volatile unsigned long sum, calls;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static unsigned long mixed(unsigned long value)
{
    calls++; /* in mixed */
    return value ^ (value << 7) ^ calls;
}

static void spin(unsigned long times)
{
    unsigned long i = 0;
again: sum += i * i; if (++i < times) goto again; /* hot */
    sum ^= 1;
}

static void part(int number)
{
    for (int i = 0; i < 100000; i++)
        sum += mixed(i + number); /* calls */
    spin(3000000);
}

static void *worker(void *number)
{
    for (int i = 0; i < 4; i++) {
        pthread_mutex_lock(&lock);
        part(*(int *)number + i); /* a part */
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

int main(void)
{
    int numbers[2] = {1, 2};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, worker, &numbers[i]);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    part(3); /* the last one */
    printf("%lu\n", sum);
    return 0;
}
