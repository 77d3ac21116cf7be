// Memory at the lowest addresses, which privileged programs may have: null pointers lead to it.
#include "guest.h"
#define LENGTH 0x20000

static volatile char *at(uintptr_t address) {
    __asm__("" : "+r"(address));
    return (volatile char *)address;
}

static void *map(uintptr_t address, size_t length, int protection, int flags, int file) {
    return mmap((void *)address, length, protection, MAP_PRIVATE | MAP_FIXED | flags, file, 0);
}

static void show(const char *when) {
    printf("%s: %d %d %d %d\n", when, *at(0), *at(9), *at(4096), *at(LENGTH - 1));
    fflush(stdout);
}

static void child(int how) {
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        if (how == 0) *at(9) = 1;
        if (how == 1) ((void (*)(void))(uintptr_t)at(4))();
        show("in a child");
        _exit(0);
    }
    printf("%x\n", wait_status(child));
}

int main(void) {
    if (map(0, LENGTH, PROT_READ | PROT_WRITE, MAP_ANONYMOUS, -1) == MAP_FAILED) {
        printf("not allowed: %s\n", strerror(errno));
        return 0;
    }
    *at(0) = 1, *at(9) = 2, *at(4096) = 3, *at(LENGTH - 1) = 4;
    CHECK(getppid() > 0);
    show("written");
    child(2);
    CHECK(madvise(NULL, 4096, MADV_DONTNEED) == 0);
    show("dropped");
    CHECK(mprotect(NULL, 4096, PROT_NONE) == 0);
    child(0), child(1);
    CHECK(mprotect(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC) == 0);
    *at(4) = (char)0xc3;
    ((void (*)(void))(uintptr_t)at(4))();
    child(1);
    CHECK(munmap(NULL, 4096) == 0);
    printf("behind: %d %d\n", *at(4096), *at(LENGTH - 1));
    child(0);
    int file = open("/proc/self/exe", O_RDONLY);
    CHECK(file >= 0 && map(0, 4096, PROT_READ, 0, file) == NULL);
    printf("a file: %c%c%c\n", *at(1), *at(2), *at(3));
    CHECK(mremap(NULL, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)0x70000000) == (void *)0x70000000);
    printf("moved: %c\n", *at(0x70000001));
    CHECK(mremap((void *)0x70000000, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, NULL) == NULL);
    printf("moved back: %c\n", *at(1));
    CHECK(munmap(NULL, 4096) == 0);
    child(0);
    CHECK(munmap(NULL, LENGTH) == 0);
    return 0;
}
