// A file mapped private: its own copy on write, the rest following the file; offsets and the tail of a page.
#include "guest.h"
int main(void) {
    char path[] = "/tmp/reenact-private-XXXXXX";
    int file = mkstemp(path);
    CHECK(file >= 0);
    for (int i = 0; i < 5000; i++) CHECK(write(file, &i, sizeof i) == sizeof i);
    char *map = mmap(NULL, 20000, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    char *rest = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 16384);
    CHECK(map != MAP_FAILED && rest != MAP_FAILED);
    CHECK(rest[3616] == 0 && rest[4095] == 0);
    printf("%016lx\n", hash_bytes(map, 20000));
    map[5] = 'X', map[9000] = 'Y';
    char text[1];
    CHECK(pread(file, text, 1, 5) == 1 && text[0] != 'X');
    printf("%016lx %016lx\n", hash_bytes(map, 20000), hash_bytes(rest, 4096));
    CHECK(munmap(map + 4096, 4096) == 0);
    CHECK(close(file) == 0);
    printf("%016lx\n", hash_bytes(map + 8192, 20000 - 8192));
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0) == MAP_FAILED && errno == EBADF);
    CHECK(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
    return unlink(path);
}
