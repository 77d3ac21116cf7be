// Two threads, of which one waits in a call until the other one goes on: full queues, semaphores, named pipes, listeners.
#include "guest.h"
#include <mqueue.h>
#include <pthread.h>
#include <sys/msg.h>
#include <sys/sem.h>
enum { ROUNDS = 800 };
static int queue, semaphores, listener, length, copied[2], original[2];
static mqd_t posix_queue;
static char fifo[] = "fifo-XXXXXX";
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static struct { long type; char text[4096]; } message = {1, "m"};
static void step(int which, int by) {
    struct sembuf operation = {(unsigned short)which, (short)by, 0};
    struct timespec long_time = {1000, 0};
    CHECK((by < 0 ? semtimedop(semaphores, &operation, 1, &long_time) : semop(semaphores, &operation, 1)) == 0);
}
static void *sends(void *argument) {
    char byte = 'x';
    for (int i = 0; i < ROUNDS; i++) {
        step(0, -1);
        CHECK(msgsnd(queue, &message, sizeof message.text, 0) == 0);
        CHECK(mq_send(posix_queue, "q", 1, 0) == 0);
        CHECK(tee(original[0], copied[1], 1, 0) == 1);
        int out = open(fifo, O_WRONLY), to = socket(AF_UNIX, SOCK_STREAM, 0);
        CHECK(out >= 0 && write(out, &byte, 1) == 1 && close(out) == 0);
        CHECK(connect(to, (struct sockaddr *)&address, (socklen_t)length) == 0 && close(to) == 0);
        step(1, 1);
    }
    return argument;
}
int main(void) {
    struct mq_attr one = {.mq_maxmsg = 1, .mq_msgsize = 8};
    struct msqid_ds limits;
    pthread_t thread;
    char text[16];
    CHECK((queue = msgget(IPC_PRIVATE, 0600)) >= 0 && (semaphores = semget(IPC_PRIVATE, 2, 0600)) >= 0);
    CHECK(msgctl(queue, IPC_STAT, &limits) == 0 && (limits.msg_qbytes = sizeof message.text) > 0);
    CHECK(msgctl(queue, IPC_SET, &limits) == 0 && pipe(copied) == 0 && pipe(original) == 0);
    snprintf(text, sizeof text, "/w%d", getpid());
    CHECK((posix_queue = mq_open(text, O_RDWR | O_CREAT, 0600, &one)) >= 0 && mq_unlink(text) == 0);
    CHECK(mkdtemp(fifo) != NULL && rmdir(fifo) == 0 && mkfifo(fifo, 0600) == 0);
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    length = (int)offsetof(struct sockaddr_un, sun_path) + 1 + sprintf(address.sun_path + 1, "w%d", getpid());
    CHECK(bind(listener, (struct sockaddr *)&address, (socklen_t)length) == 0 && listen(listener, 0) == 0);
    CHECK(msgsnd(queue, &message, sizeof message.text, 0) == 0 && mq_send(posix_queue, "f", 1, 0) == 0);
    pthread_create(&thread, NULL, sends, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        step(0, 1);
        CHECK(msgrcv(queue, &message, sizeof message.text, 0, 0) == sizeof message.text);
        CHECK(mq_receive(posix_queue, text, sizeof text, NULL) == 1);
        CHECK(write(original[1], "t", 1) == 1 && read(copied[0], text, 1) == 1 && read(original[0], text, 1) == 1);
        int in = open(fifo, O_RDONLY);
        CHECK(in >= 0 && read(in, text, 1) == 1 && close(in) == 0 && close(accept(listener, NULL, NULL)) == 0);
        step(1, -1);
    }
    pthread_join(thread, NULL);
    printf("%d rounds\n", ROUNDS);
    return msgctl(queue, IPC_RMID, NULL) + semctl(semaphores, 0, IPC_RMID) + unlink(fifo);
}
