// No C library at all: a bare _start, write and exit; no TLS, no vDSO use, its own stack switch.
static char stack[8192] __attribute__((aligned(16)));
static long call(long number, long first, long second, long third) {
    __asm__ volatile("syscall" : "+a"(number) : "D"(first), "S"(second), "d"(third) : "rcx", "r11", "memory");
    return number;
}
__attribute__((used)) static void body(long *start) {
    char text[] = "argument count 0\n";
    text[15] = (char)('0' + start[0]);
    call(1, 1, (long)text, sizeof text - 1);
    long pid = call(57, 0, 0, 0);
    if (pid == 0) {
        call(1, 1, (long)"child\n", 6);
        call(60, 4, 0, 0);
    }
    int status = 0;
    register long fourth __asm__("r10") = 0;
    long number = 61;
    __asm__ volatile("syscall" : "+a"(number) : "D"(pid), "S"(&status), "d"(0L), "r"(fourth) : "rcx", "r11", "memory");
    call(231, status >> 8, 0, 0);
}
__attribute__((naked)) void _start(void) {
    __asm__("mov %%rsp, %%rdi\n\tlea %0, %%rsp\n\tcall body\n\tud2" : : "m"(stack[8176]));
}
