// A memory file larger than memory, mapped shared: what is in it is seen, and nobody reads the holes.
#include "guest.h"
#define SIZE (1l << 36)
int main(void) {
    int file = memfd_create("sparse", 0);
    CHECK(file >= 0 && ftruncate(file, SIZE) == 0);
    CHECK(pwrite(file, "begin", 5, 100) == 5 && pwrite(file, "middle", 6, SIZE / 2 + 4090) == 6);
    CHECK(lseek(file, 77, SEEK_SET) == 77);
    char *map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, 0);
    CHECK(map != MAP_FAILED && lseek(file, 0, SEEK_CUR) == 77);
    char *half = mmap(NULL, 1 << 20, PROT_READ, MAP_SHARED, file, SIZE / 2);
    CHECK(half != MAP_FAILED);
    printf("%s %s %d\n", map + 100, half + 4090, map[SIZE - 1]);
    strcpy(map + SIZE - 100, "end");
    strcpy(map + SIZE / 2, "more");
    printf("%s %s\n", half, map + SIZE - 100);
    return 0;
}
