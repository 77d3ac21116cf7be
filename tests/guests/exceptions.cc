// C++ exceptions: through frames, out of a signal handler (unwinder over the signal frame), rethrown.
#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>
static int destroyed;
static int *volatile nowhere = reinterpret_cast<int *>(64);
struct Guard {
    ~Guard() { destroyed++; }
};
static void handler(int number, siginfo_t *, void *) { throw std::runtime_error("signal " + std::to_string(number)); }
__attribute__((noinline)) static int read_from(const volatile int *place) {
    Guard guard;
    return *place;
}
__attribute__((noinline)) static int divide(volatile int one, volatile int other) {
    Guard guard;
    return one / other;
}
__attribute__((noinline)) static int deep(int level) {
    Guard guard;
    if (level == 0) throw std::out_of_range("the bottom");
    return deep(level - 1) + 1;
}
int main() {
    struct sigaction action = {};
    action.sa_sigaction = handler;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    sigaction(SIGSEGV, &action, nullptr);
    sigaction(SIGFPE, &action, nullptr);
    int caught = 0;
    for (int i = 0; i < 100; i++) {
        try {
            if (i % 3 == 0) caught += deep(50);
            if (i % 3 == 1) caught += read_from(nowhere);
            if (i % 3 == 2) caught += divide(i, 0);
        } catch (const std::out_of_range &) {
            caught++;
        } catch (const std::runtime_error &error) {
            caught += std::string(error.what()).size() > 7;
        }
    }
    try {
        std::vector<int>(3).at(5);
    } catch (const std::exception &error) {
        std::puts(error.what());
    }
    std::printf("caught %d, destroyed %d\n", caught, destroyed);
}
