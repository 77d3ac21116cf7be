// Asynchronous I/O without a library: requests, completions by the call and from the ring, errors.
#include "guest.h"
#include <linux/aio_abi.h>
#include <pthread.h>
#include <sys/eventfd.h>
struct ring {
    unsigned id, nr, head, tail, magic, compatible, incompatible, header;
    struct io_event events[];
};
static aio_context_t context;
static struct iocb blocks[8], *list[8];
static struct io_event events[8];
static char text[8][512] __attribute__((aligned(512)));
static int file;
static long submit(int count) { return syscall(SYS_io_submit, context, count, list); }
static long collect(long least, long most, struct timespec *time) {
    return syscall(SYS_io_getevents, context, least, most, events, time);
}
static struct iocb *block(int index, int command, int fd, void *buffer, size_t size, long offset) {
    struct iocb *b = list[index] = &blocks[index];
    memset(b, 0, sizeof *b);
    b->aio_data = 100 + index, b->aio_lio_opcode = command, b->aio_fildes = fd;
    b->aio_buf = (uintptr_t)buffer, b->aio_nbytes = size, b->aio_offset = offset;
    return b;
}
static void refused(const char *what, long result) { printf("%s: %ld, %d\n", what, result, result < 0 ? errno : 0); }
static void tell(long count) {
    CHECK(count >= 0);
    for (long i = 0; i < count; i++) {
        CHECK(events[i].obj == (uintptr_t)&blocks[events[i].data - 100]);
        printf("  %d: %lld\n", (int)events[i].data, (long long)events[i].res);
    }
}
static void *later(void *argument) {
    (void)argument;
    usleep(20000);
    block(7, IOCB_CMD_PREAD, file, text[7], 6, 512);
    list[0] = list[7];
    CHECK(submit(1) == 1);
    return NULL;
}
static void handler(int number) { (void)number; }
int main(void) {
    char name[] = "/tmp/asynchronousXXXXXX";
    CHECK((file = mkstemp(name)) >= 0 && unlink(name) == 0);
    refused("no room", syscall(SYS_io_setup, 1 << 30, &context));
    refused("none", syscall(SYS_io_setup, 0, &context));
    refused("nowhere", syscall(SYS_io_setup, 8, 16));
    CHECK(syscall(SYS_io_setup, 8, &context) == 0 && context != 0);
    refused("again", syscall(SYS_io_setup, 8, &context));
    // Writes, with a counter that is told; then what was written.
    int counter = eventfd(0, 0);
    uint64_t count = 0;
    for (int i = 0; i < 4; i++) {
        memset(text[i], 'a' + i, 512);
        block(i, IOCB_CMD_PWRITE, file, text[i], 512, i * 512);
        blocks[i].aio_flags = IOCB_FLAG_RESFD, blocks[i].aio_resfd = counter;
    }
    CHECK(submit(4) == 4);
    for (uint64_t more = 0; count < 4; count += more) CHECK(read(counter, &more, 8) == 8);
    CHECK(collect(4, 8, NULL) == 4);
    int seen = 0;
    for (int i = 0; i < 4; i++) seen |= (events[i].res == 512) << (events[i].data - 100);
    printf("written: %#x, told %d times\n", seen, (int)count);
    memset(text, 0, sizeof text);
    struct iovec parts[2] = {{text[4], 3}, {text[5], 5}};
    block(0, IOCB_CMD_PREADV, file, parts, 2, 510);
    CHECK(submit(1) == 1);
    tell(collect(1, 8, NULL));
    printf("read: %s %s\n", text[4], text[5]);
    block(0, IOCB_CMD_PREAD, file, text[6], 512, 2000);
    CHECK(submit(1) == 1);
    tell(collect(1, 8, NULL));
    block(0, IOCB_CMD_FDSYNC, file, NULL, 0, 0);
    CHECK(submit(1) == 1);
    tell(collect(1, 8, NULL));
    // A library looks into the ring, and may take from there what is complete.
    struct ring *ring = (struct ring *)context;
    CHECK(ring->magic == 0xa10a10a1 && ring->header == sizeof *ring && ring->head == ring->tail);
    block(0, IOCB_CMD_PREAD, file, text[0], 4, 0);
    CHECK(submit(1) == 1);
    while (__atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE) == ring->head) {}
    struct io_event *first = &ring->events[ring->head % ring->nr];
    printf("in the ring: %d, %lld, %.4s\n", (int)first->data, (long long)first->res, text[0]);
    ring->head = (ring->head + 1) % ring->nr;
    struct timespec none = {0, 0}, some = {0, 1000000};
    refused("nothing", collect(1, 8, &none));
    refused("nothing after a while", collect(1, 8, &some));
    // Pipes have no places.
    int ends[2];
    CHECK(pipe(ends) == 0);
    block(0, IOCB_CMD_PWRITE, ends[1], "through", 7, 99);
    block(1, IOCB_CMD_PREAD, ends[0], text[1], 512, 77);
    CHECK(submit(2) == 2);
    tell(collect(2, 8, NULL));
    printf("%.7s\n", text[1]);
    // What comes from another thread, and a signal.
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, later, NULL) == 0);
    tell(collect(1, 8, NULL));
    CHECK(pthread_join(thread, NULL) == 0);
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    struct itimerval soon = {{0, 0}, {0, 20000}};
    setitimer(ITIMER_REAL, &soon, NULL);
    refused("interrupted", collect(1, 8, NULL));
    sigset_t set, empty;
    sigemptyset(&empty), sigemptyset(&set), sigaddset(&set, SIGALRM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    raise(SIGALRM);
    struct { sigset_t *mask; size_t size; } masked = {&empty, 8};
    refused("with a mask", syscall(SYS_io_pgetevents, context, 1L, 8L, events, NULL, &masked));
    // Errors.
    block(0, IOCB_CMD_PREAD, 900, text[0], 4, 0);
    refused("no file", submit(1));
    block(0, IOCB_CMD_PREAD, ends[1], text[0], 4, 0);
    refused("not to read", submit(1));
    block(0, 77, file, text[0], 4, 0);
    refused("unknown", submit(1));
    block(0, IOCB_CMD_PREAD, file, text[0], 4, -5);
    refused("before the file", submit(1));
    block(0, IOCB_CMD_PREAD, file, text[0], 4, 0)->aio_reserved2 = 1;
    refused("reserved", submit(1));
    block(0, IOCB_CMD_PREAD, file, text[0], 4, 0)->aio_flags = IOCB_FLAG_RESFD;
    blocks[0].aio_resfd = file;
    refused("no counter", submit(1));
    block(0, IOCB_CMD_PREAD, file, text[0], 4, 0);
    block(1, IOCB_CMD_PREAD, 900, text[0], 4, 0);
    refused("the second", submit(2));
    tell(collect(1, 1, NULL));
    list[0] = (struct iocb *)16;
    refused("no request", submit(1));
    block(0, IOCB_CMD_PREAD, file, (void *)16, 4, 0);
    refused("no buffer", submit(1));
    tell(collect(1, 1, NULL));
    refused("to nowhere", syscall(SYS_io_getevents, context, 0L, 1L, (void *)16, NULL));
    refused("more than most", collect(3, 2, NULL));
    refused("cancelled", syscall(SYS_io_cancel, context, &blocks[0], events));
    refused("another context", syscall(SYS_io_submit, 4096, 1, list));
    pid_t child = fork();
    if (child == 0) _exit(collect(0, 1, &none) < 0 ? errno : 0);
    printf("in a child: %d\n", WEXITSTATUS(wait_status(child)));
    CHECK(syscall(SYS_io_destroy, context) == 0);
    refused("destroyed", syscall(SYS_io_destroy, context));
    unsigned char vector;
    refused("gone", mincore(ring, 1, &vector));
    return 0;
}
