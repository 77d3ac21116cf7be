// Advice that changes content: of a process about buffers of its own memory, and holes in a memory file.
#include "guest.h"
enum { PAGE = 4096, ADVICE = 4 * PAGE };
static void show(const char *what, const char *at, int pages) {
    printf("%s:", what);
    for (int i = 0; i < pages; i++) printf(" %d", at[i * PAGE + 7]);
    printf("\n");
}
int main(void) {
    char *private = mmap(NULL, ADVICE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int file = memfd_create("holes", 0), own = (int)syscall(SYS_pidfd_open, getpid(), 0);
    CHECK(ftruncate(file, ADVICE) == 0);
    char *shared = mmap(NULL, ADVICE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    char *other = mmap(NULL, ADVICE, PROT_READ, MAP_SHARED, file, 0);
    CHECK(private != MAP_FAILED && shared != MAP_FAILED && other != MAP_FAILED);
    memset(private, 1, ADVICE), memset(shared, 2, ADVICE);
    CHECK(madvise(shared + PAGE, 2 * PAGE - 10, MADV_REMOVE) == 0);
    show("hole", shared, 4), show("hole seen elsewhere", other, 4);
    shared[PAGE + 7] = 3;
    show("written again", other, 4);
    struct iovec parts[3] = {{private, PAGE}, {private + 2 * PAGE, PAGE}, {private + PAGE, 0}};
    // Kernels before 6.13 take it about other advice alone.
    long taken = syscall(SYS_process_madvise, own, parts, 3, MADV_DONTNEED, 0);
    CHECK(taken == 2 * PAGE || (taken == -1 && errno == EINVAL));
    if (taken == -1) memset(private, 0, PAGE), memset(private + 2 * PAGE, 0, PAGE);
    show("dropped", private, 4);
    CHECK(syscall(SYS_process_madvise, own, parts, 3, MADV_COLD, 0) == 2 * PAGE);
    show("cold", private, 4);
    memset(private, 4, ADVICE);
    taken = syscall(SYS_process_madvise, own, parts, 2, MADV_FREE, 0);
    CHECK(taken == 2 * PAGE || (taken == -1 && errno == EINVAL));
    show("not dropped", private + PAGE, 1);
    CHECK(madvise(private, PAGE, 1234) == -1 && errno == EINVAL);
    // Protection by key, without one, is protection.
    if (syscall(SYS_pkey_mprotect, private, PAGE, PROT_NONE, -1) == 0) {
        CHECK(syscall(SYS_pkey_mprotect, private, PAGE, PROT_READ | PROT_WRITE, -1) == 0);
        private[7] = 9;
    }
    CHECK(munmap(private + PAGE, PAGE) == 0 && madvise(private, 3 * PAGE, MADV_DONTNEED) == -1 && errno == ENOMEM);
    printf("around a gap: %d %d\n", private[7], private[2 * PAGE + 7]);
    return 0;
}
