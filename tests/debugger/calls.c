// Functions for a debugger to call: they print, allocate, take locks, return all kinds of values.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct pair {
    double a;
    long b;
};
struct big {
    long v[5];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
int counter = 4;

int dump(int x) {
    printf("x is %d\n", x);
    fprintf(stderr, "err %d\n", x);
    return x + 1;
}

double half(double x) { return x / 2; }
float halff(float x) { return x / 2; }
long double halfl(long double x) { return x / 2; }

struct pair make(double a, long b) {
    struct pair made = {a * 2, b * 2};
    return made;
}

struct big makebig(long n) {
    struct big made;
    for (int i = 0; i < 5; i++)
        made.v[i] = n + i;
    return made;
}

size_t allocate(size_t size) {
    char *bytes = malloc(size);
    memset(bytes, 1, size);
    size_t sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += bytes[i];
    free(bytes);
    return sum;
}

long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec + (time(0) - t.tv_sec);
}

int locked(void) {
    pthread_mutex_lock(&lock);
    int found = 5;
    pthread_mutex_unlock(&lock);
    return found;
}

int waits(void) {
    static pthread_mutex_t twice = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&twice);
    pthread_mutex_lock(&twice);
    return 1;
}

long sum8(long a, long b, long c, long d, long e, long f, long g, long h) {
    return a + b + c + d + e + f + g + h;
}

int count(void) { return ++counter; }
int opens(void) { return fopen("/etc/passwd", "r") != 0; }
int crashes(int *p) { return *p; }
void ends(void) { exit(3); }
void last_of_main(void) {}

int main(void) {
    printf("buffered");
    last_of_main();
    printf("\n");
    return 0;
}
