// Goes on until it is killed, and changes memory all the time.
#include "guest.h"
static volatile unsigned words[1 << 16];
int main(void) {
    printf("%d\n", getpid());
    fflush(stdout);
    for (unsigned i = 0;; i++) {
        words[i * 40503u >> 16] += i;
        CHECK(getppid() > 0 || i > 0);
    }
}
