// `stat64` by `int 0x80`, whose structure is that of 32-bit programs.
#include "guest.h"
int main(void) {
    char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    CHECK(low != MAP_FAILED);
    strcpy(low, "/");
    long result;
    for (int round = 0; round < 3; round++)
        __asm__ volatile("int $0x80" : "=a"(result) : "a"(195), "b"(low), "c"(low + 64) : "memory");
    puts(result == -ENOSYS ? "ENOSYS" : strerror((int)-result));
    return 0;
}
