// A file mapped shared and also changed by write, pwrite and ftruncate, through another descriptor too.
#include "guest.h"
int main(void) {
    int file = memfd_create("shared", 0);
    CHECK(ftruncate(file, 16384) == 0);
    char *first = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    char *second = first + 8192;
    CHECK(first != MAP_FAILED);
    memcpy(first + 8192, "through memory", 15);
    CHECK(pwrite(file, "through write", 14, 8192) == 14);
    CHECK(strcmp(first + 8192, "through write") == 0 && strcmp(second, "through write") == 0);
    char text[32];
    memcpy(first + 100, "read back", 10);
    CHECK(pread(file, text, 10, 100) == 10 && strcmp(text, "read back") == 0);
    CHECK(lseek(file, 4096, SEEK_SET) == 4096 && write(file, "abcdef", 6) == 6 && first[4098] == 'c');
    CHECK(ftruncate(file, 8193) == 0 && ftruncate(file, 16384) == 0);
    CHECK(second[0] == 't' && second[1] == 0);
    CHECK(msync(first, 16384, MS_SYNC) == 0);
    memset(first, 'x', 200);
    printf("%016lx\n", hash_bytes(first, 16384));
    int twin = open("/proc/self/fd/3", O_RDWR);
    if (twin >= 0) CHECK(pwrite(twin, "twin", 4, 12288) == 4 && memcmp(first + 12288, "twin", 4) == 0);
    printf("%016lx\n", hash_bytes(second, 8192));
    return 0;
}
