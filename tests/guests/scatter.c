// readv, writev, preadv, pwritev, preadv2 with empty parts, many parts and short results.
#include "guest.h"
int main(void) {
    int file = memfd_create("scatter", 0), ends[2];
    char data[3000], back[3000] = {0};
    for (int i = 0; i < 3000; i++) data[i] = (char)(i * 7 + i / 256);
    struct iovec parts[64];
    for (int i = 0; i < 64; i++) parts[i] = (struct iovec){data + i * 40, (size_t)(i % 5 ? i % 40 : 0)};
    ssize_t total = writev(file, parts, 64);
    CHECK(total > 500 && pwritev(file, parts, 64, 4000) == total);
    for (int i = 0; i < 64; i++) parts[i].iov_base = back + i * 40;
    CHECK(lseek(file, 0, SEEK_SET) == 0 && readv(file, parts, 64) == total);
    printf("%zd %016lx\n", total, hash_bytes(back, sizeof back));
    memset(back, 0, sizeof back);
    CHECK(preadv(file, parts, 64, 4000 + total / 2) == total - total / 2);
    printf("%016lx\n", hash_bytes(back, sizeof back));
    memset(back, 0, sizeof back);
    CHECK(preadv2(file, parts, 3, 4000, 0) == 3);
    CHECK(pipe(ends) == 0 && write(ends[1], "0123456789", 10) == 10);
    CHECK(readv(ends[0], parts, 64) == 10);
    printf("%016lx\n", hash_bytes(back, sizeof back));
    CHECK(syscall(SYS_readv, ends[0], parts, 2000) == -1 && errno == EINVAL);
    CHECK(readv(ends[0], parts, 0) == 0);
    parts[0] = (struct iovec){back, 5}, parts[1] = (struct iovec){(void *)8, 5};
    CHECK(preadv(file, parts, 2, 0) == 5 || errno == EFAULT);
    return 0;
}
