/* A process whose first thread has ended. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char *file;

static void *stays(void *unused)
{
    usleep(20000);
    printf("ready\n");
    fflush(stdout);
    while (access(file, F_OK))
        usleep(2000);
    exit(unused ? 1 : 3);
}

int main(int count, char **words)
{
    pthread_t thread;
    file = words[count - 1];
    if (pthread_create(&thread, 0, stays, 0))
        return 1;
    pthread_exit(0);
}
