// Values that only the pretty printers of the C++ library show as what they are.
#include <string>
#include <vector>

static void shown() { asm volatile(""); }

int main()
{
    std::vector<int> shelf{7, 8, 9};
    std::string name = "seven";
    shown();
    return shelf.size() == name.size();
}
