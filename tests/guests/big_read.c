// Calls with more data than the ring holds: one 64 MiB read, pread, write, readv.
#include "guest.h"
enum { SIZE = 64 << 20 };
int main(void) {
    char *data = malloc(SIZE), *back = malloc(SIZE);
    CHECK(data && back);
    for (uint32_t i = 0, x = 1; i < SIZE / 4; i++, x = x * 1664525u + 1013904223u) ((uint32_t *)data)[i] = x;
    int file = memfd_create("big", MFD_CLOEXEC);
    CHECK(file >= 0 && write(file, data, SIZE) == SIZE);
    CHECK(lseek(file, 0, SEEK_SET) == 0 && read(file, back, SIZE) == SIZE);
    CHECK(memcmp(data, back, SIZE) == 0);
    memset(back, 0, SIZE);
    CHECK(pread(file, back, SIZE, SIZE / 2) == SIZE / 2);
    CHECK(memcmp(data + SIZE / 2, back, SIZE / 2) == 0);
    struct iovec parts[3] = {{back + 5, 9 << 20}, {back + (20 << 20), 3}, {back + (21 << 20) + 1, 30 << 20}};
    CHECK(lseek(file, 0, SEEK_SET) == 0 && readv(file, parts, 3) == (39 << 20) + 3);
    CHECK(memcmp(back + (21 << 20) + 1, data + (9 << 20) + 3, 30 << 20) == 0);
    printf("%016lx\n", hash_bytes(back, SIZE));
    return 0;
}
