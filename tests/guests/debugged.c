// What a recorded debugger looks at: functions, a thread, a variable that changes.
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static int total;

static int add(int n) {
    total += n;
    return total;
}

static void *body(void *argument) {
    add(5);
    return argument;
}

int main(void) {
    char line[40];
    for (int i = 0; i < 4; i++) add(i);
    memset(line, 'x', 39);
    line[39] = 0;
    pthread_t thread;
    pthread_create(&thread, 0, body, 0);
    pthread_join(thread, 0);
    printf("%d %s\n", total, line);
    return total & 7;
}
