/* Two threads add to a sum without a lock: an update gets lost. */
#include <assert.h>
#include <pthread.h>
#include <stdio.h>

#define TURNS 40

static volatile long sum;

static void work(void)
{
    for (volatile int turn = 0; turn < 10000; turn++)
        ;
}

static void *adds(void *unused)
{
    for (int turn = 0; turn < TURNS; turn++) {
        long seen = sum;
        work();
        sum = seen + 1; /* guilty */
        work();
    }
    return unused;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, adds, NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert(sum == 2 * TURNS);
    printf("%ld\n", sum);
    return 0;
}
