// Writes to the process's own memory by all calls that can, also by processes that have the same memory; and to another one's.
#include "guest.h"
static char text[16] = "before", other[16], stack[65536] __attribute__((aligned(16)));
static struct iovec parts[2] = {{"ab", 2}, {"cdef", 5}}, there = {text, 8};
static const volatile char constant[] = "constant";
static pid_t first;
static volatile long result;

static void show(const char *how, long count) { printf("%s: %ld %s\n", how, count, text); }

static int companion(void *argument) {
    struct iovec here = {argument, 8};
    char name[64];
    result = process_vm_writev(first, &here, 1, &there, 1, 0);
    snprintf(name, sizeof name, "/proc/%d/mem", first);
    int file = open(name, O_RDWR);
    result = 100 * result + pwrite(file, "word", 4, (off_t)other);
    close(file);
    return 0;
}

static long by_vfork(void) {
    pid_t child = vfork();
    if (child == 0) {
        struct iovec here = {"vforked", 8};
        result = process_vm_writev(first, &here, 1, &there, 1, 0);
        _exit(0);
    }
    CHECK(wait_status(child) == 0);
    return result;
}

// In another process both calls are made, or refused.
static void to_a_child(void) {
    int ready[2];
    char byte = 0, name[64];
    CHECK(pipe(ready) == 0);
    pid_t child = fork();
    if (child == 0) {
        CHECK(close(ready[1]) == 0 && read(ready[0], &byte, 1) == 1);
        CHECK(strcmp(text, byte == 'w' ? "abcdef" : "vforked") == 0);
        _exit(0);
    }
    snprintf(name, sizeof name, "/proc/%d/mem", child);
    int file = open(name, O_RDWR);
    long written = pwritev(file, parts, 2, (off_t)text);
    CHECK(file >= 0 && (written == 7 || (written == -1 && errno == EIO)));
    CHECK(lseek(file, (off_t)text, SEEK_SET) == (off_t)text && writev(file, parts, 2) == written);
    CHECK(write(ready[1], written == 7 ? "w" : "r", 1) == 1);
    printf("child: %d\n", wait_status(child));
}

int main(void) {
    int file = open("/proc/self/mem", O_RDWR), status;
    CHECK(file >= 0);
    first = getpid();
    show("pwrite", pwrite(file, "pwrite", 7, (off_t)text));
    CHECK(lseek(file, (off_t)text, SEEK_SET) == (off_t)text);
    show("write", write(file, "write", 6));
    CHECK(lseek(file, (off_t)text, SEEK_SET) == (off_t)text);
    show("writev", writev(file, parts, 2));
    CHECK(lseek(file, 0, SEEK_CUR) == (off_t)text + 7);
    text[0] = 'x';
    show("pwritev", pwritev(file, parts, 2, (off_t)text + 1));
    show("pwritev2", pwritev2(file, parts, 1, (off_t)text, 0));
    CHECK(lseek(file, (off_t)other, SEEK_SET) == (off_t)other);
    show("at its place", pwritev2(file, parts, 2, -1, 0));
    CHECK(strcmp(other, "abcdef") == 0 && pwritev(file, parts, 2, 8) == -1);
    show("to what is read only", pwrite(file, "CONST", 5, (off_t)constant));
    printf("%c%c\n", constant[0], constant[5]);
    pid_t child = clone(companion, stack + sizeof stack, CLONE_VM | SIGCHLD, "cloned\0");
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    show(other, result);
    show("vfork", by_vfork());
    to_a_child();
    return 0;
}
