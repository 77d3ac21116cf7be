// A journey through all that a debugger has to follow: calls and recursion, writes to watch from
// far away, signal handlers, a longjmp, exceptions, threads, a fork, a death at the very end.
#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <pthread.h>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

struct Record {
    int number;
    double ratio;
    char text[16];
    Record *next;
};

int counter;
int watched;
int quiet = 7;
volatile long spun;
Record record, other;
static jmp_buf back;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
int shared[4];

extern "C" {

int square(int value)
{
    return value * value; // in square
}

int factorial(int n)
{
    if (n < 2)
        return 1; // innermost
    int below = factorial(n - 1);
    return n * below; // multiplies
}

void add(int times)
{
    for (int i = 0; i < times; i++)
        counter += i; // add one
    quiet = times; // after the loop
}

void handle(int number, siginfo_t *information, void *)
{
    counter += number; // in handle
    watched = information->si_value.sival_int; // handler writes
}

void leap(int value)
{
    if (value > 2)
        longjmp(back, value); // leaps
}

// Half a billion instructions at most, and no call.
void spin(long rounds)
{
    long sum = 0;
    for (long i = 0; i < rounds; i++)
        sum += i; // spins
    spun = sum; // has spun
}
}

struct Guard {
    int *place;
    ~Guard() { *place = 99; } // unwound
};

static int thrown_through;

void thrower(int value)
{
    Guard guard{&thrown_through};
    if (value > 1)
        throw std::runtime_error("far"); // throws
}

int catcher(int value)
{
    try {
        thrower(value); // tries
    } catch (const std::runtime_error &error) {
        return static_cast<int>(error.what()[0]); // caught
    }
    return 0;
}

void *work(void *argument)
{
    long number = reinterpret_cast<long>(argument);
    for (int i = 0; i < 3; i++) {
        pthread_mutex_lock(&lock);
        shared[number] += static_cast<int>(number); // works
        pthread_mutex_unlock(&lock);
        usleep(100);
    }
    return argument;
}

int main(int argc, char **argv)
{
    add(10); // first add
    record.number = 5; // first write
    record.next = &other;
    record.number = square(counter); // second write
    int result = factorial(5); // recurses
    struct sigaction action = {};
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGUSR1, &action, nullptr);
    union sigval value = {};
    value.sival_int = 42;
    sigqueue(getpid(), SIGUSR1, value); // kills
    if (setjmp(back) == 0) // marks
        leap(3); // leaps from here
    result += catcher(2); // catches
    watched = 1000; // far write
    spin(25000000); // long way
    pthread_t threads[2];
    for (long i = 0; i < 2; i++)
        pthread_create(&threads[i], nullptr, work, reinterpret_cast<void *>(i + 1)); // starts
    for (pthread_t thread : threads)
        pthread_join(thread, nullptr); // joins
    pid_t child = fork(); // forks
    if (child == 0) {
        counter = -1; // in the child
        _exit(3);
    }
    int status = 0;
    waitpid(child, &status, 0); // waits
    record.ratio = 2.5; // child is gone
    printf("%d %d %d %s\n", record.number, result, WEXITSTATUS(status), argv[0]);
    fflush(stdout); // flushed
    if (argc > 1)
        *static_cast<volatile int *>(nullptr) = 1; // crashes
    add(3); // last add
    return 0; // end
}
