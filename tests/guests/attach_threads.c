/* Threads that compute, sleep and wait for a condition, until the file named is there. */
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static volatile int is_over;
static __thread long own;

static void *computes(void *number)
{
    long sum = (long)number, rounds = 0;
    for (; !is_over || rounds < 100; rounds++)
        for (int i = 0; i < 20000; i++)
            own = sum = sum * 31 + i;
    return (void *)(long)(own == sum);
}

static void *sleeps(void *unused)
{
    struct timespec time = {0, 3000000};
    while (!is_over)
        nanosleep(&time, 0);
    return unused;
}

static void *waits(void *unused)
{
    pthread_mutex_lock(&mutex);
    while (!is_over)
        pthread_cond_wait(&condition, &mutex);
    pthread_mutex_unlock(&mutex);
    return unused;
}

int main(int count, char **words)
{
    void *(*bodies[])(void *) = {computes, computes, sleeps, waits};
    pthread_t threads[4];
    for (long i = 0; i < 4; i++)
        pthread_create(&threads[i], 0, bodies[i], (void *)i);
    printf("ready\n");
    fflush(stdout);
    while (count == 2 && access(words[1], F_OK))
        usleep(2000);
    pthread_mutex_lock(&mutex);
    is_over = 1;
    pthread_cond_broadcast(&condition);
    pthread_mutex_unlock(&mutex);
    for (int i = 0; i < 4; i++) {
        void *result;
        pthread_join(threads[i], &result);
        printf("%d %ld\n", i, (long)result);
    }
    return 3;
}
