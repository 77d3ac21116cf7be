// Says its pid, then works and makes system calls until somebody ends it.
#include "guest.h"
int main(void) {
    int ends[2];
    unsigned char bytes[200];
    CHECK(pipe(ends) == 0);
    printf("%d\n", getpid());
    fflush(stdout);
    for (uint64_t hash = 1;; hash = hash * 31 + hash_bytes(bytes, sizeof bytes)) {
        memset(bytes, (int)(hash & 0xff), sizeof bytes);
        CHECK(write(ends[1], bytes, sizeof bytes) == sizeof bytes && read(ends[0], bytes, 200) == 200);
    }
}
