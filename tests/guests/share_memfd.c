// A memory file: inherited as a mapping, mapped again by the child at another address, made larger.
#include "guest.h"
int main(void) {
    int file = memfd_create("shared", 0);
    CHECK(file >= 0 && ftruncate(file, 4096) == 0);
    char *first = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(first != MAP_FAILED);
    strcpy(first, "parent");
    int pipes[2];
    CHECK(pipe(pipes) == 0);
    pid_t child = fork();
    if (child == 0) {
        char *second = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        CHECK(second != MAP_FAILED && second != first && strcmp(second, "parent") == 0);
        strcpy(second + 100, "child");
        CHECK(strcmp(first + 100, "child") == 0);
        CHECK(ftruncate(file, 8192) == 0);
        char *third = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 4096);
        CHECK(third != MAP_FAILED);
        strcpy(third, "second page");
        CHECK(write(pipes[1], "x", 1) == 1);
        while (first[200] == 0) poll(NULL, 0, 1);
        _exit(first[200]);
    }
    char byte;
    CHECK(read(pipes[0], &byte, 1) == 1);
    char *both = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(both != MAP_FAILED);
    printf("%s %s %s\n", both, both + 100, both + 4096);
    both[200] = 7;
    CHECK(wait_status(child) == 7 << 8);
    return 0;
}
