// A store that forgets to make a new map when it is cleared.
package main

import "fmt"

type Store struct {
	name    string
	entries map[string]int
}

//go:noinline
func (store *Store) clear() {
	store.entries = nil // guilty
}

//go:noinline
func (store *Store) put(key string, value int) {
	store.entries[key] = value // panics
}

func main() {
	store := &Store{"stock", make(map[string]int)}
	store.put("pears", 3)
	store.clear()
	store.put("apples", 5)
	fmt.Println(len(store.entries))
}
