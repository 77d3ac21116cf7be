// What each owner points to is reached by a call in an expression: `operator->` of a unique_ptr.
#include <memory>

struct Node {
    int value;
    std::unique_ptr<Node> next;
};

static int look(const Node *node)
{
    return node->value;
}

int main()
{
    auto first = std::make_unique<Node>();
    first->next = std::make_unique<Node>();
    first->next->value = 2;
    first->next->value = 3; /* last */
    return look(first->next.get()) != 3;
}
