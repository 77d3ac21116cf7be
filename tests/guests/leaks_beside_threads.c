// Built with a sanitizer that looks for leaks: one, while threads wait and one computes.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int ends[2];
static volatile long rounds;

static void *waits(void *size) {
    void *volatile kept = malloc((size_t)size);
    if (write(ends[1], "w", 1) == 1) pause();
    return kept;
}

static void *computes(void *nothing) {
    if (write(ends[1], "c", 1) != 1) return nothing;
    for (;;) rounds++;
}

int main(void) {
    pthread_t threads[3];
    char byte;
    if (pipe(ends)) return 2;
    for (long i = 0; i < 2; i++) pthread_create(&threads[i], 0, waits, (void *)(50 + i));
    pthread_create(&threads[2], 0, computes, 0);
    for (int i = 0; i < 3; i++)
        if (read(ends[0], &byte, 1) != 1) return 3;
    void *volatile lost = malloc(77);
    lost = 0;
    puts("went through");
    return lost != 0;
}
