// Calls with arguments that are refused, or that ask for nothing: each answers what it answers natively, and does no more.
#include "guest.h"
#define HERE 0x10000000L
#define SHARED 0x20000000L
#define NOWHERE 0x30000000L
#define OURS 0x550000000000L
static const struct {
    const char *name;
    long number, arguments[6];
} calls[] = {
#define CALL(name, ...) {#name, SYS_##name, {__VA_ARGS__}}
    CALL(brk, -1), CALL(brk, 8), CALL(brk, 0x7ffffffff000), CALL(brk, OURS),
    CALL(madvise, HERE, -1, 4), CALL(madvise, HERE, -1, 24), CALL(madvise, HERE, -4096, 4), CALL(madvise, HERE + 1, 4096, 4),
    CALL(madvise, HERE, -1, 8), CALL(madvise, SHARED, -1, 9), CALL(madvise, NOWHERE, 4096, 4), CALL(madvise, HERE, 0, 77),
    CALL(munmap, HERE, -1), CALL(munmap, HERE, -4096), CALL(munmap, HERE + 1, 4096), CALL(munmap, HERE, 0), CALL(munmap, -4096, 4096),
    CALL(mprotect, HERE, -1, 1), CALL(mprotect, HERE, -4096, 1), CALL(mprotect, HERE, 4096, 16), CALL(mprotect, HERE + 1, 4096, 1),
    CALL(msync, HERE, -1, 1), CALL(msync, HERE, -4096, 1), CALL(msync, HERE, 4096, 5), CALL(msync, 0, -1, 1),
    CALL(mlock, HERE, -1), CALL(munlock, HERE, -4096), CALL(mincore, HERE, -4096, 0), CALL(mincore, HERE + 1, 4096, 0),
    CALL(mremap, HERE, -1, 4096, 0), CALL(mremap, HERE, -1, 4096, 1), CALL(mremap, SHARED, -1, 4096, 0), CALL(mremap, HERE, 4096, -1, 1),
    CALL(mremap, HERE, 4096, -1, 3, NOWHERE), CALL(mremap, HERE, 4096, -4096, 3, NOWHERE), CALL(mremap, HERE, 4096, 0, 1),
    CALL(mremap, HERE, 4096, 1L << 47, 3, NOWHERE), CALL(mremap, HERE, 4096, 4096, 2, NOWHERE), CALL(mremap, NOWHERE, 4096, 8192, 1),
    CALL(mmap, HERE, -1, 3, 0x11, -1, 0), CALL(mmap, HERE, 1L << 47, 3, 0x12, -1, 0), CALL(mmap, HERE, -4096, 3, 0x32, -1, 0),
    CALL(mmap, HERE, 1L << 47, 7, 0x32, 0, 1), CALL(mmap, HERE + 1, 1L << 46, 0, 0x32, -1, 0), CALL(mmap, HERE, 0, 3, 0x32, -1, 0),
    CALL(mmap, HERE, 4096, 3, 0x30, -1, 0), CALL(mmap, HERE, 1L << 47, 3, 0x100032, -1, 0), CALL(mmap, OURS, 4096, 3, 0x12, -1, 0),
    CALL(remap_file_pages, HERE, 4096, 0, 0, 0), CALL(remap_file_pages, SHARED, 4096, 1, 0, 0), CALL(remap_file_pages, SHARED, 0, 0, 0, 0),
    CALL(remap_file_pages, SHARED, 4096, 0, -1, 0), CALL(remap_file_pages, NOWHERE, 4096, 0, 0, 0), CALL(remap_file_pages, SHARED, -1, 0, 0, 0),
    CALL(iopl, 0), CALL(iopl, 4), CALL(iopl, -1), CALL(ioperm, 0, 0, 1), CALL(ioperm, 65530, 100, 1), CALL(ioperm, 1, 1, 0), CALL(ioperm, -1, 2, 0),
    CALL(prctl, 65, 0, 0, 0, 0), CALL(prctl, 65, 2, 0, 0, 0), CALL(prctl, 65, 0, 1, 0, 0), CALL(prctl, 66, 1, 0, 0, 0), CALL(prctl, -1),
    CALL(arch_prctl, 0x1023, -1), CALL(arch_prctl, 0x1023, 1), CALL(arch_prctl, 0x1025, 1), CALL(arch_prctl, 0x1025, 99),
    CALL(arch_prctl, 0x2001, 0), CALL(arch_prctl, 0x2002, 0), CALL(arch_prctl, 0x2003, NOWHERE), CALL(arch_prctl, 0, 0),
    CALL(sigaltstack, SHARED, 0), CALL(sigaltstack, 8, 0), CALL(sigaltstack, SHARED + 64, 0), CALL(sigaltstack, 0, 8),
    CALL(rt_sigaction, 65, 0, 0, 8), CALL(rt_sigaction, 9, SHARED, 0, 8), CALL(rt_sigaction, 1, 8, 0, 8), CALL(rt_sigaction, 1, 0, 0, 4),
    CALL(rt_sigprocmask, 3, SHARED, 0, 8), CALL(rt_sigprocmask, 0, 8, 0, 8), CALL(rt_sigpending, SHARED, 9), CALL(close_range, 5, 4, 0),
    CALL(setrlimit, 9, 8), CALL(getrlimit, 99, SHARED), CALL(prlimit64, 0, 9, 8, 0), CALL(futex, SHARED + 1, 0, 0, 0), CALL(futex, 8, 1, 1),
    CALL(clone3, SHARED, 63), CALL(clone3, SHARED, 4097), CALL(clone3, 8, 64), CALL(membarrier, 1 << 30, 0, 0), CALL(dup2, 0, -1),
    CALL(dup3, 0, 0, 0), CALL(fcntl, 0, 999, 0), CALL(set_robust_list, 0, 7), CALL(personality, 0xffffffff), CALL(seccomp, 99, 0, 0),
};
int main(void) {
    char *page = mmap((void *)HERE, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    char *shared = mmap((void *)SHARED, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    CHECK(page == (char *)HERE && shared == (char *)SHARED);
    long heap = (long)sbrk(0);
    strcpy(page, "kept");
    ((stack_t *)(shared + 64))->ss_size = 10;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        const long *a = calls[i].arguments;
        errno = 0;
        long result = syscall(calls[i].number, a[0], a[1], a[2], a[3], a[4], a[5]);
        if (calls[i].number == SYS_brk) result -= heap;
        printf("%s(%lx, %lx, %lx, %lx): %ld %s\n", calls[i].name, a[0], a[1], a[2], a[3], result, errno ? strerror(errno) : "");
    }
    return strcmp(page, "kept") != 0;
}
