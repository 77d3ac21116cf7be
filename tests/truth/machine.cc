// A machine with a stack: tables of functions, tagged values, arrays of arrays, thread-local state.
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>
enum class Kind : std::uint8_t { none, number, text, list = 9 };
enum Operation : unsigned { push, add, multiply, duplicate, halt = 0x80000000u };
struct Cell {
    Kind kind = Kind::none;
    union {
        std::int64_t number;
        const char *text;
        Cell *list;
        std::uint8_t bytes[8];
    };
    Cell() : number(0) {}
    explicit Cell(std::int64_t number) : kind(Kind::number), number(number) {}
    Cell &operator+=(const Cell &other) { number += other.number; return *this; }
    bool operator==(const Cell &other) const { return number == other.number; }
    explicit operator bool() const { return number != 0; }
};
class Machine;
using Action = void (Machine::*)(std::int64_t);
struct Instruction {
    Operation operation;
    std::int64_t argument;
};
class Machine {
public:
    enum : int { most = 4 };
    void run(const Instruction *code, std::size_t length);
    Cell &top() { return stack_[depth_ ? depth_ - 1 : 0]; }
private:
    void push_number(std::int64_t number) { stack_[depth_++ % most] = Cell(number); }
    void add_top(std::int64_t) { Cell cell = stack_[--depth_ % most]; top() += cell; }
    void multiply_top(std::int64_t by) { top().number *= by ? by : 3; }
    void copy_top(std::int64_t) { Cell &from = top(); stack_[depth_++ % most] = from; }
    static const Action actions_[4];
    Cell stack_[most];
    unsigned depth_ = 0;
    std::uint16_t counts_[2][2] = {{0, 0}, {0, 0}};
    std::variant<int, std::string> state_ = 3;
    std::atomic<int> steps_{0};
    mutable bool is_done_ = false;
};
const Action Machine::actions_[4] = {&Machine::push_number, &Machine::add_top, &Machine::multiply_top, &Machine::copy_top};
thread_local int running = 1;
static thread_local struct { int low; long high; } marks = {2, 3};
void Machine::run(const Instruction *code, std::size_t length)
{
    const Instruction *const end = code + length;
    for (const Instruction *at = code; at != end && at->operation != halt; ++at) {
        std::size_t which = at->operation;
        (this->*actions_[which])(at->argument);
        counts_[which & 1][which >> 1 & 1]++;
        steps_++;
        running += depth_;
        marks.high = top().number;
    }
    if (depth_ > 1)
        state_ = std::string("deep");
    is_done_ = true;
}
static __attribute__((noinline)) int sum_of(const std::vector<std::vector<int>> &rows, int (&corner)[2][2], std::string text)
{
    int sum = 0;
    for (std::size_t row = 0; row < rows.size(); row++)
        for (int value : rows[row])
            sum += value * corner[row & 1][0];
    corner[1][1] = sum;
    text += "!";
    return sum + static_cast<int>(text.size());
}
int main()
{
    Machine machine;
    static const Instruction code[] = {{push, 5}, {duplicate, 0}, {multiply, 0}, {add, 0}, {push, -2}, {halt, 0}};
    std::vector<std::vector<int>> rows = {{1, 2}, {3}, {}};
    int corner[2][2] = {{1, -1}, {2, 0}}, total = 0;
    for (int round = 0; round < 3; round++) {
        machine.run(code, sizeof code / sizeof *code);
        rows[2].push_back(round);
        total += sum_of(rows, corner, round ? std::string(30, 'x') : "short");
        try {
            if (round == 1)
                throw std::runtime_error("round");
        } catch (const std::exception &error) {
            total += std::strlen(error.what());
        }
    }
    std::printf("%d %ld %d\n", total, (long)machine.top().number, running);
    return 0;
}
