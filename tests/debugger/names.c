/* Threads that are made, named and ended one after the other. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ready = PTHREAD_COND_INITIALIZER;
static int stage;
static void *work(void *argument)
{
    prctl(PR_SET_NAME, argument);
    pthread_mutex_lock(&lock);
    stage++; /* works */
    pthread_cond_broadcast(&ready);
    while (stage % 2)
        pthread_cond_wait(&ready, &lock);
    pthread_mutex_unlock(&lock);
    return argument;
}
int main(void)
{
    pthread_t made[3];
    char *names[] = {"first worker", "second worker", "third, with a long name"};
    for (int i = 0; i < 3; i++) {
        pthread_create(&made[i], 0, work, names[i]);
        pthread_mutex_lock(&lock);
        while (stage % 2 == 0)
            pthread_cond_wait(&ready, &lock);
        if (i == 1)
            pthread_setname_np(made[i], "renamed"); /* renames */
        stage++; /* between */
        pthread_cond_broadcast(&ready);
        pthread_mutex_unlock(&lock);
        pthread_join(made[i], 0);
    }
    int file = open("/proc/self/comm", O_WRONLY);
    write(file, "the main thread is long", 23);
    close(file);
    stage = 100; /* over */
    return 0;
}
