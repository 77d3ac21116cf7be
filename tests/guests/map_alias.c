// One file mapped shared twice: what is stored through one mapping is seen through the other.
#include "guest.h"
int main(void) {
    int file = memfd_create("twice", 0);
    CHECK(ftruncate(file, 8192) == 0);
    char *first = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    char *second = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 4096);
    CHECK(first != MAP_FAILED && second != MAP_FAILED);
    memcpy(first + 4096, "through memory", 15);
    CHECK(strcmp(second, "through memory") == 0);
    puts(second);
    return 0;
}
