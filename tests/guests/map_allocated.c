// A memory file that is allocated before it is written to, as the JVM makes its heap: mapped several times, with zeros
// and data in it, and zeros where data was.
#include "guest.h"
enum { LENGTH = 32 << 20, PIECE = 128 << 10 };
static int file;
static char *mapped(void) {
    char *at = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(at != MAP_FAILED);
    return at;
}
static uint64_t sum(const char *at) {
    uint64_t sum = 0;
    for (long offset = 0; offset < LENGTH; offset += 512) sum = sum * 31 + (unsigned char)at[offset];
    return sum;
}
int main(void) {
    file = memfd_create("heap", 0);
    CHECK(file >= 0 && fallocate(file, 0, 0, LENGTH) == 0);
    char *first = mapped();
    printf("%#lx\n", sum(first));
    // The first and the last byte of pieces, of pages, and of the file.
    first[0] = first[PIECE - 512] = first[5 * PIECE] = first[7 * PIECE + 4096] = 1;
    first[LENGTH - 512] = 2;
    char *second = mapped();
    printf("%#lx %#lx\n", sum(first), sum(second));
    // Written to by a call that both see, and zeros again in another way for each.
    CHECK(pwrite(file, "data", 4, 9 * PIECE) == 4);
    memset(first + 5 * PIECE, 0, PIECE);
    CHECK(munmap(first, LENGTH) == 0);
    char *third = mapped();
    printf("%#lx %#lx\n", sum(second), sum(third));
    memset(second, 0, LENGTH);
    third[11 * PIECE] = 3;
    CHECK(munmap(second, LENGTH) == 0 && munmap(third, LENGTH) == 0);
    // Nobody has it mapped: what it holds is told anew.
    char *fourth = mapped();
    printf("%#lx %.4s\n", sum(fourth), fourth + 9 * PIECE);
    return 0;
}
