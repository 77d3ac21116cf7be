// A recording that lasts as long as a block.
#include "reenact.h"

#include <cstdio>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

class Recording {
public:
    explicit Recording(const char *trace)
    {
        reenact_options options{};
        options.trace = trace;
        if (reenact_start(&options))
            throw std::runtime_error(reenact_error());
    }
    Recording(const Recording &) = delete;
    Recording &operator=(const Recording &) = delete;
    ~Recording()
    {
        std::vector<char> where(4096);
        if (reenact_stop(where.data(), where.size()))
            std::fprintf(stderr, "%s\n", reenact_error());
        else
            std::printf("recorded: %s\n", where.data());
    }
};

int main(int, char **words)
{
    std::vector<int> numbers(1000);
    {
        Recording recording(words[1]);
        std::iota(numbers.begin(), numbers.end(), 1);
    }
    std::printf("%d\n", std::accumulate(numbers.begin(), numbers.end(), 0));
}
