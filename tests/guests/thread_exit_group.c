// The process ends while others compute, wait and sleep: by exit, by a signal, by execve, or the
// first thread ends first.
#include "guest.h"
#include <pthread.h>
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static const char *how;
static volatile uint64_t spun;
static volatile int told;
static void *spins(void *argument) {
    for (;;) spun++;
    return argument;
}
static void *waits(void *argument) {
    pthread_mutex_lock(&held);
    return argument;
}
static void *sleeps(void *argument) {
    pause();
    return argument;
}
static void *ends_all(void *argument) {
    usleep(30000);
    char *words[] = {"/bin/echo", "after", "execve", NULL};
    printf("ending by %s\n", how), fflush(stdout);
    told = 1;
    if (strcmp(how, "exit") == 0) exit(3);
    if (strcmp(how, "kill") == 0) kill(getpid(), SIGTERM);
    if (strcmp(how, "fault") == 0) write_to(8);
    if (strcmp(how, "exec") == 0) execve(words[0], words, environ);
    if (strcmp(how, "last") == 0) _exit(6);
    pause();
    return argument;
}
int main(int count, char **arguments) {
    pthread_t thread;
    how = count > 1 ? arguments[1] : "exit";
    pthread_mutex_lock(&held);
    pthread_create(&thread, NULL, waits, NULL);
    pthread_create(&thread, NULL, sleeps, NULL);
    pthread_create(&thread, NULL, spins, NULL);
    pthread_create(&thread, NULL, spins, NULL);
    pthread_create(&thread, NULL, ends_all, NULL);
    if (strcmp(how, "last") == 0) pthread_exit(NULL);
    if (strcmp(how, "main") == 0) {
        while (!told) usleep(1000);
        return 4;
    }
    pthread_join(thread, NULL);
    return 9;
}
