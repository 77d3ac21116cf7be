/* The same memory at several addresses: what is stored by one of them is seen at all. */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
enum { SIZE = 8192 };
static int *here, *there, *nameless, *twin, *mine;
int main(void)
{
    int file = memfd_create("both", 0);
    if (ftruncate(file, SIZE) != 0) return 1;
    here = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    there = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    nameless = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    nameless[0] = nameless[1500] = 3;
    twin = mremap(nameless, 0, SIZE, MREMAP_MAYMOVE);
    mine = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    if (here == MAP_FAILED || there == MAP_FAILED || twin == MAP_FAILED || mine == MAP_FAILED) return 2;
    here[0] = 1;
    there[0] = 7;         /* by the other */
    twin[0] = 8;       /* by the third */
    nameless[1500]++;      /* by the first */
    there[3] = here[0];
    here[5] = 4;         /* is shown */
    mine[5] = 5;         /* is its own */
    there[5] = 6;         /* is not shown */
    if (fork() == 0) {
        there[3] = 9;     /* by the child */
        twin[3] = 9;   /* by the child, too */
        _exit(0);
    }
    wait(NULL);
    munmap(there, SIZE);
    printf("%d %d %d %d %d %d\n", here[0], nameless[0], twin[1500], here[3], nameless[3], mine[5]);
    return 0;
}
