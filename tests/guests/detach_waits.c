/* Threads in calls that wait, with and without an end, as another program's server has: each gets what comes. */
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int listener, ends[2];
static atomic_int word;
static atomic_long naps;

static void *accepts(void *unused)
{
    char byte = 0;
    int one = accept(listener, 0, 0);
    return (void *)(long)(unused ? 0 : read(one, &byte, 1) + byte);
}

static void *waits(void *unused)
{
    while (!word)
        syscall(SYS_futex, &word, 0, 0, 0, 0, 0);
    return unused ? 0 : (void *)(long)word;
}

static void *polls(void *unused)
{
    struct pollfd wanted = {ends[0], POLLIN, 0};
    return (void *)(long)(unused ? 0 : poll(&wanted, 1, 1000000));
}

/* Many short ones: none is interrupted. */
static void *naps_often(void *unused)
{
    long failed = 0;
    while (!word) {
        struct timespec time = {0, 1000000}, left;
        failed += nanosleep(&time, naps++ % 2 ? &left : 0) != 0;
    }
    return unused ? 0 : (void *)failed;
}

int main(int count, char **words)
{
    void *(*bodies[])(void *) = {accepts, waits, polls, naps_often};
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    pthread_t threads[4];
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listen(listener, 1) || getsockname(listener, (void *)&address, &size) || pipe(ends))
        return 1;
    for (int i = 0; i < 4; i++)
        if (pthread_create(&threads[i], 0, bodies[i], 0))
            return 1;
    printf("ready\n");
    fflush(stdout);
    while (count == 2 && access(words[1], F_OK))
        usleep(2000);
    int other = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(other, (void *)&address, size) || write(other, "a", 1) != 1 || write(ends[1], "a", 1) != 1)
        return 2;
    word = 7;
    syscall(SYS_futex, &word, 1, 100, 0, 0, 0);
    for (int i = 0; i < 4; i++) {
        void *result;
        pthread_join(threads[i], &result);
        printf("%d %ld\n", i, (long)result);
    }
    return 3;
}
