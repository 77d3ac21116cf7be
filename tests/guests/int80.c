// Calls by `int 0x80`: numbers and 32-bit arguments of the i386 table, from a 64-bit program. All registers but the
// result's are kept, and what is longer than 32 bits is cut off.
#include "guest.h"
static struct {
    char text[64];
    int pipe[2];
    struct timespec time;
} *low;
#define LOW(field) ((uint32_t)(uintptr_t)&low->field)
static long call(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e) {
    register uint64_t r8 __asm__("r8") = 0x1111111122222222, r11 __asm__("r11") = 0x3333333344444444;
    register uint64_t rdi __asm__("rdi") = e;
    long result;
    uint64_t rcx = b;
    __asm__ volatile("int $0x80" : "=a"(result), "+r"(r8), "+r"(r11), "+c"(rcx), "+r"(rdi) : "a"(number), "b"(a), "d"(c), "S"(d) : "memory");
    CHECK(r8 == 0x1111111122222222 && r11 == 0x3333333344444444 && rcx == b && rdi == e);
    return result;
}
static volatile int signals;
static void count(int number, siginfo_t *info, void *context) { signals++, (void)number, (void)info, (void)context; }
int main(int count_of, char **arguments) {
    low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    CHECK(low != MAP_FAILED && count_of && arguments);
    uint64_t upper = 0xabcdef0100000000;
    for (int round = 0; round < 20; round++) {
        CHECK(call(20, 0, 0, 0, 0, 0) == getpid() && call(upper | 64, upper, upper, 0, 0, 0) == getppid());
        CHECK(call(199, 0, 0, 0, 0, 0) == (long)getuid() && call(224, 0, 0, 0, 0, 0) == gettid());
    }
    strcpy(low->text, "written by int 0x80\n");
    CHECK(call(4, upper | 1, upper | LOW(text), upper | 20, 0, 0) == 20);
    CHECK(call(42, LOW(pipe), 0, 0, 0, 0) == 0);
    CHECK(write(low->pipe[1], "through a pipe", 14) == 14);
    memset(low->text, 0, sizeof low->text);
    CHECK(call(3, low->pipe[0], LOW(text), 64, 0, 0) == 14 && strcmp(low->text, "through a pipe") == 0);
    // Errors, with 64 bits of the result.
    CHECK(call(6, (uint64_t)-1, 0, 0, 0, 0) == -EBADF && call(9999, 0, 0, 0, 0, 0) == -ENOSYS);
    CHECK(call(-1ul, 0, 0, 0, 0, 0) == -ENOSYS);
    // A pointer of 64 bits is cut off.
    char above[8];
    CHECK(call(4, 1, (uintptr_t)above, 8, 0, 0) == -EFAULT);
    // A signed offset, one of 64 bits, and memory that a 32-bit address reaches.
    int file = memfd_create("file", 0);
    CHECK(file >= 0 && ftruncate(file, 100) == 0 && lseek(file, 50, SEEK_SET) == 50);
    CHECK(call(19, file, (uint32_t)-20, SEEK_CUR, 0, 0) == 30 && call(194, file, 5, 1, 0, 0) == 0);
    CHECK(lseek(file, 0, SEEK_END) == (1l << 32) + 5);
    long made = call(192, 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1);
    CHECK(made > 0 && made >> 32 == 0);
    *(volatile int *)made = 5;
    CHECK(call(125, made, 4096, PROT_READ, 0, 0) == 0 && call(91, made, 4096, 0, 0, 0) == 0);
    CHECK(call(403, CLOCK_MONOTONIC, LOW(time), 0, 0, 0) == 0 && low->time.tv_nsec < 1000000000);
    on_signal(SIGUSR1, count, 0);
    CHECK(call(37, getpid(), SIGUSR1, 0, 0, 0) == 0 && signals == 1);
    long child = call(2, 0, 0, 0, 0, 0);
    if (child == 0) call(1, 7, 0, 0, 0, 0);
    CHECK(child > 0 && WEXITSTATUS(wait_status((pid_t)child)) == 7);
    fflush(stdout);
    call(252, 3, 0, 0, 0, 0);
    return 1;
}
