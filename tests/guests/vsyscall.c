// The time from the page at which kernels once had functions for all programs; static programs of that age call it.
#include "guest.h"
int main(void) {
    struct timeval time = {0, 0};
    long (*get_time_of_day)(struct timeval *, void *) = (long (*)(struct timeval *, void *))0xffffffffff600000;
    __asm__ volatile("" : "+r"(get_time_of_day));
    puts(get_time_of_day(&time, NULL) == 0 && time.tv_sec > 1000000000 ? "a time" : "none");
    return 0;
}
