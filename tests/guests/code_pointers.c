// Hand-written code without symbols of functions, reached by pointers alone: nobody can know from the file that it is code.
// Executed by this thread, by one that is older, by a newer one, and by a child; more places than can be watched at once.
#include "guest.h"
#include <pthread.h>
#define FILL ".rept 12\n mov $1, %eax\n add %rsi, %rax\n .endr\n"
#define PLACE(name, code) name ":\n" FILL code "shl $32, %rdx\n or %rdx, %rax\n ret\n" FILL
__asm__(".text\n" PLACE("place0", "rdtsc\n") PLACE("place1", "rdtsc\n") PLACE("place2", "rdtscp\n")
        PLACE("place3", "rdtsc\n") PLACE("place4", "push %rbx\n xor %eax, %eax\n cpuid\n mov %rbx, %rax\n pop %rbx\n")
        // A table of pointers for whoever comes next.
        ".section .data.rel.local, \"aw\"\n places: .quad place0, place1, place2, place3, place4\n .text\n");
typedef unsigned long function(void);
extern function *places[] __asm__("places");
static int pipes[2];
static void *other(void *first) {
    char byte;
    if (first) CHECK(read(pipes[0], &byte, 1) == 1);
    unsigned long one = places[0](), two = places[2]();
    CHECK(two > one);
    return (void *)(places[4]() & 0xffffffff);
}
int main(void) {
    pthread_t older, newer;
    void *result;
    CHECK(pipe(pipes) == 0 && pthread_create(&older, NULL, other, pipes) == 0);
    unsigned long last = places[1]();
    CHECK(places[1]() > last);
    CHECK(write(pipes[1], "x", 1) == 1);
    CHECK(pthread_create(&newer, NULL, other, NULL) == 0 && pthread_join(older, NULL) == 0);
    CHECK(pthread_join(newer, &result) == 0);
    pid_t child = fork();
    if (child == 0) _exit(places[3]() > last && places[3]() > last ? 7 : 8);
    int status = wait_status(child);
    printf("%lx is %lx, %d\n", (unsigned long)result, places[4]() & 0xffffffff, status);
    fprintf(stderr, "%lx %lx\n", places[2](), places[3]());  // Other than natively, but replayed.
    return 0;
}
