// A memory file of 1 TiB with little in it, mapped private and shared, whole and in part; by a descriptor that can only read,
// too. Nothing is as large as it says.
#include "guest.h"
#define SIZE (1l << 40)
int main(void) {
    int file = memfd_create("huge", 0);
    char path[40];
    CHECK(file >= 0 && ftruncate(file, SIZE) == 0 && pwrite(file, "near the end", 12, SIZE - 5000) == 12);
    sprintf(path, "/proc/self/fd/%d", file);
    int reader = open(path, O_RDONLY);
    CHECK(reader >= 0);
    char *private = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file, 0);
    char *kept = mmap(NULL, SIZE / 2, PROT_READ, MAP_PRIVATE | MAP_NORESERVE, reader, SIZE / 2);
    char *shared = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, 0);
    char *code = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, 0);
    CHECK(private != MAP_FAILED && kept != MAP_FAILED && shared != MAP_FAILED && code != MAP_FAILED);
    printf("%s, %s\n", private + SIZE - 5000, kept + SIZE / 2 - 5000);
    strcpy(shared + SIZE / 2, "in the middle");
    strcpy(private + 100, "its own");
    CHECK(pwrite(file, "the beginning", 13, 0) == 13);
    printf("%s, %s, %s, %d\n", private + SIZE / 2, kept, code, private[100]);
    char *moved = mremap(shared, SIZE, SIZE / 4, MREMAP_MAYMOVE);
    CHECK(moved != MAP_FAILED && munmap(private, SIZE) == 0);
    CHECK(madvise(code, SIZE, MADV_REMOVE) == 0);
    printf("%d %d %d\n", moved[0], kept[0], code[SIZE / 2]);
    return 0;
}
