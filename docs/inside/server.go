// The C library from Go: reenact.h and reenact.c lie beside this file.
package main

// #include <stdlib.h>
// #include "reenact.h"
import "C"

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"unsafe"
)

// The text of an error is that of the operating system's thread that has called.
func called(call func() C.int) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if call() == 0 {
		return nil
	}
	return errors.New(C.GoString(C.reenact_error()))
}

func start(trace string) error {
	name := C.CString(trace)
	defer C.free(unsafe.Pointer(name))
	return called(func() C.int {
		options := (*C.struct_reenact_options)(C.calloc(1, C.sizeof_struct_reenact_options))
		defer C.free(unsafe.Pointer(options))
		options.trace = name
		return C.reenact_start(options)
	})
}

func stop() error {
	return called(func() C.int { return C.reenact_stop(nil, 0) })
}

func main() {
	if err := start(os.Args[1]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	sums := make(chan int)
	for number := 0; number < 3; number++ {
		go func(sum int) {
			for step := 0; step < 1000; step++ {
				sum = sum*31%1000003 + step
			}
			sums <- sum
		}(number)
	}
	total := <-sums + <-sums + <-sums
	if err := stop(); err != nil {
		fmt.Println(err)
	}
	fmt.Println(total)
}
