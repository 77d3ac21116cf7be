/* Threads that are made and end all the time. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static const char *file;

static void *ends(void *number)
{
    return (void *)((long)number * 3);
}

static void *makes(void *unused)
{
    long sum = 0;
    for (long left = 200; left && !unused;) {
        pthread_t thread;
        void *result;
        if (pthread_create(&thread, 0, ends, (void *)left) || pthread_join(thread, &result))
            return (void *)-1;
        if (!access(file, F_OK)) {
            sum += (long)result;
            left--;
        }
    }
    return (void *)sum;
}

int main(int count, char **words)
{
    pthread_t threads[4];
    file = words[count - 1];
    printf("ready\n");
    fflush(stdout);
    for (int i = 0; i < 4; i++)
        if (pthread_create(&threads[i], 0, makes, 0))
            return 1;
    for (int i = 0; i < 4; i++) {
        void *sum;
        pthread_join(threads[i], &sum);
        printf("%ld\n", (long)sum);
    }
    return 3;
}
