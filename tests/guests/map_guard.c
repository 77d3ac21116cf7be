// Guard pages (MADV_GUARD_INSTALL, Linux 6.13): they drop what was there, fault, and are zeros again afterwards;
// in private memory, in a private mapping of a file, and in a forked child. System calls say EFAULT.
#include "guest.h"
enum { PAGE = 4096, INSTALL = 102, REMOVE = 103 };
static sigjmp_buf back;
static void refused(int number, siginfo_t *info, void *context) {
    (void)context;
    printf("signal %d code %d\n", number, info->si_code);
    siglongjmp(back, 1);
}
static int look(volatile char *at) {
    return sigsetjmp(back, 1) ? -1 : *at;
}
int main(void) {
    setvbuf(stdout, NULL, _IONBF, 0);
    on_signal(SIGSEGV, refused, 0);
    char *memory = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    memset(memory, 5, 4 * PAGE);
    if (madvise(memory + PAGE, 2 * PAGE, INSTALL) != 0) {
        printf("no guard pages: %s\n", strerror(errno));
        return 0;
    }
    printf("%d %d %d %d\n", look(memory), look(memory + PAGE), look(memory + 2 * PAGE + 9), look(memory + 3 * PAGE));
    int pipes[2];
    CHECK(pipe(pipes) == 0);
    printf("write %zd\n", write(pipes[1], memory + PAGE, 1));
    pid_t child = fork();
    if (child == 0) {
        printf("child %d\n", look(memory + PAGE));
        CHECK(madvise(memory + PAGE, PAGE, REMOVE) == 0);
        _exit(look(memory + PAGE));
    }
    printf("child ended with %d\n", wait_status(child));
    CHECK(madvise(memory + PAGE, PAGE, REMOVE) == 0);
    printf("%d %d\n", look(memory + PAGE), look(memory + 2 * PAGE));
    CHECK(madvise(memory, 4 * PAGE, MADV_DONTNEED) == 0);
    printf("%d %d\n", look(memory), look(memory + 2 * PAGE));
    int file = memfd_create("guarded", 0);
    CHECK(file >= 0 && write(file, "abc", 3) == 3);
    char *mapped = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    CHECK(mapped != MAP_FAILED);
    mapped[0] = 'x';
    if (madvise(mapped, PAGE, INSTALL) == 0) {
        printf("file %d\n", look(mapped));
        CHECK(madvise(mapped, PAGE, REMOVE) == 0);
    }
    printf("file %d\n", look(mapped));
    return 0;
}
