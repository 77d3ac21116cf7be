# Tables between and behind functions that look like instructions nobody may touch: the words before a function
# that GHC lays there, constants behind a return and behind a call that never returns, a table of jumps.
	.macro like_code	# What decodes from everywhere as code around the bytes of cpuid, rdtsc and a system call.
	.rept 12
	mov $1, %eax
	add %rbx, %rax
	.endr
	cpuid
	rdtsc
	mov $39, %eax
	syscall
	cmp $-4095, %rax
	.rept 12
	mov $1, %eax
	add %rbx, %rax
	.endr
	.endm
	.text
	.type early, @function
early:	mov %rdi, %rax
	jmp *-0x10(%r13)
	.size early, .-early
first:	like_code
	.quad 0x15, 0x01a20ff0310f
	.globl main
	.type main, @function
main:	push %rbx
	xor %ebx, %ebx
	lea choices(%rip), %rcx
	movslq 4(%rcx), %rax
	add %rcx, %rax
	jmp *%rax
	.p2align 3
choices: .long zero-choices, one-choices, 0x0fa2310f
zero:	ud2
one:	lea first(%rip), %rsi
	lea end(%rip), %rdx
sum:	movzbl (%rsi), %eax	# All of the code is summed up: its tables, and what lies between.
	imul $31, %rbx, %rbx
	add %rax, %rbx
	inc %rsi
	cmp %rdx, %rsi
	jne sum
	lea format(%rip), %rdi
	mov %rbx, %rsi
	xor %eax, %eax
	call printf@PLT
	xor %edi, %edi
	call leave
	like_code
	.size main, .-main
	like_code
	.type leave, @function
leave:	sub $8, %rsp
	call exit@PLT
	like_code
	.size leave, .-leave
end:	.section .rodata
format:	.asciz "%016lx\n"
	.section .note.GNU-stack, "", @progbits
