// A filter that looks at arguments and at where the call was made.
#include "filters.h"
extern char one_call[];
__asm__(".text\n.globl one_call\none_call: mov $39, %eax\nsyscall\nbehind_call: ret\n");
extern char behind_call[];
int main(void) {
    uint64_t place = (uint64_t)(uintptr_t)behind_call;
    PROGRAM(program, LOAD(arch), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0), ANSWER(SECCOMP_RET_KILL_PROCESS),
            LOAD(nr), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpid, 0, 5),
            LOAD(instruction_pointer), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)place, 0, 2),
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer) + 4),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, place >> 32, 0, 0), ANSWER(SECCOMP_RET_ERRNO | 31),
            IF(SYS_close), BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0), ANSWER(SECCOMP_RET_ALLOW),
            // close(n): the errno is what arithmetic makes of n.
            LOAD_ARGUMENT(0), BPF_STMT(BPF_ST, 3), BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 3), BPF_STMT(BPF_MISC | BPF_TAX, 0),
            BPF_STMT(BPF_LD | BPF_MEM, 3), BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 1), BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
            BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xff), BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO),
            BPF_STMT(BPF_RET | BPF_A, 0));
    no_new_privileges();
    CHECK(install(&program, 0) == 0);
    for (int round = 0; round < 8; round++) {
        long result = ((long (*)(void))(void *)one_call)();
        CHECK(result > 0 || result == -31);
        printf("%s %ld %ld %ld\n", result > 0 ? "elsewhere" : "there", raw(SYS_close, 100, 0, 0), raw(SYS_close, 1000, 0, 0),
               raw(SYS_close, -1, 0, 0));
        CHECK(getppid() > 0);
    }
    return 0;
}
