// Processes and programs by `int 0x80`: vfork, clone with its arguments in the order of 32-bit programs, execve with lists
// of 32-bit pointers.
#include "guest.h"
static struct {
    char path[32], argument[32];
    uint32_t list[4], nothing[2];
    int numbers[2];
} *low;
#define LOW(field) ((uint32_t)(uintptr_t)&low->field)
static long call(long number, long a, long b, long c, long d, long e) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e) : "memory", "r8", "r9", "r10", "r11");
    return result;
}
static void execute(void) {
    long result = call(11, LOW(path), LOW(list), LOW(nothing), 0, 0);
    printf("not executed: %ld\n", result);
    fflush(stdout);
    call(252, 9, 0, 0, 0, 0);
}
int main(int count, char **arguments) {
    if (count > 1) {
        printf("executed with %s, %d variables\n", arguments[1], environ[0] != NULL);
        return 7;
    }
    low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    CHECK(low != MAP_FAILED);
    for (int round = 0; round < 8; round++) {
        long child = call(190, 0, 0, 0, 0, 0);
        if (child == 0) call(1, 5 + round, 0, 0, 0, 0);
        CHECK(child > 0 && WEXITSTATUS(wait_status((pid_t)child)) == 5 + round);
    }
    long child = call(120, SIGCHLD | CLONE_CHILD_SETTID | CLONE_PARENT_SETTID, 0, LOW(numbers[0]), 0, LOW(numbers[1]));
    if (child == 0) call(1, low->numbers[1] == getpid() ? 4 : 3, 0, 0, 0, 0);
    CHECK(child > 0 && low->numbers[0] == child && WEXITSTATUS(wait_status((pid_t)child)) == 4);
    strcpy(low->argument, "an argument");
    low->list[0] = LOW(path), low->list[1] = LOW(argument);
    fflush(stdout);
    const char *const paths[] = {"/proc/self/exe", "/nonexistent"};
    for (int i = 0; i < 4; i++) {
        strcpy(low->path, paths[i & 1]);
        child = i < 2 ? call(2, 0, 0, 0, 0, 0) : call(190, 0, 0, 0, 0, 0);
        if (child == 0) execute();
        printf("%d\n", WEXITSTATUS(wait_status((pid_t)child)));
        fflush(stdout);
    }
    return 0;
}
