// Built with a sanitizer: goes through without a finding, or makes the one that the argument names.
#include "guest.h"
#include <pthread.h>
static int counter;
static void *count(void *unused) {
    for (int i = 0; i < 1000; i++) counter++;
    return unused;
}
int main(int argc, char **argv) {
    const char *finding = argc > 1 ? argv[1] : "none";
    volatile int one = argc > 0;
    if (!strcmp(finding, "address")) {
        volatile char *block = malloc(10);
        block[9 + one] = 1;
        free((void *)block);
    } else if (!strcmp(finding, "thread")) {
        pthread_t other;
        CHECK(pthread_create(&other, NULL, count, NULL) == 0);
        count(NULL);
        CHECK(pthread_join(other, NULL) == 0);
    } else if (!strcmp(finding, "undefined")) {
        volatile int large = INT_MAX;
        large += one;
        if (large == one) puts("by chance");
    } else if (!strcmp(finding, "memory")) {
        volatile int *block = malloc(40);
        if (block[one]) puts("by chance");
        free((void *)block);
    } else if (!strcmp(finding, "leak")) {
        *(volatile char *)malloc(10) = 1;
    }
    puts("went through");
    return 0;
}
