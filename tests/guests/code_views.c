// Code in shared memory that is written through another view of it: through one that has always been there, one
// that is made writable later, one that was moved, by `read`, and by another process.
#include "guest.h"
typedef int function(void);
static const unsigned char text[] = {0xb8, 0, 0, 0, 0, 0xc3};  // mov eax, …; ret
static int sum;
static void expect(const void *code, int value) {
    int found = ((function *)(uintptr_t)code)();
    sum = sum * 31 + found;
    CHECK(found == value);
}
int main(void) {
    int file = memfd_create("code", 0), pipes[2];
    CHECK(file >= 0 && ftruncate(file, 8192) == 0 && pipe(pipes) == 0);
    unsigned char *run = mmap(NULL, 8192, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0);
    unsigned char *write_view = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(run != MAP_FAILED && write_view != MAP_FAILED);
    memcpy(write_view + 4090, text, sizeof text);  // Over the border of two pages.
    memcpy(write_view + 8000, text, sizeof text);
    for (int i = 1; i <= 5; i++) {
        write_view[4091] = write_view[8001] = (unsigned char)i;
        expect(run + 4090, i);
        expect(run + 8000, i);
    }
    // Not writable while the code runs for the first time.
    CHECK(mprotect(write_view, 8192, PROT_READ) == 0);
    expect(run + 4090, 5);
    CHECK(mprotect(write_view, 8192, PROT_READ | PROT_WRITE) == 0);
    write_view[4091] = 6;
    expect(run + 4090, 6);
    unsigned char *moved = mremap(write_view, 8192, 8192, MREMAP_MAYMOVE | MREMAP_FIXED, write_view - (1 << 20));
    CHECK(moved != MAP_FAILED);
    moved[4091] = 7;
    expect(run + 4090, 7);
    // The kernel writes.
    CHECK(write(pipes[1], "\x08", 1) == 1 && read(pipes[0], moved + 4091, 1) == 1);
    expect(run + 4090, 8);
    // A later view of one page only.
    unsigned char *third = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 4096);
    CHECK(third != MAP_FAILED);
    third[8001 - 4096] = 9;
    expect(run + 8000, 9);
    for (int i = 10; i < 14; i++) {
        pid_t child = fork();
        if (child == 0) {
            moved[4091] = (unsigned char)i;
            _exit(((function *)(uintptr_t)(run + 4090))());
        }
        CHECK(WEXITSTATUS(wait_status(child)) == i);
        expect(run + 4090, i);
        write_view = moved;
        write_view[4091] = (unsigned char)(i + 100);
        expect(run + 4090, i + 100);
    }
    printf("%d\n", sum);
    return 0;
}
