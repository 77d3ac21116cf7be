/* A wait that nothing but one signal ends: also one that comes while the recorder does. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

static volatile int signals;

static void handle(int number)
{
    signals += number == SIGUSR1;
}

int main(int count, char **words)
{
    struct sigaction action = {.sa_handler = handle};
    struct timespec time = {1000, 5}, left = {-1, -1};
    int result = 0;
    sigaction(SIGUSR1, &action, 0);
    printf("ready\n");
    fflush(stdout);
    switch (count == 2 ? words[1][1] : 0) {
    case 'a': /* pause */
        result = pause();
        break;
    case 'o': /* poll */
        result = poll(0, 0, -1);
        break;
    case 'e': /* select */
        result = select(0, 0, 0, 0, 0);
        break;
    default:
        result = nanosleep(&time, &left);
        if (left.tv_sec < 900 || left.tv_sec > 1000)
            return 2;
    }
    printf("%d %d %d\n", result, errno == EINTR, signals);
    return 3;
}
