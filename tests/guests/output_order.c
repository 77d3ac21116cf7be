// Threads and processes write lines at the same moment: which comes first is chance, and the same in the replay.
#include "guest.h"
#include <pthread.h>
static void *write_lines(void *name) {
    char line[64];
    for (int i = 0; i < 400; i++) {
        int length = snprintf(line, sizeof line, "%s %d\n", (const char *)name, i);
        CHECK(write(1, line, (size_t)length) == length);
    }
    return NULL;
}
int main(int count, char **arguments) {
    const char *names[] = {"first", "second", "third"};
    if (count > 1 && strcmp(arguments[1], "processes") == 0) {
        for (int i = 0; i < 3; i++) {
            if (fork() == 0) {
                write_lines((void *)names[i]);
                _exit(0);
            }
        }
        for (int i = 0; i < 3; i++) CHECK(wait(NULL) > 0);
        return 0;
    }
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], NULL, write_lines, (void *)names[i]) == 0);
    for (int i = 0; i < 3; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    return 0;
}
